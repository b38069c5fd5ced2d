"""Keys as Blender stores them, and what it makes of them between (F-curves with Bézier interpolation).

A key is (frame, value) with a handle, another point (frame, value), on each side. Blender keeps float32; between two
keys time and value are cubics of one parameter, before the first key and after the last one the value is held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..rotations import Array

KEYFRAME, EXTREME, BREAKDOWN = "KEYFRAME", "EXTREME", "BREAKDOWN"
"""Blender's names of key types."""


@dataclass(frozen=True)
class ControlKeys:
    """Keys of one control, shared by its C channels.

    ``frames`` (K,) from the motion's first frame, ``values`` (K, C), ``left`` and ``right`` (K, C, 2) handles as
    (frame, value), ``types`` (K,), ``changes`` (C,) bool: which channels move at all. Handles are aligned.
    """

    frames: Array
    values: Array
    left: Array
    right: Array
    types: tuple[str, ...]
    changes: Array


def evaluate(keys: ControlKeys, frames: Array) -> Array:
    """Values (N, C) at any ``frames`` (N,), by Blender's rule."""
    frames = np.asarray(frames, dtype=np.float64)
    times, values = keys.frames.astype(np.float64), keys.values.astype(np.float64)
    if len(times) == 1:
        return np.repeat(values, len(frames), axis=0)
    inside = np.clip(frames, times[0], times[-1])
    k = np.clip(np.searchsorted(times, inside, side="right") - 1, 0, len(times) - 2)
    start, end = times[k, None], times[k + 1, None]
    span = end - start
    first = keys.right[k].astype(np.float64) - np.stack([start + 0 * values[k], values[k]], axis=-1)
    second = np.stack([end + 0 * values[k + 1], values[k + 1]], axis=-1) - keys.left[k + 1]
    # A handle that reaches past the neighbouring key is shortened to end there.
    first = first * np.minimum(1.0, span / np.maximum(np.abs(first[..., 0]), 1e-12))[..., None]
    second = second * np.minimum(1.0, span / np.maximum(np.abs(second[..., 0]), 1e-12))[..., None]
    one, two = first[..., 0] / span, 1.0 - second[..., 0] / span
    wanted = (inside[:, None] - start) / span
    low, high = np.zeros_like(one), np.ones_like(one)
    for _ in range(52):
        s = 0.5 * (low + high)
        late = 3 * (1 - s) ** 2 * s * one + 3 * (1 - s) * s * s * two + s**3 > wanted
        low, high = np.where(late, low, s), np.where(late, s, high)
    s = 0.5 * (low + high)
    r = 1.0 - s
    v0, v3 = values[k], values[k + 1]
    return r**3 * v0 + 3 * r * r * s * (v0 + first[..., 1]) + 3 * r * s * s * (v3 - second[..., 1]) + s**3 * v3


def control_keys(
    frames: Array, values: Array, slopes: Array, shares: tuple[Array, Array], kept: Array, changes: Array
) -> ControlKeys:
    """Keys with aligned handles: ``slopes`` (K, C) a frame, lengths (K, C) to the right and left as shares of the
    segments; ``kept`` (K,) are the keys that must be there: the animator's, ends, ends of contacts."""
    gap = np.diff(frames).astype(np.float64)
    after, before = np.append(gap, gap[-1:] if len(gap) else 1.0), np.append(gap[:1] if len(gap) else 1.0, gap)
    lengths = shares[1] * before[:, None], shares[0] * after[:, None]
    time = frames[:, None] + np.zeros_like(values)
    left = np.stack([time - lengths[0], values - slopes * lengths[0]], axis=-1).astype(np.float32)
    right = np.stack([time + lengths[1], values + slopes * lengths[1]], axis=-1).astype(np.float32)
    return ControlKeys(frames.astype(np.float32), values.astype(np.float32), left, right, _types(values, kept), changes)


def _types(values: Array, kept: Array) -> tuple[str, ...]:
    """Keyframes where a key must be, extremes where the control turns back, breakdowns on the way."""
    step = np.diff(values, axis=0)
    back = np.zeros(len(values), dtype=bool)
    if len(values) > 2:
        back[1:-1] = np.sum(step[1:] * step[:-1], axis=-1) < 0
    return tuple(KEYFRAME if must else EXTREME if turns else BREAKDOWN for must, turns in zip(kept, back, strict=True))
