"""Error metrics of the field (spec 9). Every function gives one value a frame; a score is their mean over all frames.

Positions in metres; errors in millimetres unless said otherwise. Frames that a mask removes are cut out and the rest
closed up before anything else is computed, as the release does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .alignment import align_clip, align_each, fit_similarity

FPS = 30.0
CHUNK = 100
FOOT_VERTICES = (3216, 3387, 6617, 6787)
FOOT_CONTACT = 0.01  # m a frame: slower vertices of the ground truth stand
# Hands of the 24-joint SMPL skeleton, as shares of the forearm beyond the wrist (left, right).
_HAND_REACH = (0.3438, 0.3345)
_HAND_CHAINS = ((18, 20), (19, 21))


def joint_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Distance of each joint in mm: (T, J, 3) twice -> (T, J)."""
    return torch.linalg.vector_norm(predicted - target, dim=-1) * 1000


def _second_difference(points: Tensor) -> Tensor:
    return points[:-2] - 2 * points[1:-1] + points[2:]


def acceleration_error(predicted: Tensor, target: Tensor, fps: float = FPS, valid: Tensor | None = None) -> Tensor:
    """Mean error of joint acceleration, m/s^2: (T, J, 3) twice -> (T - 2,), without frames whose three samples are not
    all ``valid`` (T,)."""
    difference = _second_difference(predicted) - _second_difference(target)
    error = torch.linalg.vector_norm(difference, dim=-1).mean(-1) * fps**2
    return error if valid is None else error[valid[:-2] & valid[1:-1] & valid[2:]]


def _pelvis_centred(points: Tensor, joints: Tensor, pelvis: Sequence[int]) -> Tensor:
    return points - joints[:, list(pelvis)].mean(1, keepdim=True)


def camera_metrics(
    predicted_joints: Tensor,
    target_joints: Tensor,
    predicted_vertices: Tensor,
    target_vertices: Tensor,
    mask: Tensor | None = None,
    pelvis: Sequence[int] = (1, 2),
    fps: float = FPS,
) -> dict[str, Tensor]:
    """``pa_mpjpe``, ``mpjpe``, ``pve`` in mm (T,) and ``accel`` in m/s^2 (T - 2,), all about the pelvis.

    Joints (T, J, 3), vertices (T, V, 3); the pelvis is the mean of the ``pelvis`` joints.
    """
    keep = slice(None) if mask is None else mask
    pred_joints, true_joints = predicted_joints[keep], target_joints[keep]
    pred_vertices = _pelvis_centred(predicted_vertices[keep], pred_joints, pelvis)
    true_vertices = _pelvis_centred(target_vertices[keep], true_joints, pelvis)
    pred_joints = _pelvis_centred(pred_joints, pred_joints, pelvis)
    true_joints = _pelvis_centred(true_joints, true_joints, pelvis)
    return {
        "pa_mpjpe": joint_error(align_each(pred_joints, true_joints), true_joints).mean(-1),
        "mpjpe": joint_error(pred_joints, true_joints).mean(-1),
        "pve": joint_error(pred_vertices, true_vertices).mean(-1),
        "accel": acceleration_error(pred_joints, true_joints, fps),
    }


def root_translation_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Error of the root path (T, 3) after one rigid alignment, in percent of the true path's length: (T,)."""
    aligned = fit_similarity(predicted, target, fixed_scale=True)(predicted)
    length = torch.linalg.vector_norm(target[1:] - target[:-1], dim=-1).sum()
    return torch.linalg.vector_norm(target - aligned, dim=-1) / length * 100


def jitter(joints: Tensor, fps: float = FPS) -> Tensor:
    """Mean joint jerk in 10 m/s^3: (T, J, 3) -> (T - 3,)."""
    third = joints[3:] - 3 * joints[2:-1] + 3 * joints[1:-2] - joints[:-3]
    return torch.linalg.vector_norm(third * fps**3, dim=-1).mean(-1) / 10


def foot_slide(predicted_feet: Tensor, target_feet: Tensor) -> Tensor:
    """How far foot vertices move in mm while the true ones stand: (T, F, 3) twice -> one value a contact."""
    moved = torch.linalg.vector_norm(predicted_feet[1:] - predicted_feet[:-1], dim=-1)
    truth = torch.linalg.vector_norm(target_feet[1:] - target_feet[:-1], dim=-1)
    return moved[truth < FOOT_CONTACT] * 1000


def world_metrics(
    predicted_joints: Tensor,
    target_joints: Tensor,
    predicted_feet: Tensor,
    target_feet: Tensor,
    mask: Tensor | None = None,
) -> dict[str, Tensor]:
    """``wa2_mpjpe`` and ``waa_mpjpe`` in mm (W-MPJPE100, WA-MPJPE100), ``rte`` in percent, ``jitter`` in 10 m/s^3,
    ``fs`` in mm.

    Joints (T, J, 3) with the root first; feet (T, 4, 3): mesh vertices FOOT_VERTICES of SMPL. Chunks of 100 frames are
    aligned on their first two frames (``wa2``) or as a whole (``waa``), scale included.
    """
    keep = slice(None) if mask is None else mask
    predicted, target = predicted_joints[keep], target_joints[keep]
    chunks = list(zip(predicted.split(CHUNK), target.split(CHUNK), strict=True))
    first = [joint_error(align_clip(p, t, 2), t).mean(-1) for p, t in chunks]
    whole = [joint_error(align_clip(p, t), t).mean(-1) for p, t in chunks]
    return {
        "wa2_mpjpe": torch.cat(first),
        "waa_mpjpe": torch.cat(whole),
        "rte": root_translation_error(predicted[:, 0], target[:, 0]),
        "jitter": jitter(predicted),
        "fs": foot_slide(predicted_feet[keep], target_feet[keep]),
    }


def with_hands(joints: Tensor) -> Tensor:
    """22 SMPL-X body joints (..., 22, 3) -> 24 SMPL joints: hands a third of the forearm beyond the wrists."""
    hands = []
    for (elbow, wrist), reach in zip(_HAND_CHAINS, _HAND_REACH, strict=True):
        forearm = joints[..., wrist, :] - joints[..., elbow, :]
        hands.append(joints[..., wrist, :] + reach * forearm)
    return torch.cat([joints, torch.stack(hands, dim=-2)], dim=-2)
