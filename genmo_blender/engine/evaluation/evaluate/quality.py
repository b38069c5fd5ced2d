"""How natural takes are: jerk, sliding feet, difference between seeds, nearness to the training motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...training.corpus import contact_labels
from ..freeze import segments
from ..quality import contact_slide
from ..rules_report import grounded_joints, joints_of
from .context import Context, evenly
from .section import MEAN_POSE, REAL, Bar, Figure, Section

Array = np.ndarray
ALL_REAL, HELD_OUT = "all real clips", "held-out motion"
MOST = 1.3
"""Times real clips' figure: the bar for raw takes."""
SEGMENTS = 8
"""Real segments of a prompt's action."""


def measure(context: Context) -> Section:
    """The section ``quality``."""
    run = context.rule_run
    smooth = run.report["smoothness"]
    takes = {
        "raw": [(grounded_joints(t), t.contacts) for p in run.takes for t in p.raw],
        "delivered": [(joints_of(t), t.contacts) for p in run.takes for t in p.delivered],
    }
    real_slide = _mean([contact_slide(j, contact_labels(j)) for j in real_segments(context)])
    figures = []
    for kind in ("raw", "delivered"):
        for name, key, unit, scale in (("jerk", "jerk", "m/s³", 1.0), ("toe slide", "slide", "cm/s", 100.0)):
            real = _scaled(smooth["real_same_actions"][key], scale)
            baselines = {REAL: real, ALL_REAL: _scaled(smooth["real_all"][key], scale), MEAN_POSE: 0.0}
            limit = MOST * real if real is not None else float("nan")
            bar = Bar("<=", limit, f"{MOST} times real motion's") if kind == "raw" else None
            value = _scaled(smooth[kind][key], scale)
            figures.append(Figure(f"{name}, {kind}", value, unit, "lower", None, baselines, bar))
        slide = _mean([contact_slide(j, c) for j, c in takes[kind]])
        figures.append(
            Figure(
                f"slide in contact, {kind}", _scaled(slide, 100.0), "cm/s", "lower", None,
                {REAL: _scaled(real_slide, 100.0), MEAN_POSE: 0.0},
            )
        )  # fmt: skip
    spread, near = run.report["spread_m"], run.report["nearest_m"]
    figures += [
        Figure(
            "difference of two seeds", _scaled(spread["seeds_where_real_pairs"], 100.0), "cm", "", None,
            {REAL: _scaled(spread["real_pairs"], 100.0), MEAN_POSE: 0.0},
        ),
        Figure(
            "distance to the nearest training window", 100 * near["takes_median"], "cm", "", None,
            {HELD_OUT: 100 * near["validation_median"]},
        ),
        Figure(
            "takes that are no copies", 100 * near["takes_at_or_above_limit"], "%", "higher", None, {HELD_OUT: 95.0}
        ),
    ]  # fmt: skip
    notes = (
        "Over the takes of the frozen prompts. Jerk: mean length of the third derivative of all joints. Toe slide: "
        "median horizontal speed of toes under 3 cm, median over motions. Slide in contact: mean horizontal speed of "
        "ankles and toes while the network (for real clips the training's labels) says that they stand.",
        "Real motion: real clips of the same actions, as many for each; sides of a take are raw (the network's) and "
        "delivered (feet planted, smoothed).",
        "A copy is a take whose middle two seconds lie nearer to a training window than the nearest twentieth of held-"
        "out windows does.",
    )
    return Section("quality", "Quality of motion", tuple(figures), notes)


def real_segments(context: Context) -> list[Array]:
    """Joints of real segments of the prompts' actions."""
    joints: dict[str, Array] = {}
    out = []
    for prompt in context.prompts:
        found = [s for c in context.rule_clips for s in segments(c, prompt.rule, prompt.side)]
        for clip, a, b in evenly(found, SEGMENTS) if found else ():
            if clip.id not in joints:
                joints[clip.id] = clip.joints()
            out.append(joints[clip.id][a:b])
    return out


def _mean(values: Sequence[float]) -> float | None:
    numbers = [v for v in values if np.isfinite(v)]
    return float(np.mean(numbers)) if numbers else None


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value
