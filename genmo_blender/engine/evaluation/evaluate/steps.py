"""Quality against the number of steps: how few are enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..captioned import FRAMES
from ..command import product
from ..distributions import kernel_distance
from ..matching.network import embed_motions
from ..quality import smoothness
from ..rules_report import grounded_joints, judge
from .context import Context
from .quality import real_segments
from .section import REAL, Bar, Figure, Line, Plot, Section

Array = np.ndarray
SALT = 5
NEAR = 0.05
"""Of the best figure: what still counts as the best."""


@dataclass(frozen=True)
class Point:
    """What takes of so many steps are: ``rules`` the share that does what is asked; ``kid`` from real segments of the
    same actions; ``jerk`` m/s^3; ``slide`` m/s."""

    steps: int
    rules: float
    kid: float
    jerk: float | None
    slide: float | None


def measure(context: Context) -> Section:
    """The section ``steps``."""
    wanted = sorted({*context.effort.steps, context.steps})
    real = embed_motions(context.evaluator[0], [m[:FRAMES] for m in real_segments(context) if len(m) >= 30])
    mean_pose = embed_motions(context.evaluator[0], [context.baselines.mean_pose(FRAMES)] * 3)
    worst = kernel_distance(real, mean_pose, context.rng(SALT)).mean
    points = [_point(context, steps, real) for steps in wanted]
    fewest = fewest_steps(points)
    default = next(p for p in points if p.steps == context.steps)
    best = max(points, key=lambda p: p.rules)
    figures = (
        Figure(
            "default number of steps", float(context.steps), "", "", None, {
                "fewest within 5 % of the best": fewest,
                "by the rules alone": fewest_steps(points, kid=False),
                "by KID alone": fewest_steps(points, rules=False),
            },
            Bar("=", fewest, "the fewest within 5 % of the best"),
        ),
        Figure(
            "raw takes that do what the prompt says, default", 100 * default.rules, "%", "higher", None,
            {f"best, at {best.steps} steps": 100 * best.rules},
        ),
        Figure("KID of these takes, default", default.kid, "", "lower", None, {"mean pose": worst, REAL: 0.0}),
    )  # fmt: skip
    mark = float(context.steps)
    plots = (
        Plot("Prompt rules by steps", "steps", "%", (Line("raw takes", _curve(points, "rules", 100.0)),), mark),
        Plot("KID by steps", "steps", "KID", (Line("raw takes", _curve(points, "kid", 1.0)),), mark),
        Plot("Jerk by steps", "steps", "m/s³", (Line("raw takes", _curve(points, "jerk", 1.0)),), mark),
        Plot("Toe slide by steps", "steps", "cm/s", (Line("raw takes", _curve(points, "slide", 100.0)),), mark),
    )  # fmt: skip
    notes = (
        f"{context.effort.step_takes} raw takes of each frozen prompt, the same seeds for each number of steps. "
        "KID against real segments of the same actions. Within 5 % of the best: rules and KID both are. The marked "
        "number of steps is the default.",
    )
    details = {"points": [{k: v for k, v in vars(p).items()} for p in points]}
    return Section("steps", "Steps", figures, notes, plots, details)


def fewest_steps(points: list[Point], rules: bool = True, kid: bool = True) -> float:
    """The first number of steps at which the share that does what is asked, the KID, or both are within 5 % of their
    best; nan where none is."""
    least = (1 - NEAR) * max(p.rules for p in points)
    best = min(p.kid for p in points)
    most = best + NEAR * abs(best)
    enough = [p.steps for p in points if (p.rules >= least or not rules) and (p.kid <= most or not kid)]
    return float(min(enough)) if enough else float("nan")


def _point(context: Context, steps: int, real: Array) -> Point:
    context.say(f"{steps} steps")
    generate, _ = product(context.pipeline, steps, context.guidance)
    seeds = range(1 + context.seed, 1 + context.seed + context.effort.step_takes)
    motions, passed = [], 0
    for prompt in context.prompts:
        takes = [grounded_joints(t) for t in generate(prompt.prompt, prompt.seconds, seeds)]
        passed += sum(not judge(prompt, joints) for joints in takes)
        motions += takes
    kid = kernel_distance(real, embed_motions(context.evaluator[0], motions), context.rng(SALT)).mean
    smooth = smoothness(motions)
    return Point(steps, passed / len(motions), kid, smooth.jerk, smooth.slide)


def _curve(points: list[Point], name: str, scale: float) -> tuple[tuple[float, float], ...]:
    found = ((float(p.steps), getattr(p, name)) for p in points)
    return tuple((x, scale * y) for x, y in found if y is not None)
