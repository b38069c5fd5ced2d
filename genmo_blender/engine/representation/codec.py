"""The 151-D motion code (spec 4.1 to 4.6): one vector a frame, normalised with statistics that the checkpoint gives.

The camera-frame root translation is not part of it (the camera head predicts it, spec 6.2) and contacts are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .rotations import axis_angle_to_matrix, matrix_from_6d, matrix_to_6d, matrix_to_axis_angle

DIM = 151
BODY_POSE = slice(0, 126)  # joints 1..21, 6-D each
BETAS = slice(126, 136)
GLOBAL_ORIENT = slice(136, 142)  # camera frame
GLOBAL_ORIENT_GV = slice(142, 148)  # gravity-view frame
LOCAL_TRANSL_VEL = slice(148, 151)  # metres a frame, in the root's frame


@dataclass(frozen=True)
class Statistics:
    """Per-channel mean and divisor of the code, (151,) each: part of a checkpoint, never global."""

    mean: Tensor
    std: Tensor

    def normalise(self, code: Tensor) -> Tensor:
        """Raw code (..., 151) -> what the network sees."""
        return (code - self.mean) / self.std

    def denormalise(self, code: Tensor) -> Tensor:
        """Inverse of `normalise`."""
        return code * self.std + self.mean

    def to(self, device: torch.device | str) -> Statistics:
        return Statistics(self.mean.to(device), self.std.to(device))


@dataclass(frozen=True)
class DecodedMotion:
    """A code taken apart, rotations in axis-angle radians (what everything official downstream starts from)."""

    body_pose: Tensor  # (..., 63)
    betas: Tensor  # (..., 10)
    global_orient: Tensor  # (..., 3), camera frame
    global_orient_gv: Tensor  # (..., 3), gravity-view frame
    local_transl_vel: Tensor  # (..., 3), metres a frame


@dataclass(frozen=True)
class DecodedRotations:
    """A code taken apart, rotations as matrices (no detour through axis-angle)."""

    body: Tensor  # (..., 21, 3, 3)
    betas: Tensor  # (..., 10)
    root_camera: Tensor  # (..., 3, 3)
    root_gv: Tensor  # (..., 3, 3)
    local_transl_vel: Tensor  # (..., 3), metres a frame


def local_velocity(transl: Tensor, root_world: Tensor, without_transpose: bool = False) -> Tensor:
    """Step to the next frame in the root's frame: R^T (T_{t+1} - T_t), the last step repeated.

    ``transl`` (..., L, 3) metres, ``root_world`` (..., L, 3, 3). ``without_transpose`` takes R instead of R^T as the
    release does (spec 5.1 D1); what it gives cannot be rolled out again.
    """
    if transl.shape[-2] == 1:
        return torch.zeros_like(transl)
    step = transl[..., 1:, :] - transl[..., :-1, :]
    step = torch.cat([step, step[..., -1:, :]], dim=-2)
    turn = root_world if without_transpose else root_world.transpose(-1, -2)
    return (turn @ step.unsqueeze(-1)).squeeze(-1)


def encode_rotations(
    body: Tensor, betas: Tensor, root_camera: Tensor, root_gv: Tensor, local_transl_vel: Tensor, statistics: Statistics
) -> Tensor:
    """Matrices (..., 21, 3, 3), (..., 3, 3) and vectors -> the normalised code (..., 151)."""
    parts = [
        matrix_to_6d(body).flatten(-2),
        betas,
        matrix_to_6d(root_camera),
        matrix_to_6d(root_gv),
        local_transl_vel,
    ]
    return statistics.normalise(torch.cat(parts, dim=-1))


def encode(
    body_pose: Tensor,
    betas: Tensor,
    global_orient_c: Tensor,
    global_orient_w: Tensor,
    transl_w: Tensor,
    r_c2gv: Tensor,
    statistics: Statistics,
    velocity_without_transpose: bool = False,
) -> Tensor:
    """SMPL parameters -> the normalised code (..., L, 151) (spec 4.5).

    ``body_pose`` (..., L, 63), orientations (..., L, 3) axis-angle in camera and world, ``transl_w`` (..., L, 3)
    metres, ``r_c2gv`` (..., L, 3, 3) camera to gravity-view.
    """
    root_camera = axis_angle_to_matrix(global_orient_c)
    velocity = local_velocity(transl_w, axis_angle_to_matrix(global_orient_w), velocity_without_transpose)
    body = axis_angle_to_matrix(body_pose.unflatten(-1, (21, 3)))
    return encode_rotations(body, betas, root_camera, r_c2gv @ root_camera, velocity, statistics)


def decode_rotations(code: Tensor, statistics: Statistics) -> DecodedRotations:
    """Normalised code (..., 151) -> matrices."""
    raw = statistics.denormalise(code)
    return DecodedRotations(
        body=matrix_from_6d(raw[..., BODY_POSE].unflatten(-1, (21, 6))),
        betas=raw[..., BETAS],
        root_camera=matrix_from_6d(raw[..., GLOBAL_ORIENT]),
        root_gv=matrix_from_6d(raw[..., GLOBAL_ORIENT_GV]),
        local_transl_vel=raw[..., LOCAL_TRANSL_VEL],
    )


def decode(code: Tensor, statistics: Statistics) -> DecodedMotion:
    """Normalised code (..., 151) -> axis-angle parameters (spec 4.6)."""
    parts = decode_rotations(code, statistics)
    return DecodedMotion(
        body_pose=matrix_to_axis_angle(parts.body).flatten(-2),
        betas=parts.betas,
        global_orient=matrix_to_axis_angle(parts.root_camera),
        global_orient_gv=matrix_to_axis_angle(parts.root_gv),
        local_transl_vel=parts.local_transl_vel,
    )


def official_statistics() -> Statistics:
    """The statistics block of the release (spec 4.3), for converted official checkpoints and the parity cases."""
    with open(Path(__file__).with_name("official_statistics.json"), encoding="utf-8") as file:
        record = json.load(file)
    return Statistics(*(torch.tensor(record[name], device="cpu") for name in ("mean", "std")))
