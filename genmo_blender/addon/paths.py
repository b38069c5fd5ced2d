"""Data paths of what a take keys."""

from __future__ import annotations

Channel = tuple[str, int]
"""Data path and array index of a curve."""
SAME_TIME = 1e-3
"""Frames: keys that are nearer to each other stand at one time."""


def rotation_path(bone: str) -> str:
    """Data path of a bone's quaternion."""
    return f'pose.bones["{bone}"].rotation_quaternion'


def location_path(bone: str) -> str:
    """Data path of a bone's location."""
    return f'pose.bones["{bone}"].location'
