"""How a motion behaves at given frames, beside what it does next to them. Joints are (T, J, 3) metres, numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray
SLOW = 0.06
"""Metres a second: a joint whose neighbours are slower counts as if they moved so; a twitch of 2 mm is not a pop."""
AROUND = 4


def speeding(joints: Array, fps: float, frames: Sequence[int]) -> float:
    """The most that any joint is faster, in the two steps at any of the frames, than in the three steps before and
    after them: a ratio of speeds."""
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * fps
    found = []
    for at in frames:
        if not AROUND <= at < len(speed) - AROUND:
            continue
        near = speed[at - 1 : at + 1].max(axis=0)
        around = np.concatenate([speed[at - AROUND : at - 1], speed[at + 1 : at + AROUND]]).max(axis=0)
        found.append(float((near / np.maximum(around, SLOW)).max()))
    return max(found, default=0.0)


def speeding_mean(joints: Array, fps: float, frames: Sequence[int]) -> float:
    """The same of the joints' mean speed, at the worst of the frames."""
    mean = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(axis=-1)
    line = np.concatenate([[0.0], np.cumsum(mean)])
    return speeding(np.stack([line, 0 * line, 0 * line], axis=-1)[:, None], fps, frames)


def sharpening(joints: Array, frames: Sequence[int]) -> float:
    """The joints' mean acceleration at the frames and one beside them, over that 3 to 6 frames away."""
    sharp = np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1).mean(axis=-1)
    at, beside = [], []
    for frame in frames:
        k = frame - 1
        if 6 <= k < len(sharp) - 6:
            at.append(sharp[k - 1 : k + 2].mean())
            beside.append(np.concatenate([sharp[k - 6 : k - 2], sharp[k + 3 : k + 7]]).mean())
    return float(np.sum(at) / np.sum(beside)) if at else 1.0
