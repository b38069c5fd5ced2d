"""Measures how training motion hangs together over time: `python -m genmo_blender.engine.training.covariances`.

The means, variances and covariances of `motion/expected.py`, over the training split and its mirror image, written to
``--out`` (assets/motion_covariances.npz is what the extension uses). Covariance at a lag is summed over every clip and
divided by all frames, not by those that have a frame that much later: only so is it that of some process, whatever
the lengths of the clips. What a clip's mean says is the same at every lag.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...motion.expected import HELD, STEPS, UPSET, Covariances, numbers_of
from ...motion.mirroring import mirrored
from ...motion.skeleton import canonical
from ...protocol.failures import GenmoFailure
from ..evaluation.rule_checks import runs
from ..options import check_folder
from .pack import prepared
from .samples import Clip

Array = np.ndarray
LAGS = 132
"""Frames from the first to the last that a long gap and what is known around it have."""
NUMBERS = 32
"""Of 66 that tell a pose."""
JUMP = 0.8
"""Radians a frame, 1400 degrees a second: no joint turns so fast."""
SHORTEST = 24
"""Frames of a stretch."""


def measured(clips: Sequence[Clip], lags: int = LAGS, numbers: int = NUMBERS) -> Covariances:
    """Covariances of the clips and their mirror images."""
    turn = _mean_turns(clips)
    motions = []
    for clip in clips:
        q, path = clip.rotations.astype(np.float64), clip.transl.astype(np.float64)
        for rotations, way in ((q, path), mirrored(q, path)):
            poses, steps = numbers_of(rotations, way, turn)
            numbers_told = np.concatenate([poses[:-1], steps], axis=1)
            motions += [numbers_told[part] for part in _parts(poses, steps)]
    frames = sum(len(x) for x in motions)
    mean = np.sum([x.sum(axis=0) for x in motions], axis=0) / frames
    lever = _leverage()
    spread = np.sum([(x[:, :HELD] - mean[:HELD]).T @ (x[:, :HELD] - mean[:HELD]) for x in motions], axis=0) / frames
    _, axes = np.linalg.eigh(spread * lever * lever[:, None])
    basis = lever[:, None] * axes[:, ::-1][:, :numbers]
    found = np.zeros((lags, numbers + STEPS, numbers + STEPS))
    weights = _weights([(x[:, :HELD]) * lever for x in motions])
    for x, weight in zip(motions, weights, strict=True):
        told = np.concatenate([(x[:, :HELD] - mean[:HELD]) @ basis, x[:, HELD:] - mean[HELD:]], axis=1)
        usual = told.mean(axis=0)
        told = told - usual
        found += len(told) * np.outer(usual, usual)
        for k in range(min(lags, len(told))):
            later = told[k:]
            found[k] += weight * (told[: len(later)].T @ later)
    return Covariances(turn, mean, basis, found / frames)


def _weights(motions: Sequence[Array]) -> Array:
    """What each motion (T, 66) in metres counts for, one on average over all frames: the less, the faster it is, so
    that a few leaps do not say how a walk hangs together."""
    speed = np.array([np.sqrt((np.diff(x, axis=0) ** 2).sum(axis=1).mean()) for x in motions])
    weight = 1.0 / np.hypot(speed, 0.2 * np.median(speed))
    frames = np.array([len(x) for x in motions])
    return np.asarray(weight * frames.sum() / (weight * frames).sum())


def _parts(poses: Array, steps: Array) -> list[slice]:
    """Stretches in which the numbers run on: nobody lies or turns over, where it is not told which way he looks, and no
    joint turns so far that its rotation vector jumps to the other side. One frame of that is worth ten thousand."""
    jump = np.linalg.norm(np.diff(poses[:, :-3].reshape(len(poses), -1, 3), axis=0), axis=-1).max(axis=1) > JUMP
    lies = np.linalg.norm(poses[:-1, 63:65], axis=1) > UPSET
    kept = ~(jump | lies | (np.abs(steps[:, 2]) > JUMP))
    return [slice(a, b) for a, b in runs(kept) if b - a >= SHORTEST]


def _mean_turns(clips: Sequence[Clip]) -> Array:
    """(21, 4): the mean of each joint's rotations and of their mirror images (Markley et al. 2007)."""
    sums = np.zeros((21, 4, 4))
    for clip in clips:
        q, path = clip.rotations.astype(np.float64), clip.transl.astype(np.float64)
        for turns in (q[:, 1:], mirrored(q, path)[0][:, 1:]):
            sums += np.einsum("tji,tjk->jik", turns, turns)
    axes: Array = np.linalg.eigh(sums)[1][..., -1]
    return axes * np.where(axes[:, :1] < 0, -1.0, 1.0)


def _leverage() -> Array:
    """(66,) metres: how far a radian of each number moves what hangs on it, or a metre of the height."""
    reach = canonical().reach(0.05)
    return np.concatenate([np.repeat(reach[1:], 3), [1.0, 1.0], [2.0]])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="covariances", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="folders of motion, or packed motion")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("out") / "cache")
    options = parser.parse_args(arguments)
    try:
        check_folder(options.out.parent)
        clips = prepared(options.data, options.cache).train
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    found = measured(clips)
    # in half precision they would be those of no process, and what is solved with them could come out as anything
    np.savez_compressed(options.out, **{name: value.astype(np.float32) for name, value in vars(found).items()})
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB, {sum(c.frames for c in clips)} frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
