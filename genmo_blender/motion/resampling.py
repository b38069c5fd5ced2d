"""A motion at 30 frames a second -> the times a scene asks for."""

from __future__ import annotations

import numpy as np

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
