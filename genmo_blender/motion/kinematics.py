"""Forward kinematics in numpy: local rotations and a pelvis path -> joints in the world (spec 4.7, pelvis as root)."""

from __future__ import annotations

import numpy as np

from .rotations import Array, multiply, rotate
from .skeleton import Skeleton


def world_rotations(skeleton: Skeleton, rotations: Array) -> Array:
    """World rotation of every joint, (..., J, 4), from local ones (..., J, 4)."""
    out = np.empty_like(rotations)
    out[..., 0, :] = rotations[..., 0, :]
    for j in range(1, rotations.shape[-2]):
        out[..., j, :] = multiply(out[..., skeleton.parents[j], :], rotations[..., j, :])
    return out


def local_rotations(skeleton: Skeleton, world: Array) -> Array:
    """Inverse of `world_rotations`."""
    out = np.empty_like(world)
    out[..., 0, :] = world[..., 0, :]
    for j in range(1, world.shape[-2]):
        parent = world[..., skeleton.parents[j], :] * np.array([1.0, -1.0, -1.0, -1.0], dtype=world.dtype)
        out[..., j, :] = multiply(parent, world[..., j, :])
    return out


def joint_positions(skeleton: Skeleton, rotations: Array, transl: Array) -> Array:
    """Joints in the world (..., J, 3) metres; ``transl`` (..., 3) is where the pelvis joint is."""
    return positions_from_world(skeleton, world_rotations(skeleton, rotations), transl)


def positions_from_world(skeleton: Skeleton, world: Array, transl: Array) -> Array:
    """Joints (..., J, 3) from world rotations (..., J, 4) and the pelvis path (..., 3)."""
    joints = world.shape[-2]
    out = np.empty((*world.shape[:-1], 3), dtype=world.dtype)
    offsets = skeleton.offsets.astype(world.dtype)
    out[..., 0, :] = transl
    for j in range(1, joints):
        p = skeleton.parents[j]
        out[..., j, :] = out[..., p, :] + rotate(world[..., p, :], offsets[j])
    return out
