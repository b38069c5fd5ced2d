"""Keyed poses as a condition (engine/conditions/keys.py says how), for one sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..motion import rotations as rot
from ..motion.keyed import KeyFrames
from .between import between_keys
from .codec import (
    BODY_POSE,
    GLOBAL_ORIENT,
    GLOBAL_ORIENT_GV,
    LOCAL_TRANSL_VEL,
    Statistics,
    encode,
)
from .layers import Array
from .root_goals import heading_of, root_goals

# A level still camera seen from the gravity-view frame (spec 4.4): half a turn about z.
LEVEL_CAMERA = np.array([0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class KeyedMotion:
    """What the sampler imposes, ``observed`` (L, 151) normalised where ``mask`` (L, 151) is true, with ``goals``
    (L, 14) and ``between`` (L, 198) beside it; roots are keyed at ``roots`` (L,) frames, at ``place`` (L, 3) metres,
    and known over the floor at ``placed`` (L,)."""

    observed: Array
    mask: Array
    goals: Array
    between: Array
    roots: Array
    place: Array
    placed: Array


def keyed_motion(keys: KeyFrames, statistics: Statistics) -> KeyedMotion:
    """Keys as `model.keys.as_told` gives them."""
    root, known = keys.rotations[:, 0], keys.known
    level = rot.multiply(np.broadcast_to(LEVEL_CAMERA, root.shape), root)
    code = encode(keys.rotations[:, 1:], level, root, keys.path, statistics)
    mask = np.zeros(code.shape, dtype=bool)
    mask[:, BODY_POSE] = known[:, 1:].repeat(6, axis=-1)
    mask[:, GLOBAL_ORIENT] = mask[:, GLOBAL_ORIENT_GV] = known[:, :1]
    mask[:-1, LOCAL_TRANSL_VEL] = known[:-1, :1] & known[1:, :1]
    goals = root_goals(keys.placed, keys.roots, keys.path, heading_of(root), keys.told_headings)
    observed = np.where(mask, code, 0.0)
    between = between_keys(observed, mask, goals, statistics)
    return KeyedMotion(observed.astype(np.float32), mask, goals, between, keys.roots, keys.path, keys.placed)
