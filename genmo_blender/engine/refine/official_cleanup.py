"""The release's clean-up of a world motion: still root, floor, inverse kinematics (spec 8)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..body.smplx_body import SmplxBody
from ..quirks import OfficialQuirks
from ..representation.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .contacts import still_root
from .ik import OFFICIAL_LIMBS, TOE_LIMBS, lock_limbs


@dataclass(frozen=True)
class CleanMotion:
    """What the clean-up changes: ``body_pose`` (..., L, 63) axis-angle and ``transl`` (..., L, 3) metres."""

    body_pose: Tensor
    transl: Tensor


def clean_up(
    body: SmplxBody,
    body_pose: Tensor,
    betas: Tensor,
    global_orient: Tensor,
    transl: Tensor,
    static_conf_logits: Tensor,
    quirks: OfficialQuirks,
) -> CleanMotion:
    """Clean a world motion (..., L, ...) with the static-joint logits (..., L, 6).

    The release forgets the toes' targets (``ankle_targets_only``, spec 5.1 D10) and puts the lowest joint on the floor
    where ours puts the soles (``ground_lowest_joint``).
    """
    pose = torch.cat([global_orient, body_pose], dim=-1).unflatten(-1, (22, 3))
    rotations = axis_angle_to_matrix(pose)
    joints = body.joints22_from_matrices(rotations, betas, transl)
    clearance = None if quirks.ground_lowest_joint else body.sole_clearance()
    path = still_root(static_conf_logits, transl, joints, clearance)
    limbs = OFFICIAL_LIMBS if quirks.ankle_targets_only else TOE_LIMBS
    locked = lock_limbs(rotations, body.offsets22(betas, path), static_conf_logits, limbs)
    return CleanMotion(matrix_to_axis_angle(locked[..., 1:, :, :]).flatten(-2), path)
