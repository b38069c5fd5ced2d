"""Values that are known at some frames, carried on to the others without a jolt (numpy alone)."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def eased(values: Array, known: Array) -> Array:
    """``values`` (..., T, C) at the ``known`` (T,) frames, and between two of these from one to the other along
    3 s^2 - 2 s^3, whose slope is 0 at both; held before the first and after the last, 0 where none is known."""
    frames = len(known)
    if not known.any():
        return np.zeros_like(values)
    frame = np.arange(frames)
    last = np.maximum.accumulate(np.where(known, frame, -1))
    after = np.minimum.accumulate(np.where(known, frame, frames)[::-1])[::-1]
    first = np.where(last >= 0, last, after)
    second = np.where(after < frames, after, last)
    share = ((frame - first) / np.maximum(second - first, 1))[:, None]
    begin, end = values[..., first, :], values[..., second, :]
    mixed: Array = begin + (end - begin) * smooth(share)
    return mixed


def faded(values: Array, known: Array, frames: int) -> Array:
    """``values`` (T, C) at the ``known`` (T,) frames, carried out of them to 0 over ``frames`` on both sides."""
    frame = np.arange(len(known))
    last = np.maximum.accumulate(np.where(known, frame, -1))
    following = np.minimum.accumulate(np.where(known, frame, len(known))[::-1])[::-1]
    after = np.where(last >= 0, fade((frame - last) / frames), 0.0)
    before = np.where(following < len(known), fade((following - frame) / frames), 0.0)
    scale = 1.0 / np.maximum(after + before, 1.0)
    carried = (after * scale)[:, None] * values[np.maximum(last, 0)]
    carried += (before * scale)[:, None] * values[np.minimum(following, len(known) - 1)]
    return np.where(known[:, None], values, carried)


def smooth(share: Array) -> Array:
    """From 0 to 1 with level ends."""
    return share * share * (3.0 - 2.0 * share)


def fade(distance: Array) -> Array:
    """1 at no distance, 0 from 1 on, with level ends."""
    return 1.0 - smooth(np.clip(distance, 0.0, 1.0))
