"""Values that are known at some frames, carried on to the others without a jolt (numpy alone)."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
_RETURN = 0.25  # cycles in the frames of a bridge, at which its longing back is of half strength


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


def bridged(way: Array, moved: Array, known: Array, frames: int) -> Array:
    """By how much a ``way`` (T, C) is moved, (T, C), where that is ``moved`` at the ``known`` (T,) frames.

    It is carried out of them over up to ``frames`` (>= 1) on both sides so that way and move together have the least
    jerk, their squared third differences summed: position, speed and acceleration run on over the ends of known frames,
    and short gaps are crossed at once. A longing for 0, of half strength where ``frames`` are a quarter of a cycle,
    lets go of the way in good time.
    """
    out = np.where(known[:, None], moved, 0.0)
    frame, count = np.arange(len(known)), len(known)
    last = np.maximum.accumulate(np.where(known, frame, -count - frames))
    following = np.minimum.accumulate(np.where(known, frame, 2 * count + frames)[::-1])[::-1]
    between = ~known & (np.minimum(frame - last, following - frame) <= frames)
    edge = np.flatnonzero(np.diff(between.astype(np.int8), prepend=0, append=0))
    longing = (2.0 * np.sin(min(2.0 * np.pi * _RETURN / frames, 0.5 * np.pi))) ** 6
    for begin, end in zip(edge[::2], edge[1::2], strict=True):
        first, after = max(begin - 3, 0), min(end + 3, count)
        third = np.diff(np.eye(after - first), n=3, axis=0)
        free = third[:, begin - first : end - first]
        rest = third @ (way[first:after] + out[first:after])
        out[begin:end] = np.linalg.solve(free.T @ free + longing * np.eye(end - begin), -free.T @ rest)
    return out


def smooth(share: Array) -> Array:
    """From 0 to 1 with level ends."""
    return share * share * (3.0 - 2.0 * share)


def fade(distance: Array) -> Array:
    """1 at no distance, 0 from 1 on, with level ends."""
    return 1.0 - smooth(np.clip(distance, 0.0, 1.0))
