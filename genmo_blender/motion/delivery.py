"""The clean-up of what is delivered: jitter out, floor at y = 0, feet that stand still (numpy alone, linear in time).

For motion on the canonical free body at 30 frames a second, Y up. The release's own clean-up is `official_cleanup`.
"""

from __future__ import annotations

import numpy as np

from .kinematics import joint_positions
from .locking import locked
from .planting import floor_correction, lift_above_floor, root_correction, stances, standing
from .rotations import continuous
from .skeleton import canonical
from .smooth import FPS, calm

Array = np.ndarray


def deliver(rotations: Array, transl: Array, contacts: Array) -> tuple[Array, Array]:
    """Clean a raw take.

    Local rotations (T, 22, 4), pelvis path (T, 3) metres, probabilities (T, 6) that L ankle, L toe, R ankle, R toe and
    the wrists stand. Returns rotations and path of the same shapes, float64, signs continuous in time.
    """
    rotations, transl = calm(np.asarray(rotations, dtype=np.float64), np.asarray(transl, dtype=np.float64))
    contacts = np.asarray(contacts, dtype=np.float64)
    joints = joint_positions(canonical(), rotations, transl)
    transl = _raised(transl, floor_correction(joints, contacts))
    joints = joint_positions(canonical(), rotations, transl)
    transl = _raised(transl, lift_above_floor(joints))
    joints = joint_positions(canonical(), rotations, transl)

    soles = standing(joints, contacts)
    transl = transl + root_correction(stances(joints, soles))
    rotations, transl = locked(rotations, transl, FPS, soles)
    return continuous(rotations), transl


def _raised(transl: Array, height: Array) -> Array:
    return transl + height[:, None] * np.array([0.0, 1.0, 0.0])
