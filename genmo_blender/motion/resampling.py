"""A motion at its own rate -> the times that are asked for."""

from __future__ import annotations

import numpy as np

from . import rotations as rot
from .rotations import Array, slerp


def resample(rotations: Array, transl: Array, fps: float, times: Array) -> tuple[Array, Array]:
    """Rotations (T, J, 4) and path (T, 3) at ``times`` (N,) seconds from the first frame.

    Rotations by slerp, positions linearly; times outside are held at the ends. Both are C0, which is what curves keyed
    on every frame can show.
    """
    position = np.clip(np.asarray(times, dtype=np.float64) * fps, 0.0, len(transl) - 1)
    # An exact frame must come back bit for bit whatever the clock's rounding.
    nearest = np.rint(position)
    position = np.where(np.abs(position - nearest) < 1e-6, nearest, position)
    low = np.minimum(position.astype(int), max(len(transl) - 2, 0))
    high = np.minimum(low + 1, len(transl) - 1)
    t = position - low
    path = transl[low] * (1 - t)[:, None] + transl[high] * t[:, None]
    return slerp(rotations[low], rotations[high], t[:, None]), path


def resample_smoothly(rotations: Array, path: Array, position: Array) -> tuple[Array, Array]:
    """Rotations (T, J, 4) and path (T, 3) at ``position`` (N,) frames, not whole, held at the ends.

    Cubics through the frames with the slopes of their neighbours, rotations in the space of turns from the frame
    before: a slow clock shows no corners. A whole frame comes back bit for bit.
    """
    if len(path) < 2:
        return rotations[np.zeros(len(position), dtype=int)], path[np.zeros(len(position), dtype=int)]
    rotations = rot.continuous(rotations)
    position = np.clip(position, 0.0, len(path) - 1.0)
    low = np.minimum(position.astype(int), len(path) - 2)
    t = position - low
    step = rot.to_rotation_vector(rot.multiply(rot.conjugate(rotations[:-1]), rotations[1:]))
    turned = _cubic(0.0 * step[low], step[low], _slopes(step), low, t[:, None, None])
    q = rot.normalise(rot.multiply(rotations[low], rot.from_rotation_vector(turned)))
    way = np.diff(path, axis=0)
    p = path[low] + _cubic(0.0 * way[low], way[low], _slopes(way), low, t[:, None])
    whole = np.flatnonzero((t == 0.0) | (t == 1.0))
    exact = low[whole] + t[whole].astype(int)
    q[whole], p[whole] = rotations[exact], path[exact]
    return q, p


def _slopes(step: Array) -> Array:
    """At every frame (T, ...) from the steps between frames (T - 1, ...): the mean of both neighbours."""
    return np.concatenate([step[:1], (step[1:] + step[:-1]) / 2, step[-1:]])


def _cubic(start: Array, end: Array, slopes: Array, low: Array, t: Array) -> Array:
    ends = start + (3 * t**2 - 2 * t**3) * (end - start)
    return ends + (t**3 - 2 * t**2 + t) * slopes[low] + (t**3 - t**2) * slopes[low + 1]
