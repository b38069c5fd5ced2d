"""Clocks that always rise: the monotone cubic through knots (numpy alone)."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def rising(x: Array, y: Array, at: Array, dwell: float = 1.0) -> Array:
    """The monotone cubic through rising knots x, y (K,), at ``at`` (Fritsch and Butland 1984: harmonic means of the
    slopes). ``dwell`` scales the pace on each inner knot; at most 1 for a clock that rises."""
    width = np.diff(x)
    slope = np.diff(y) / width
    knot = np.concatenate([slope[:1], np.zeros(len(slope) - 1), slope[-1:]])
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    knot[1:-1] = dwell * (before + after) / (before / slope[:-1] + after / slope[1:])
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(slope) - 1)
    t = (at - x[i]) / width[i]
    ends = (2 * t**3 - 3 * t**2 + 1) * y[i] + (3 * t**2 - 2 * t**3) * y[i + 1]
    return ends + width[i] * ((t**3 - 2 * t**2 + t) * knot[i] + (t**3 - t**2) * knot[i + 1])
