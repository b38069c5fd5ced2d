"""The four foot modes: any motion on the canonical body, its contacts as bars, brought to the floor and then locked.

Ground first, then lock: a foot locked where a network put it, high above the floor, walks on tiptoe. numpy alone, time
linear in the length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .contacts import Bars, FootMode, flags_of
from .easing import bridged
from .kinematics import joint_positions
from .legs import move_feet
from .locking import EASE, locked
from .planting import SOLES, floor_correction, lift_above_floor, root_correction, sole_heights, stances
from .skeleton import canonical
from .smooth import filter_time, gaussian

Array = np.ndarray
TRAVELS = 0.5
"""m/s: a sole that moves so fast in its bar is not locked in the mode Auto,"""
FLIES = 0.08
"""nor one so far above the floor, metres."""


def planted(
    rotations: Array,
    path: Array,
    fps: float,
    bars: Bars,
    mode: FootMode = FootMode.AUTO,
    still_root: bool = False,
    floor: float = 0.0,
) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) metres, Y up, brought to the floor, feet as ``mode`` says.

    ``still_root``: first the path is changed so that standing feet slide as little as can be; for takes whose travel
    was integrated, while a recorded motion keeps its path. ``floor``: its height.
    """
    if mode is FootMode.OFF or len(path) < 2:
        return rotations, path
    height = np.array([0.0, floor, 0.0])
    rotations, path = np.asarray(rotations, dtype=np.float64), np.asarray(path, dtype=np.float64) - height
    flags = flags_of(bars, len(path))[:, :4]
    path = grounded(rotations, path, fps, flags)
    joints = joint_positions(canonical(), rotations, path)
    if mode is FootMode.GROUND:
        rotations, path = _never_below(rotations, path, joints, fps)
        return rotations, path + height
    if mode is FootMode.AUTO:
        flags = flags & plausible(joints, fps)
    if still_root:
        path = path + root_correction(stances(joints, flags), fps)
    rotations, path = locked(rotations, path, fps, flags, generated=still_root)
    return rot.continuous(rotations), path + height


def grounded(rotations: Array, path: Array, fps: float, flags: Array) -> Array:
    """The path (T, 3) with standing soles at y = 0 and no body part below it."""
    up = np.array([0.0, 1.0, 0.0])
    path = path + floor_correction(joint_positions(canonical(), rotations, path), flags, fps)[:, None] * up
    return path + lift_above_floor(joint_positions(canonical(), rotations, path), fps)[:, None] * up


def plausible(joints: Array, fps: float) -> Array:
    """Where soles could stand, (T, 4) bool: neither travelling nor in the air."""
    speed = np.linalg.norm(np.gradient(joints[:, SOLES], axis=0), axis=-1) * fps
    return (filter_time(speed, gaussian(max(0.025 * fps, 0.6))) < TRAVELS) & (sole_heights(joints) < FLIES)


def _never_below(rotations: Array, path: Array, joints: Array, fps: float) -> tuple[Array, Array]:
    """The motion with feet that are below the floor lifted to it, on a way that comes and goes softly."""
    lift = np.maximum(-sole_heights(joints).reshape(-1, 2, 2).min(axis=-1), 0.0)
    offsets, frames = np.zeros((len(path), 2, 3)), max(round(EASE * fps), 1)
    for side, need in enumerate(lift.T[..., None]):
        offsets[:, side, 1:2] = np.maximum(bridged(np.zeros_like(need), need, need[:, 0] > 0, frames), need)
    rotations, path = move_feet(rotations, path, offsets)
    return rot.continuous(rotations), path


@dataclass(frozen=True)
class Footing:
    """How feet stand in their bars: mean and worst-of-a-hundred slide in cm/s, sink and float in cm."""

    slide: float
    slide_p99: float
    sink: float
    above: float


def measured(joints: Array, fps: float, bars: Bars) -> Footing:
    """Of joints (T, 22, 3), soles alone. Slide: horizontal, between two frames of one bar; zeros where none stands."""
    flags = flags_of(bars, len(joints))[:, :4]
    held = flags[1:] & flags[:-1]
    slide = 100 * np.linalg.norm(np.diff(joints[:, SOLES][..., [0, 2]], axis=0), axis=-1)[held] * fps
    heights = 100 * sole_heights(joints)
    if not len(slide):
        return Footing(0.0, 0.0, float(max(-heights.min(), 0.0)), 0.0)
    sink, above = float(max(-heights.min(), 0.0)), float(np.percentile(np.maximum(heights[flags], 0.0), 95))
    return Footing(float(slide.mean()), float(np.percentile(slide, 99)), sink, above)
