"""The gravity-view frame and changes of coordinates of a root (spec 4.4, 4.8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..constants import constant
from .rotations import axis_angle_to_matrix, matrix_to_axis_angle

DOWN_Y = (0.0, -1.0, 0.0)
DOWN_Z = (0.0, 0.0, -1.0)

# Axis-angle of the fixed re-orientations: from frame -> to frame. "ay": y up; "az": z up; "any": y down.
REORIENTATIONS = {
    "ay->ay": (0.0, 0.0, 0.0),
    "any->ay": (0.0, 0.0, math.pi),
    "ay->any": (0.0, 0.0, math.pi),
    "az->ay": (-math.pi / 2, 0.0, 0.0),
}


def camera_to_gravity_view(
    r_w2c: Tensor, gravity: Sequence[float] | Tensor = DOWN_Y, view: Literal["up", "down"] = "up"
) -> Tensor:
    """Rotation (..., 3, 3) from camera to gravity-view: y up, z the camera's forward on the ground (spec 4.4).

    ``r_w2c`` (..., 3, 3) world to camera, ``gravity`` the unit direction of falling in the world. A camera looking
    straight up or down has no forward on the ground; then z is the camera's x. ``view`` "down" is the ancestor's frame,
    half a turn about z away, which some checkpoints speak (spec 5.1 D2).
    """
    known = gravity if isinstance(gravity, Tensor) else constant(tuple(float(x) for x in gravity), r_w2c.device)
    down = known.to(r_w2c.device, r_w2c.dtype)
    up = -F.normalize(r_w2c @ down, dim=-1, eps=1e-8)
    forward = torch.zeros_like(up)
    forward[..., 2] = 1.0
    ahead = forward - (forward * up).sum(-1, keepdim=True) * up
    length = torch.linalg.vector_norm(ahead, dim=-1, keepdim=True)
    fallback = torch.zeros_like(up)
    fallback[..., 0] = 1.0
    z = torch.where(length > 1e-6, ahead / length.clamp(min=1e-6), fallback)
    x = F.normalize(torch.linalg.cross(up, z, dim=-1), dim=-1)
    return torch.stack([x, up, z] if view == "up" else [-x, -up, z], dim=-2)


def reorient(global_orient: Tensor, transl: Tensor, which: str) -> tuple[Tensor, Tensor]:
    """Root axis-angle (..., 3) and translation (..., 3) seen from another frame of `REORIENTATIONS`.

    "any->ay" is what a checkpoint with the y-down gravity view needs after roll-out (spec 5.1 D2).
    """
    turn = axis_angle_to_matrix(torch.tensor(REORIENTATIONS[which], dtype=transl.dtype, device=transl.device))
    return matrix_to_axis_angle(turn @ axis_angle_to_matrix(global_orient)), transl @ turn.T


def root_to_camera(global_orient: Tensor, transl: Tensor, t_w2c: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """World root -> camera root (spec 4.8): axis-angle (..., 3), translation (..., 3), camera (..., 4, 4).

    ``offset`` (..., 3) is the rest place of joint 0, about which the root turns.
    """
    rotation, shift = t_w2c[..., :3, :3], t_w2c[..., :3, 3]
    orient = matrix_to_axis_angle(rotation @ axis_angle_to_matrix(global_orient))
    place = (rotation @ (transl + offset).unsqueeze(-1)).squeeze(-1) + shift - offset
    return orient, place


def camera_from_roots(orient_w: Tensor, transl_w: Tensor, orient_c: Tensor, transl_c: Tensor, offset: Tensor) -> Tensor:
    """The camera (..., 4, 4), world to camera, that sees one root (axis-angle, metres) as the other (spec 4.8)."""
    rotation = axis_angle_to_matrix(orient_c) @ axis_angle_to_matrix(orient_w).transpose(-1, -2)
    shift = transl_c + offset - (rotation @ (transl_w + offset).unsqueeze(-1)).squeeze(-1)
    top = torch.cat([rotation, shift.unsqueeze(-1)], dim=-1)
    bottom = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=top.dtype, device=top.device).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, bottom], dim=-2)


def facing_frame(joints: Tensor, inverse: bool = False) -> Tensor:
    """Transform (..., 4, 4) between the y-up world and a frame where this person faces +z (release: ``ayfz2ay``).

    ``joints`` (..., 22, 3). The facing direction comes from the hips and shoulders; the frame's origin lies on the
    ground below joint 0. The plain direction goes from the facing frame to the world, ``inverse`` the other way.
    """
    across = joints[..., 1, :] - joints[..., 2, :] + joints[..., 16, :] - joints[..., 17, :]
    across = across * across.new_tensor([1.0, 0.0, 1.0])
    x = F.normalize(across, dim=-1)
    y = x.new_tensor([0.0, 1.0, 0.0]).expand_as(x)
    rotation = torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)
    origin = joints[..., 0, :] * joints.new_tensor([1.0, 0.0, 1.0])
    if inverse:
        rotation = rotation.transpose(-1, -2)
        origin = -(rotation @ origin.unsqueeze(-1)).squeeze(-1)
    top = torch.cat([rotation, origin.unsqueeze(-1)], dim=-1)
    bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, bottom], dim=-2)
