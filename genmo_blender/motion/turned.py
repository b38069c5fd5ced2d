"""Held parts that are turned as their holds say, in the world; the way there and back eases as that of a place does.

numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import kinematics
from . import rotations as rot
from .easing import faded
from .holds import JOINT, Hold, carried
from .keyed import EASE
from .skeleton import canonical

Array = np.ndarray


def turned(rotations: Array, part: str, holds: Sequence[Hold], known: Array) -> Array:
    """Rotations (T, 22, 4) with a part turned as its holds say, what hangs on it along with it."""
    joint, skeleton = JOINT[part], canonical()
    ours = [hold for hold in holds if hold.part == part and hold.held.any()]
    world = kinematics.world_rotations(skeleton, rotations)
    turn: Array = np.zeros((len(rotations), 3))
    for hold in ours:
        if hold.turns is None:
            continue
        apart: Array = np.zeros_like(turn)
        missed = rot.continuous(rot.multiply(hold.turns, rot.conjugate(world[:, joint]))[hold.held])
        apart[hold.held] = _vectors(missed if missed[0, 0] >= 0 else -missed)
        eased = carried(apart, hold, [other for other in ours if other is not hold])
        turn += eased - faded(eased, known[:, joint], EASE)
    out = rotations.copy()
    new, parent = rot.multiply(rot.from_rotation_vector(turn), world[:, joint]), skeleton.parents[joint]
    out[:, joint] = new if parent < 0 else rot.multiply(rot.conjugate(world[:, parent]), new)
    return rot.continuous(out)


def _vectors(turns: Array) -> Array:
    """Unit quaternions (N, 4) of continuous signs -> rotation vectors (N, 3) that do not jump at half a turn."""
    length = np.linalg.norm(turns[:, 1:], axis=1, keepdims=True)
    half = np.arctan2(length, turns[:, :1])
    return np.where(length > 1e-9, turns[:, 1:] / np.maximum(length, 1e-12) * 2 * half, 0.0)


def turned_away(rotations: Array, hold: Hold) -> float:
    """Radians by which a part is turned otherwise than its hold says, at most."""
    if hold.turns is None:
        return 0.0
    world = kinematics.world_rotations(canonical(), rotations[hold.held].astype(np.float64))[:, JOINT[hold.part]]
    apart = rot.to_rotation_vector(rot.multiply(hold.turns[hold.held], rot.conjugate(world)))
    return float(np.linalg.norm(apart, axis=-1).max())
