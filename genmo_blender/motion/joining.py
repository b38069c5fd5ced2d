"""The handle with which a new key on a Bézier curve leaves the curve beside it as it was.

A key set into a segment whose other end must not change, its handle included, cannot give the same curve exactly, as
splitting it would; of all handles it takes the one that comes nearest.
"""

from __future__ import annotations

import numpy as np

from .rotations import Array

_REACHES = np.linspace(0.02, 1.0, 50)
"""Shares of the segment that a handle may reach over."""
_HALVINGS = 24


def handle_toward(far: Array, far_handle: Array, key: Array, times: Array, values: Array) -> Array:
    """The handle (2,) of ``key`` (2,) toward ``far`` (2,), a key with the handle ``far_handle`` (2,), so that the
    segment is nearest to ``values`` (N,) at ``times`` (N,) within it. Points are (frame, value), and either key may be
    the earlier one."""
    span = float(key[0] - far[0])
    one = np.clip((far_handle[0] - far[0]) / span, 0.0, 1.0)
    reach = far_handle[1] - far[1]
    if abs(far_handle[0] - far[0]) > abs(span):  # Blender shortens a handle that reaches past the other key
        reach = reach * abs(span) / abs(far_handle[0] - far[0])
    two = (1.0 - _REACHES)[:, None]
    wanted = ((times - far[0]) / span)[None]
    low: Array = np.zeros((len(_REACHES), len(times)))
    high: Array = np.ones((len(_REACHES), len(times)))
    for _ in range(_HALVINGS):
        s = 0.5 * (low + high)
        late = 3 * (1 - s) ** 2 * s * one + 3 * (1 - s) * s * s * two + s**3 > wanted
        low, high = np.where(late, low, s), np.where(late, s, high)
    s = 0.5 * (low + high)
    weight = 3 * (1 - s) * s * s
    rest = values - (1 - s) ** 3 * far[1] - 3 * (1 - s) ** 2 * s * (far[1] + reach) - s**3 * key[1]
    height = np.sum(weight * rest, axis=1) / np.sum(weight * weight, axis=1)
    best = int(np.argmin(np.abs(rest - weight * height[:, None]).max(axis=1)))
    return np.array([key[0] - _REACHES[best] * span, height[best]])
