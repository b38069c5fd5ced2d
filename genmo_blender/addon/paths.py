"""Data paths of what a take keys, and when a curve is keyed."""

from __future__ import annotations

import bpy
import numpy as np

from ..motion.rotations import Array

Channel = tuple[str, int]
"""Data path and array index of a curve."""
SAME_TIME = 1e-3
"""Frames: keys that are nearer to each other stand at one time."""


def rotation_path(bone: str) -> str:
    """Data path of a bone's quaternion."""
    return f'pose.bones["{bone}"].rotation_quaternion'


def euler_path(bone: str) -> str:
    """Data path of a bone's Euler angles."""
    return f'pose.bones["{bone}"].rotation_euler'


def turn_channels(bone: str, euler: bool) -> list[Channel]:
    """The channels of a bone's rotation."""
    if euler:
        return [(euler_path(bone), i) for i in range(3)]
    return [(rotation_path(bone), i) for i in range(4)]


def location_path(bone: str) -> str:
    """Data path of a bone's location."""
    return f'pose.bones["{bone}"].location'


def bone_of(path: str) -> str:
    """Name of the bone that a data path begins with; "" for a channel of the object itself."""
    return path.split('"')[1] if path.count('"') >= 2 else ""


def times_of(curve: bpy.types.FCurve) -> Array:
    """Frames (N,) float32 of a curve's keys."""
    co = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", co)
    return co[0::2]
