"""Data paths of what a take keys."""

from __future__ import annotations


def rotation_path(bone: str) -> str:
    """Data path of a bone's quaternion."""
    return f'pose.bones["{bone}"].rotation_quaternion'


def location_path(bone: str) -> str:
    """Data path of a bone's location."""
    return f'pose.bones["{bone}"].location'
