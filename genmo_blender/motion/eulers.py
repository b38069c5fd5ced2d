"""Euler angles in any order of axes, as curves that an animator can read: no jumps, and near to what she has keyed.

An order names the axes as they are applied, as Blender does: "XYZ" turns about X first. Angles (N, 3) are radians about
x, y and z, whatever the order. numpy alone.
"""

from __future__ import annotations

import numpy as np

from . import rotations as rot

Array = np.ndarray
ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
_LOCKED = 1e-5
"""Cosine of the middle angle below which first and last turn about one axis."""


def to_quaternions(angles: Array, order: str) -> Array:
    """Angles (N, 3) -> unit quaternions (N, 4), w first."""
    angles = np.asarray(angles, dtype=np.float64)
    out: Array = np.tile(rot.IDENTITY, (len(angles), 1))
    for axis in _axes(order):
        out = rot.multiply(_about(axis, angles[:, axis]), out)
    return out


def from_quaternions(q: Array, order: str) -> Array:
    """Unit quaternions (N, 4) -> angles (N, 3), each as near to the one before as one of its two readings and whole
    turns can bring it. Where first and last axis fall together the last one stays where it was."""
    i, j, k = _axes(order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = rot.to_matrix(np.asarray(q, dtype=np.float64))
    flat = np.hypot(m[:, i, i], m[:, j, i])
    angles = np.empty((len(m), 3))
    angles[:, j] = np.arctan2(-sign * m[:, k, i], flat)
    angles[:, i] = np.arctan2(sign * m[:, k, j], m[:, k, k])
    angles[:, k] = np.arctan2(sign * m[:, j, i], m[:, i, i])
    locked = flat < _LOCKED
    if locked.any():
        before = np.maximum.accumulate(np.where(locked, -1, np.arange(len(m))))
        held = np.where(before >= 0, angles[before, k], 0.0 if locked.all() else angles[np.argmin(locked), k])
        angles[:, k] = np.where(locked, held, angles[:, k])
        rest = rot.to_matrix(rot.multiply(_about(k, -angles[:, k]), q))
        angles[:, i] = np.where(locked, np.arctan2(-sign * rest[:, j, k], rest[:, j, j]), angles[:, i])
    other = _other(angles, order)
    same, turned = (np.sum(_wrapped(x[1:] - angles[:-1]) ** 2, axis=1) for x in (angles, other))
    flips = np.concatenate([[0], np.cumsum(turned < same - 1e-12)]) % 2 == 1
    return np.unwrap(np.where(flips[:, None], other, angles), axis=0)


def brought_near(angles: Array, order: str, row: Array, theirs: Array, nearest: Array) -> Array:
    """Angles (N, 3) of the same turns, at K of its rows, ``row`` (K,), as near to ``theirs`` (K, 3) as whole turns and
    the other reading can bring them; each other row follows the one of those that ``nearest`` (N,) says. Angles that
    are not-a-number ask for nothing."""
    options = np.stack([angles[row], _other(angles[row], order)])
    turns = 2 * np.pi * np.round(np.nan_to_num(theirs - options) / (2 * np.pi))
    cost = np.nansum((theirs - options - turns) ** 2, axis=2)
    flips: Array = cost[1] < cost[0] - 1e-9
    shift = np.where(flips[:, None], turns[1], turns[0])
    return np.where(flips[nearest][:, None], _other(angles, order), angles) + shift[nearest]


def _axes(order: str) -> tuple[int, int, int]:
    i, j, k = ("XYZ".index(axis) for axis in order)
    return i, j, k


def _about(axis: int, angle: Array) -> Array:
    vector = np.zeros((len(angle), 3))
    vector[:, axis] = angle
    return rot.from_rotation_vector(vector)


def _other(angles: Array, order: str) -> Array:
    """The other reading of the same turns."""
    i, j, k = _axes(order)
    out = np.array(angles)
    out[:, i], out[:, k], out[:, j] = angles[:, i] + np.pi, angles[:, k] + np.pi, np.pi - angles[:, j]
    return out


def _wrapped(angles: Array) -> Array:
    out: Array = (angles + np.pi) % (2 * np.pi) - np.pi
    return out
