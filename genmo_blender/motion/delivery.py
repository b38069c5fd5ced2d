"""The clean-up of what is delivered: jitter out, floor at y = 0, feet that stand still (numpy alone, linear in time).

For motion on the canonical free body at 30 frames a second, Y up. The release's own clean-up is `official_cleanup`.
"""

from __future__ import annotations

import numpy as np

from .easing import faded
from .keyed import EASE, KeyFrames
from .kinematics import joint_positions
from .legs import GENERATED, Give, move_feet
from .planting import floor_correction, foot_offsets, lift_above_floor, root_correction, stances, standing
from .rotations import continuous
from .skeleton import canonical
from .smooth import calm

Array = np.ndarray


def deliver(
    rotations: Array, transl: Array, contacts: Array, keys: KeyFrames | None = None, give: Give = GENERATED
) -> tuple[Array, Array]:
    """Clean a raw take.

    Local rotations (T, 22, 4), pelvis path (T, 3) metres, probabilities (T, 6) that L ankle, L toe, R ankle, R toe and
    the wrists stand. ``give``: how the pelvis comes down for legs that are too short. Returns rotations and path of the
    same shapes, float64, signs continuous in time.

    What is keyed stays to the last bit: the motion goes to a pose that the network disagreed with over eight frames,
    the path is corrected between keyed roots alone, a foot stands where a keyed leg has it, and smoothing fades out
    toward a key within six frames.
    """
    rotations, transl = np.asarray(rotations, dtype=np.float64), np.asarray(transl, dtype=np.float64)
    if keys is not None:
        rotations = keys.approached(rotations)
    rotations, transl = calm(rotations, transl)
    if keys is not None:
        rotations, transl = keys.put_back(rotations, transl)
    contacts = np.asarray(contacts, dtype=np.float64)
    joints = joint_positions(canonical(), rotations, transl)
    correction = _upward(floor_correction(joints, contacts))
    transl = transl + (correction if keys is None else keys.without(correction))
    joints = joint_positions(canonical(), rotations, transl)
    lift = lift_above_floor(joints)
    if keys is not None:  # a key may be under the floor
        lift = np.maximum(lift - faded(lift[:, None], keys.roots, EASE)[:, 0], 0.0)
    transl = transl + _upward(lift)
    joints = joint_positions(canonical(), rotations, transl)

    soles = standing(joints, contacts)
    correction = root_correction(stances(joints, soles))
    if keys is not None:
        correction = keys.without(correction)
    transl = transl + correction
    joints = joints + correction[:, None]
    offsets = foot_offsets(joints, stances(joints, soles), None if keys is None else keys.legs)
    rotations, transl = move_feet(rotations, transl, offsets, None if keys is None else keys.held, give=give)
    if keys is not None:
        rotations, transl = keys.put_back(rotations, transl)
    return continuous(rotations), transl


def _upward(height: Array) -> Array:
    return height[:, None] * np.array([0.0, 1.0, 0.0])
