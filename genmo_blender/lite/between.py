"""What plain interpolation says between keys (engine/conditions/between.py says why), for one sample."""

from __future__ import annotations

import numpy as np

from ..model.config import BETWEEN_PARTS
from ..motion import rotations as rot
from .codec import BODY_POSE, GLOBAL_ORIENT, GLOBAL_ORIENT_GV, LOCAL_TRANSL_VEL, Statistics
from .layers import Array
from .root_goals import FPS

GRAVITY_VIEW = BETWEEN_PARTS - 1
_NEAR = 4.0  # frames from a key at which its nearness is a half


def between_keys(observed: Array, mask: Array, goals: Array, statistics: Statistics) -> Array:
    """The condition (L, 198) of keys ``observed`` (L, 151), normalised, where ``mask`` (L, 151) is true, and of known
    roots, ``goals`` (L, 14): the interpolated code, how near the last and the next key of each rotation are, and
    whether the step is known."""
    known, values = _rotations(mask)[..., 0], _rotations(observed)
    frames = len(known)
    frame = np.arange(frames)[:, None]
    last = np.maximum.accumulate(np.where(known, frame, -1))
    after = np.minimum.accumulate(np.where(known, frame, frames)[::-1])[::-1]
    has_last, has_next = last >= 0, after < frames
    first, second = np.maximum(last, 0), np.minimum(after, frames - 1)
    share = (frame - first) / np.maximum(second - first, 1)
    share = np.where(has_last & has_next, share, np.where(has_last, 0.0, 1.0))[..., None]
    begin, end = (np.take_along_axis(values, at[..., None], axis=0) for at in (first, second))
    mixed = np.where((has_last | has_next)[..., None], begin + share * (end - begin), 0.0)
    gaps = (has_last, frame - last), (has_next, after - frame)
    near = [np.where(has, _NEAR / (_NEAR + gap), 0.0) for has, gap in gaps]
    code = np.zeros(observed.shape)
    code[:, BODY_POSE] = mixed[:, :21].reshape(frames, -1)
    code[:, GLOBAL_ORIENT], code[:, GLOBAL_ORIENT_GV] = mixed[:, 21], mixed[:, GRAVITY_VIEW]
    step, steps = _step(code, (has_last | has_next)[:, GRAVITY_VIEW], goals, statistics)
    exact = mask[:, LOCAL_TRANSL_VEL]
    code[:, LOCAL_TRANSL_VEL] = np.where(exact, observed[:, LOCAL_TRANSL_VEL], step)
    return np.concatenate([code, *near, steps | exact[:, :1]], axis=-1).astype(np.float32)


def _rotations(code: Array) -> Array:
    """The code's rotations, (L, 23, 6)."""
    parts = [code[:, BODY_POSE], code[:, GLOBAL_ORIENT.start : GLOBAL_ORIENT_GV.stop]]
    return np.concatenate(parts, axis=-1).reshape(len(code), -1, 6)


def _step(code: Array, facing: Array, goals: Array, statistics: Statistics) -> tuple[Array, Array]:
    """Straight steps (L, 3), normalised, in the axes of the interpolated root, where it is ``facing`` (L,) some way,
    else of one upright that turns evenly from the last known heading to the next; and (L, 1) where known."""
    goals = goals.astype(np.float64)
    share = goals[:, 5] / np.maximum(goals[:, 5] + goals[:, 12], 1e-6)
    sine, cosine = (goals[:, 3:5] + share[:, None] * (goals[:, 10:12] - goals[:, 3:5])).T
    told = np.abs(goals[:, 3:5]).max(-1) * np.abs(goals[:, 10:12]).max(-1) > 0
    upright = rot.about_y(np.arctan2(sine, cosine))
    root = rot.from_6d(statistics.denormalise(code)[:, GLOBAL_ORIENT_GV])
    root = np.where(facing[:, None], root, upright)
    known = ((goals[:, 6] * goals[:, 13] > 0) & (facing | told))[:, None]
    step = rot.rotate(rot.conjugate(root), goals[:, :3] / FPS)
    step = (step - statistics.mean[LOCAL_TRANSL_VEL]) / statistics.std[LOCAL_TRANSL_VEL]
    return np.where(known, step, 0.0), known
