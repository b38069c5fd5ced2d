"""What is made goes on from what is known, and comes to it, as a body moves: with the least jerk (numpy alone).

A row of keyed frames is motion that stays, such as what a character does before and after a range. It has a speed and
an acceleration; what a network gives beside it has others, and a correction that meets the poses alone leaves a jolt
there. So the frames next to known ones give way until position, speed and acceleration run on (motion/easing.py
`bridged`), the less the further away they are. Feet that stand keep their place.
"""

from __future__ import annotations

import numpy as np

from . import kinematics
from . import rotations as rot
from .easing import bridged
from .keyed import KeyFrames
from .legs import GENERATED, LEGS, Give, move_feet
from .planting import FEET, FPS, SOLES, sole_heights, standing
from .skeleton import canonical

Array = np.ndarray
SPAN = 10
"""Frames at 30 a second beside known ones that give way; of 6 to 12, the best for gaps of 15 to 60 frames."""
RELEASE = 6
"""Frames beside a keyed foot that moves, in which it need not stand,"""
MOVES = 0.1
"""and the speed in m/s from which on it does."""
_TIE = 1e-4  # metres: what is even but for rounding is not below
_BELOW = [0, *(joint for leg in LEGS for joint in leg)]


def joined(
    rotations: Array, path: Array, contacts: Array, keys: KeyFrames, give: Give = GENERATED
) -> tuple[Array, Array]:
    """A motion, local ``rotations`` (T, 22, 4) and ``path`` (T, 3) metres, that goes on smoothly from the rows of known
    frames of ``keys``; ``contacts`` (T, >= 4): probabilities that soles stand; ``give``: how the pelvis comes down
    for legs that are too short. Known frames stay to the last bit.

    Nothing changes where no two frames in a row are known.
    """
    moving = _rows(keys.known)
    if not moving.any():
        return rotations, path
    turned, way = calmed(rotations, path, keys.known)
    if moving[:, _BELOW].any():
        turned, way = _feet_kept((rotations, path), (turned, way), contacts, keys, give)
    return keys.put_back(turned, way)


def _feet_kept(
    before: tuple[Array, Array], after: tuple[Array, Array], contacts: Array, keys: KeyFrames, give: Give
) -> tuple[Array, Array]:
    """The motion ``after`` with its feet where they were ``before`` while they stand, and no further below the floor.
    A foot that moves where its leg is keyed may leave the floor, and come to it, in the frames beside."""
    was, now = (kinematics.world_rotations(canonical(), q) for q, _ in (before, after))
    old = kinematics.positions_from_world(canonical(), was, before[1])
    new = kinematics.positions_from_world(canonical(), now, after[1])
    stands, depth = standing(old, contacts), np.minimum(sole_heights(old), 0.0)
    moves = np.linalg.norm(np.gradient(old[:, SOLES], axis=0), axis=-1) * FPS > MOVES
    none = np.zeros((len(new), 3))  # the way is calm by now
    offsets, turns = np.zeros((len(new), 2, 3)), np.tile(rot.IDENTITY, (len(new), 2, 1))
    for side, foot in enumerate(FEET):
        ankle, ball = (SOLES[column] for column in foot)
        keyed, stood = keys.legs[:, side], stands[:, foot].any(axis=1)
        still = keyed | (stood & ~_near(keyed & (~stood | moves[:, foot].any(axis=1)), RELEASE))
        turn = rot.to_rotation_vector(rot.multiply(was[:, ankle], rot.conjugate(now[:, ankle])))
        turns[:, side] = rot.from_rotation_vector(bridged(none, turn, still, SPAN))
        turned = new.copy()
        turned[:, ball] = new[:, ankle] + rot.rotate(turns[:, side], new[:, ball] - new[:, ankle])
        least = (depth - sole_heights(turned))[:, foot].max(axis=1)
        missed = old[:, ankle] - new[:, ankle]
        offset = bridged(none, missed, still, SPAN)
        # what would be below the floor is held on it, and eased to as a stance is
        low = ~still & (least > offset[:, 1] + _TIE)
        offset[low, 1] = least[low]
        offset = bridged(none, np.where(still[:, None], missed, offset), still | low, SPAN)
        offset[:, 1] = np.where(still, offset[:, 1], np.maximum(offset[:, 1], least))
        offsets[:, side] = offset
    return move_feet(*after, offsets, keys.held, turns, give)


def _near(flags: Array, frames: int) -> Array:
    """Frames (T,) no further than ``frames`` from a true one."""
    near: Array = np.convolve(flags, np.ones(2 * frames + 1))[frames : frames + len(flags)] > 0.5
    return near


def _rows(known: Array) -> Array:
    """Those known frames (T, J) that follow one another."""
    both = known[1:] & known[:-1]
    out = np.zeros_like(known)
    out[1:] |= both
    out[:-1] |= both
    return out


def calmed(rotations: Array, path: Array, known: Array) -> tuple[Array, Array]:
    """Local ``rotations`` (T, J, 4) and ``path`` (T, 3) with the least jerk beside rows of ``known`` frames (T, J);
    what feet do is not asked."""
    moving, out = _rows(known), rot.continuous(rotations)
    for joints in _alike(known):
        here, rows = known[:, joints[0]], moving[:, joints[0]]
        if not rows.any():
            continue
        values = out[:, joints].reshape(len(out), -1)
        if joints[0] == 0:
            values = np.concatenate([values, path], axis=1)
        values = values + bridged(values, np.zeros_like(values), here, SPAN)
        if joints[0] == 0:
            values, path = values[:, :-3], values[:, -3:]
        out[:, joints] = rot.normalise(values.reshape(len(out), len(joints), 4))
    return out, path


def _alike(known: Array) -> list[Array]:
    """Joints (indices) that are known at the same frames."""
    _, group = np.unique(known, axis=1, return_inverse=True)
    return [np.flatnonzero(group.ravel() == g) for g in range(group.max() + 1)]
