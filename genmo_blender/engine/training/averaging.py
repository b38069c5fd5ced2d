"""Weights of a run and of what it went on from, averaged: `python -m … training.averaging A B SHARE OUT`.

A short run that learns something new moves away from what long ones have learned. On the straight line between the two
sets of weights both are kept to a good part (Wortsman et al. 2022, arXiv 2109.01903): measured for the bundled model in
docs/training_log.md.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...protocol.failures import GenmoFailure, ModelFailure
from ..checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def averaged(first: Checkpoint, second: Checkpoint, share: float) -> Checkpoint:
    """``second``, each of its parameters at a ``share`` (0..1) of the way from ``first``; what the first lacks stays.
    Raises ModelFailure for a parameter of another size."""
    state = {}
    for name, value in second.state.items():
        before = first.state.get(name)
        if before is not None and before.shape != value.shape:
            raise ModelFailure(
                "other_network", f"{name} has another size in the two files.", "Give a run and its --init."
            )
        mixes = before is not None and value.is_floating_point()
        state[name] = before.lerp(value, share) if mixes and before is not None else value
    return replace(second, state=state)


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    if len(arguments) != 4:
        print("Give two model files, the share of the second, and the file to write.", file=sys.stderr)
        return 2
    first, second, given, out = arguments
    try:
        share = float(given)
    except ValueError:
        share = math.nan
    if not 0.0 <= share <= 1.0:
        print(f"“{given}” is no share from 0 to 1.", file=sys.stderr)
        return 2
    try:
        save_checkpoint(Path(out), averaged(load_checkpoint(first), load_checkpoint(second), share))
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
