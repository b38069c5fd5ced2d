"""The release's training targets and losses (spec 7.2, 7.5): the bundled model's own lie in `objective`.

All losses are means over whole tensors after masking, padding included (spec 5.1 D14).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from ..body.smplx_body import LiteBody
from ..network.heads import NetworkOutput
from ..quirks import OfficialQuirks
from ..refine.contacts import STATIC_JOINTS, STATIC_SPEED, static_joints
from ..representation import codec
from ..representation.boxes import to_unit_box
from ..representation.camera import NEAR, full_translation, project, weak_perspective
from ..representation.rollout import roll_out_translation
from ..representation.rotations import axis_angle_to_matrix

_HIPS = [11, 12]  # COCO-17


@dataclass(frozen=True)
class TrueMotion:
    """What is known of a batch: axis-angle and metres in camera (c) and world (w), B samples of L frames."""

    body_pose: Tensor  # (B, L, 63)
    betas: Tensor  # (B, L, 10)
    global_orient_c: Tensor  # (B, L, 3)
    transl_c: Tensor  # (B, L, 3)
    global_orient_w: Tensor  # (B, L, 3)
    transl_w: Tensor  # (B, L, 3)
    r_c2gv: Tensor  # (B, L, 3, 3)
    k_fullimg: Tensor  # (B, L, 3, 3)
    bbx_xys: Tensor  # (B, L, 3) pixels
    valid: Tensor  # (B, L) bool
    spv_incam_only: Tensor  # (B,) bool: nothing is known of the world
    invalid_contact: Tensor  # (B,) bool: contacts cannot be told


@dataclass(frozen=True)
class Targets:
    """What the network should say."""

    x: Tensor  # (B, L, 151) normalised; what it says on padding counts nowhere
    x_mask: Tensor  # (B, L, 151) bool
    static: Tensor  # (B, L, 6) 0 or 1
    static_mask: Tensor  # (B,) bool


def targets(
    true: TrueMotion,
    lite: LiteBody,
    statistics: codec.Statistics,
    quirks: OfficialQuirks,
) -> Targets:
    """Targets of a batch (spec 7.2 steps 1 and 10).

    Samples without a world are not judged on what the world tells, the channels from 142 on; the release also leaves
    out their camera-frame orientation (``mask_local_orient_2d``, spec 5.1 D15).
    """
    x = codec.encode(
        true.body_pose,
        true.betas,
        true.global_orient_c,
        true.global_orient_w,
        true.transl_w,
        true.r_c2gv,
        statistics,
        quirks.velocity_without_transpose,
    )
    mask = true.valid.unsqueeze(-1).expand_as(x).clone()
    world = codec.GLOBAL_ORIENT if quirks.mask_local_orient_2d else codec.GLOBAL_ORIENT_GV
    mask[..., world.start :] &= ~true.spv_incam_only[:, None, None]
    joints = lite.body.joints22(true.body_pose, true.betas, true.global_orient_w, true.transl_w)
    static = static_joints(joints[..., STATIC_JOINTS, :], STATIC_SPEED).to(x.dtype)
    return Targets(x, mask, static, ~true.invalid_contact)


@dataclass(frozen=True)
class LossWeights:
    """The release's weights."""

    simple: float = 1.0
    cr_j3d: float = 500.0
    transl_c: float = 1.0
    j2d: float = 1000.0
    cr_verts: float = 500.0
    verts2d: float = 1000.0
    transl_w: float = 1.0
    static_conf_bce: float = 1.0


@dataclass(frozen=True)
class Losses:
    """Unweighted losses, scalars (spec 7.5)."""

    simple: Tensor
    cr_j3d: Tensor
    transl_c: Tensor
    j2d: Tensor
    cr_verts: Tensor
    verts2d: Tensor
    transl_w: Tensor
    static_conf_bce: Tensor

    def total(self, weights: LossWeights) -> Tensor:
        """The weighted sum."""
        parts = [getattr(self, field.name) * getattr(weights, field.name) for field in fields(self)]
        return torch.stack(parts).sum()


@dataclass(frozen=True)
class Geometry:
    """A body in the camera: joints (B, L, 22, 3), vertices (B, L, 437, 3), COCO joints (B, L, 17, 3)."""

    joints: Tensor
    vertices: Tensor
    coco: Tensor


def pose_body(lite: LiteBody, pose: Tensor, betas: Tensor, orient: Tensor, transl: Tensor) -> Geometry:
    """Axis-angle (..., 63), shape (..., 10), orientation and place (..., 3) in the camera -> what losses look at."""
    vertices, coco = lite(pose, betas, orient, transl)
    return Geometry(lite.body.joints22(pose, betas, orient, transl), vertices, coco)


def _masked_mean(value: Tensor, mask: Tensor) -> Tensor:
    return (value * mask.reshape(*mask.shape, *[1] * (value.dim() - mask.dim()))).mean()


def in_box(points: Tensor, k: Tensor, box: Tensor) -> Tensor:
    """Camera points (B, L, N, 3) -> [0, 1] across the box; points nearer than 0.3 m go to one harmless place."""
    near = points[..., 2:].abs() <= NEAR
    safe = torch.where(near, torch.full_like(points, NEAR), points)
    return to_unit_box(project(safe, k), box)


def _reprojection(predicted: Tensor, truth: Tensor, true: TrueMotion, supervised: Tensor) -> Tensor:
    """Squared error in box coordinates where both points can be seen and the true one lies in the box."""
    here, there = (in_box(points, true.k_fullimg, true.bbx_xys) for points in (predicted, truth))
    seen = (predicted[..., 2] > NEAR) & (truth[..., 2] > NEAR)
    seen = seen & torch.isfinite(here).all(-1) & torch.isfinite(there).all(-1)
    seen = seen & ((there > 0) & (there < 1)).all(-1) & supervised[..., None]
    error = torch.where(seen.unsqueeze(-1), here - there, torch.zeros_like(here))
    return error.square().mean()


def _camera_loss(pred_cam: Tensor, true: TrueMotion, coco: Tensor) -> Tensor:
    """Squared error of the weak-perspective head where the truth is a plausible view."""
    target = weak_perspective(true.transl_c, true.bbx_xys, true.k_fullimg)
    target = torch.where(torch.isinf(target), torch.full_like(target, -1.0), target)
    scale, tx, ty = target.unbind(-1)
    plausible = (coco[..., 2].amin(-1) > NEAR) & (scale > 0.3) & (scale < 5.0) & (tx.abs() < 3.0) & (ty.abs() < 3.0)
    return _masked_mean((pred_cam - target).square(), plausible & (true.bbx_xys[..., 2] > 0) & true.valid)


def losses(
    out: NetworkOutput,
    true: TrueMotion,
    target: Targets,
    lite: LiteBody,
    statistics: codec.Statistics,
    truth: Geometry | None = None,
) -> Losses:
    """All losses of one pass; both modes have the same (spec 7.5). ``truth``: the true body, if posed already."""
    decoded = codec.decode(out.pred_x, statistics)
    transl = full_translation(out.pred_cam, true.bbx_xys, true.k_fullimg)
    pred = pose_body(lite, decoded.body_pose, decoded.betas, decoded.global_orient, transl)
    truth = truth or pose_body(lite, true.body_pose, true.betas, true.global_orient_c, true.transl_c)
    in_world = true.valid & ~true.spv_incam_only.unsqueeze(-1)

    def rooted(body: Geometry) -> Tensor:
        return body.joints - body.joints[..., :1, :]

    def hipped(body: Geometry) -> Tensor:
        return body.vertices - body.coco[..., _HIPS, :].mean(-2, keepdim=True)

    path = roll_out_translation(
        decoded.local_transl_vel, axis_angle_to_matrix(true.global_orient_w), true.transl_w[:, :1]
    )
    static = F.binary_cross_entropy_with_logits(out.static_conf_logits, target.static, reduction="none")
    return Losses(
        simple=_masked_mean((out.pred_x - target.x).square(), target.x_mask),
        cr_j3d=_masked_mean((rooted(pred) - rooted(truth)).square(), true.valid),
        transl_c=_camera_loss(out.pred_cam, true, truth.coco),
        j2d=_reprojection(pred.joints, truth.joints, true, in_world),
        cr_verts=_masked_mean((hipped(pred) - hipped(truth)).square(), true.valid),
        verts2d=_reprojection(pred.vertices, truth.vertices, true, in_world),
        transl_w=_masked_mean((path - true.transl_w).abs(), in_world),
        static_conf_bce=_masked_mean(static, in_world & target.static_mask.unsqueeze(-1)),
    )
