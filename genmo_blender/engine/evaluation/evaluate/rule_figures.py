"""Prompt rules as figures: what part of the takes, and of other motions in their place, does what a prompt says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..freeze import segments, share
from ..rules import Prompt
from ..rules_report import judge
from .context import Context
from .section import MEAN_POSE, NEAREST, RANDOM, REAL, Bar, Figure

Array = np.ndarray
SALT = 2


def rule_figures(context: Context) -> list[Figure]:
    """Shares of takes that keep their rules, beside the same of real clips and of the baselines."""
    run, rng, base = context.rule_run, context.rng(SALT), context.baselines
    prompts = [t.prompt for t in run.takes]
    real = {p.id: _real_share(context, p) for p in prompts}
    nearest = dict(zip([p.id for p in prompts], base.nearest_caption([p.prompt for p in prompts]), strict=True))
    count = context.effort.takes
    shares: dict[str, dict[str, float]] = {MEAN_POSE: {}, RANDOM: {}, NEAREST: {}}
    for p in prompts:
        frames = round(p.seconds * 30) + 1
        makers: dict[str, Callable[[], Array]] = {
            MEAN_POSE: lambda n=frames: base.mean_pose(n),  # type: ignore[misc]
            RANDOM: lambda n=frames: base.random(n, rng),  # type: ignore[misc]
            NEAREST: lambda n=frames, c=nearest[p.id]: base.of_caption(c, n, rng),  # type: ignore[misc]
        }
        for name, make in makers.items():
            motions = [make() for _ in range(1 if name == MEAN_POSE else count)]
            shares[name][p.id] = float(np.mean([len(m) >= 10 and not judge(p, m) for m in motions]))
    out = []
    for title, which, bar in (
        ("takes that do what the prompt says", "all", 80.0),
        ("left or right as the prompt says", "left_right", 90.0),
        ("prompts worded unlike any caption", "novel", None),
    ):
        chosen = [p for p in prompts if which == "all" or (p.side if which == "left_right" else p.novel)]
        baselines = {REAL: _percent([real[p.id] for p in chosen])}
        baselines |= {name: _percent([by_id[p.id] for p in chosen]) for name, by_id in shares.items()}
        for kind in ("delivered", "raw"):
            share = run.report["rules"][which][kind]["share"]
            limit = Bar(">=", bar) if bar is not None and kind == "delivered" else None
            value = None if share is None else 100 * share
            out.append(Figure(f"{title}, {kind}", value, "%", "higher", None, baselines, limit))
    return out


def _real_share(context: Context, prompt: Prompt) -> float | None:
    """Which part of the action's real clips passes the prompt's rule."""
    figures = context.real_figures
    own = [s for c in context.rule_clips for s in segments(c, prompt.rule, prompt.side)]
    passed = sum(not prompt.rule.broken(figures(s), prompt.side) for s in own)
    return share((passed, len(own))) if own else None


def _percent(shares: Sequence[float | None]) -> float | None:
    numbers = [s for s in shares if s is not None]
    return 100 * float(np.mean(numbers)) if numbers else None
