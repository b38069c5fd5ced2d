"""A motion put where a character stands: its first frame at a place, looking a way, soles on the floor."""

from __future__ import annotations

import numpy as np

from . import rotations as rot
from .floor import sole_level
from .kinematics import joint_positions
from .rotations import Array
from .skeleton import canonical

FPS = 30.0


def place(rotations: Array, transl: Array, position: tuple[float, float, float], heading: float) -> tuple[Array, Array]:
    """Turn and move a motion so that its first frame stands at ``position`` (metres), looking to ``heading`` (radians).

    Rotations (T, 22, 4), path (T, 3). The planted soles of the whole motion come to y = 0; keeping them there over a
    long motion is the clean-up's work.
    """
    turned, path = on_start(rotations, transl, position, heading)
    level = sole_level(joint_positions(canonical(), turned, path), FPS)
    return turned, path - np.array([0.0, level, 0.0])


def on_start(
    rotations: Array, transl: Array, position: tuple[float, float, float], heading: float
) -> tuple[Array, Array]:
    """The motion with its first frame at the place and heading; heights stay."""
    turn = rot.about_y(heading - rot.heading(rotations[0, 0]))
    turned = rotations.copy()
    turned[:, 0] = rot.multiply(np.broadcast_to(turn, turned[:, 0].shape), turned[:, 0])
    pivot = transl[:1] * [1.0, 0.0, 1.0]
    to = np.array([position[0], 0.0, position[2]])
    return turned, rot.rotate(np.broadcast_to(turn, (len(transl), 4)), transl - pivot) + to
