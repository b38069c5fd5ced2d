"""A dance retimed so that its slow moments fall on beats of its music (numpy alone).

The body goes where it went; only when it gets there moves, by a few frames, on a smooth clock that always rises.
Feet that stand keep standing. The length stays, and so do the first and the last frame.
"""

from __future__ import annotations

import numpy as np

from . import kinematics
from .resampling import resample_smoothly
from .skeleton import canonical
from .timing import rising

Array = np.ndarray
SMOOTHED = 5.0
"""Frames: standard deviation of the smoothing under which a slow moment is one (EDGE's beat alignment)."""
REACH = 8
"""Frames by which a slow moment may move: half of a beat's length at 112 beats a minute."""
RATES = (0.65, 1.5)
"""How slow and how fast the clock may run between two beats that are met."""
DWELL = 0.85
"""Of the pace around a beat that is met, the pace on it: a slow moment stays one where the clock changes its pace."""
RATE_COST = 2.0
"""What the square of a rate's logarithm costs, in beats met."""


def danced(rotations: Array, path: Array, contacts: Array, beats: Array) -> tuple[Array, Array, Array]:
    """A motion, local ``rotations`` (T, 22, 4), ``path`` (T, 3) and ``contacts`` (T, C), whose slow moments fall on
    ``beats`` (K,), frames, where they nearly do."""
    joints = kinematics.joint_positions(canonical(), rotations.astype(np.float64), path.astype(np.float64))
    clock = beat_clock(slow_moments(joints), beats, len(path))
    turned, way = resample_smoothly(rotations.astype(np.float64), path.astype(np.float64), clock)
    frames = np.arange(len(path))
    planted = np.stack([np.interp(clock, frames, column) for column in contacts.T], axis=1)
    return turned, way, planted


def slow_moments(joints: Array) -> Array:
    """Frames (M,) at which the mean speed of joints (T, J, 3) is least, smoothed: the beats of a dance itself."""
    if len(joints) < 4:
        return np.zeros(0, dtype=int)
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).mean(axis=-1)
    far = round(4 * SMOOTHED)
    kernel = np.exp(-0.5 * (np.arange(-far, far + 1) / SMOOTHED) ** 2)
    index = np.arange(-far, len(speed) + far) % (2 * len(speed))
    mirrored = speed[np.where(index < len(speed), index, 2 * len(speed) - 1 - index)]
    smooth = np.convolve(mirrored, kernel / kernel.sum(), mode="valid")
    least = (smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] < smooth[2:])
    return np.flatnonzero(least) + 1


def beat_clock(motion: Array, music: Array, frames: int) -> Array:
    """At which frame of the dance each frame of its retimed twin is: (frames,), rising from 0 to frames - 1.

    ``motion`` (M,) and ``music`` (K,) are frames of slow moments and of beats. As many slow moments as the `RATES`
    allow are laid on a beat each, and rather those that have to move little.
    """
    end = float(frames - 1)
    # The speed of a frame is the step to the next one, so a slow moment lies half a frame later.
    near = [(m + 0.5, k + 0.5) for m in np.sort(motion) for k in np.sort(music) if abs(m - k) <= REACH]
    knots = [(0.0, 0.0), *(pair for pair in near if max(pair) < end), (end, end)]
    score, back = np.full(len(knots), -np.inf), np.zeros(len(knots), dtype=int)
    score[0] = 0.0
    for j in range(1, len(knots)):
        for i in range(j):
            told = score[i] + 1.0 - _cost(knots[i], knots[j])
            if told > score[j]:
                score[j], back[j] = told, i
    if not np.isfinite(score[-1]):
        return np.arange(frames, dtype=np.float64)
    chain = [len(knots) - 1]
    while chain[-1]:
        chain.append(int(back[chain[-1]]))
    source, target = np.array([knots[i] for i in chain[::-1]]).T
    return np.clip(rising(target, source, np.arange(frames), DWELL), 0.0, end)


def _cost(first: tuple[float, float], second: tuple[float, float]) -> float:
    source, target = second[0] - first[0], second[1] - first[1]
    if source <= 0 or target <= 0 or not RATES[0] <= source / target <= RATES[1]:
        return np.inf
    return float(RATE_COST * np.log(source / target) ** 2)
