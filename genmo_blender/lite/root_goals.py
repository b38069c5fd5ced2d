"""Where the root is at known frames, as 14 numbers a frame (engine/conditions/root_goals.py defines them all)."""

from __future__ import annotations

import numpy as np

from ..model.config import ROOT_GOAL_DIM
from .layers import Array

FPS = 30.0
_LIMIT = 10.0  # m and m/s, an axis
_TIME_SCALE = 4.0


def heading_of(root: Array) -> Array:
    """Turn about the vertical nearest to root rotations (..., 4): (...) radians, 0 facing +z."""
    turn: Array = 2.0 * np.arctan2(root[..., 2], root[..., 0])
    return turn


def root_goals(known: Array, heights: Array, position: Array, heading: Array, faces: Array | None = None) -> Array:
    """The condition (L, 14) of roots at the ``known`` (L,) frames, in ``position`` (L, 3) metres, facing ``heading``
    (L,) radians, where ``faces`` (L,) says so (None: all); at ``heights`` (L,) frames their height is known too."""
    faces = known if faces is None else faces
    frames = len(known)
    frame = np.arange(frames)
    before = np.maximum.accumulate(np.where(known, frame, -1))
    after = np.append(np.minimum.accumulate(np.where(known, frame, frames)[::-1])[::-1][1:], frames)
    has_before, has_after = before >= 0, after < frames
    first, second = np.maximum(before, 0), np.minimum(after, frames - 1)
    both = has_before & has_after
    told = np.stack([both, both & heights[first] & heights[second], both], axis=-1)
    way = np.where(told, position[second] - position[first], 0.0)
    speed = way / np.where(both, after - before, 1)[:, None] * FPS
    halves = []
    for vector, index, has, span in (
        (speed, first, has_before, frame - before),
        (way, second, has_after, after - frame),
    ):
        facing = np.stack([np.sin(heading[index]), np.cos(heading[index])], axis=-1) * (has & faces[index])[:, None]
        time = np.log1p(np.where(has, span, 0)) / _TIME_SCALE
        halves += [np.clip(vector, -_LIMIT, _LIMIT), facing, time[:, None], has[:, None]]
    goals = np.concatenate(halves, axis=-1).astype(np.float32)
    assert goals.shape == (frames, ROOT_GOAL_DIM)
    return goals


def within_window(goals: Array, window: int) -> Array:
    """Goals (L, 14) without a root that is alone and farther away than training windows of ``window`` frames."""
    farthest = np.log1p(window - 0.5) / _TIME_SCALE
    alone = (goals[:, 6] > 0) ^ (goals[:, 13] > 0)
    far = np.maximum(goals[:, 5], goals[:, 12]) > farthest
    return np.where((alone & far)[:, None], np.float32(0.0), goals)


def start_goals(frames: int, window: int) -> Array:
    """Goals (``frames``, 14) of one who faces straight ahead at the first frame and goes anywhere."""
    known = np.arange(frames) == 0
    nothing = np.zeros(frames, dtype=bool)
    return within_window(root_goals(known, nothing, np.zeros((frames, 3)), np.zeros(frames)), window)
