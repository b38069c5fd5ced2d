"""How far takes of few steps are from the same takes of many, by where the steps lie.

``python -m genmo_blender.engine.evaluation.spacing [--model FILE] [--steps 8 10 15 25 50]``

A deterministic sampler follows a curve from its noise to one motion; what few steps miss of it is an error that no
prompt asked for. Steps even in time are the release's, those by noise `NoiseSchedule.by_noise`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...protocol.failures import GenmoFailure
from ...protocol.requests import GenerateRequest
from ..options import whole
from ..pipeline import Pipeline
from .music import amount_of_motion
from .rules import load_rules
from .worded import everywhere, motions

Array = np.ndarray
FRAMES, SEEDS, EVERY = 120, (1, 2), 5
"""Length of a take, its seeds, and every how many frozen prompts one is taken."""
MANY = 250


@dataclass(frozen=True)
class Row:
    """Takes of so many ``steps``, even in time or ``by_noise``: ``error`` mean distance of joints from those of `MANY`
    steps, metres, both seen from the pelvis; ``amount`` their motion as a share of those'."""

    steps: int
    by_noise: bool
    error: float
    amount: float


def takes(pipeline: Pipeline, prompts: Sequence[str], steps: int, by_noise: bool) -> Array:
    """Joints (prompts x seeds, FRAMES, 22, 3) of raw takes at the usual strength."""
    said = [everywhere(prompt) for prompt in prompts for _ in SEEDS]
    seeds, strength = [*SEEDS] * len(prompts), GenerateRequest.guidance
    return motions(pipeline, said, FRAMES, seeds, steps=steps, guidance=strength, by_noise=by_noise)


def rows(pipeline: Pipeline, prompts: Sequence[str], counts: Sequence[int], many: int = MANY) -> list[Row]:
    """Each number of steps, spaced both ways."""
    true = takes(pipeline, prompts, many, by_noise=True)
    moving = np.mean([amount_of_motion(take) for take in true])
    out = []
    for steps in counts:
        for by_noise in (False, True):
            found = takes(pipeline, prompts, steps, by_noise)
            off = (found - found[:, :, :1]) - (true - true[:, :, :1])
            amount = np.mean([amount_of_motion(take) for take in found]) / moving
            out.append(Row(steps, by_noise, float(np.linalg.norm(off, axis=-1).mean()), float(amount)))
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="checkpoint (default: the bundled model)")
    parser.add_argument("--steps", type=whole(1), nargs="+", default=[8, 10, 15, 25, 50])
    given = parser.parse_args(arguments)
    try:
        pipeline = Pipeline.load(given.model)
        prompts = [p.prompt for p in load_rules()[0]][::EVERY]
        print(f"{len(prompts)} prompts, {len(SEEDS)} takes of each, against {MANY} steps")
        print(f"{'steps':>5}  {'spaced by':<9}  {'joints off':>10}  {'motion':>6}")
        for row in rows(pipeline, prompts, given.steps):
            name = "noise" if row.by_noise else "time"
            print(f"{row.steps:>5}  {name:<9}  {100 * row.error:>7.1f} cm  {100 * row.amount:>4.0f} %")
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
