"""From a decoded motion to a path through the world (spec 4.8): vectorised over time, no loop over frames.

The gravity-view frame turns with the camera's heading. Its turn from frame to frame is a rotation about the vertical
alone, so the product of all turns is the sum of their angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..quirks import OfficialQuirks
from .rotations import axis_angle_to_matrix, matrix_from_6d, matrix_to_axis_angle, rotation_angle, turned, yaw_matrix
from .smoothing import gaussian_smooth

OURS = OfficialQuirks()
STILL = 1e-5  # rad; smaller turns of a camera are none


@dataclass(frozen=True)
class WorldRoot:
    """The root in the y-up world: ``rotation`` (..., L, 3, 3), ``transl`` (..., L, 3) metres from the start."""

    rotation: Tensor
    transl: Tensor

    @property
    def global_orient(self) -> Tensor:
        """(..., L, 3) axis-angle."""
        return matrix_to_axis_angle(self.rotation)


def roll_out_translation(velocity: Tensor, root_world: Tensor, start: Tensor | None = None) -> Tensor:
    """Sum of the steps R_t v_t: velocity (..., L, 3) in the root's frame, ``root_world`` (..., L, 3, 3) -> (..., L, 3).

    ``start`` (..., 3) or (..., 1, 3) is where frame 0 stands (else the origin). The last velocity is not used.
    """
    step = turned(root_world, velocity)
    if start is None:
        first = torch.zeros_like(step[..., :1, :])
    else:
        first = start if start.dim() == step.dim() else start.unsqueeze(-2)
    return torch.cumsum(torch.cat([first, step[..., :-1, :]], dim=-2), dim=-2)


def _camera_turn(cam_angvel: Tensor) -> Tensor:
    """6-D turn from each camera to the next (..., 6) -> matrices; turns within rounding of none become none."""
    turn = matrix_from_6d(cam_angvel)
    still = rotation_angle(turn)[..., None, None] < STILL
    return torch.where(still, torch.eye(3, dtype=turn.dtype, device=turn.device), turn)


def heading_change(root_gv: Tensor, root_camera: Tensor, cam_angvel: Tensor) -> Tensor:
    """Angle (...) about the vertical from the next camera's forward to this one's, seen in this gravity-view frame.

    Matrices (..., 3, 3) of the root in both frames, ``cam_angvel`` (..., 6). An angle from atan2 of horizontal parts:
    a still camera gives exactly zero where the release's arc cosine of a rounded product gives 3.5e-4 rad of noise.
    """
    to_gv = root_gv @ root_camera.transpose(-1, -2)
    here = to_gv[..., :, 2]
    there = (to_gv @ _camera_turn(cam_angvel).transpose(-1, -2))[..., :, 2]
    sine = there[..., 2] * here[..., 0] - there[..., 0] * here[..., 2]
    cosine = there[..., 0] * here[..., 0] + there[..., 2] * here[..., 2]
    return torch.atan2(sine, cosine)


def _noisy_heading_change(root_gv: Tensor, root_camera: Tensor, cam_angvel: Tensor) -> Tensor:
    """`heading_change` as the release computes it, its operations in its order, rounding noise included."""
    to_gv = root_gv @ root_camera.transpose(-1, -2)
    flat = to_gv.new_tensor([1.0, 0.0, 1.0])
    here = F.normalize(to_gv[..., :, 2] * flat, dim=-1)
    there = F.normalize((to_gv @ _camera_turn(cam_angvel).transpose(-1, -2))[..., :, 2] * flat, dim=-1)
    axis = F.normalize(torch.linalg.cross(there, here, dim=-1), dim=-1)
    return axis[..., 1] * torch.acos((here * there).sum(-1).clamp(-1.0, 1.0))


def world_root_from_matrices(
    root_gv: Tensor, root_camera: Tensor, velocity: Tensor, cam_angvel: Tensor, quirks: OfficialQuirks = OURS
) -> WorldRoot:
    """World root from matrices (..., L, 3, 3), local velocity (..., L, 3) and camera turns (..., L, 6).

    Frame i is turned by the change of frame i - 1; with ``late_yaw`` by its own, as in the release (spec 5.1 D7), which
    the smoothing over several frames hides.
    """
    change = _noisy_heading_change if quirks.arc_cosine_yaw else heading_change
    smooth = gaussian_smooth(change(root_gv, root_camera, cam_angvel).unsqueeze(-1)).squeeze(-1)
    turns = smooth[..., 1:] if quirks.late_yaw else smooth[..., :-1]
    heading = torch.cumsum(torch.cat([torch.zeros_like(smooth[..., :1]), -turns], dim=-1), dim=-1)
    rotation = yaw_matrix(heading) @ root_gv
    return WorldRoot(rotation, roll_out_translation(velocity, rotation))


def world_root(
    global_orient_gv: Tensor,
    global_orient: Tensor,
    velocity: Tensor,
    cam_angvel: Tensor,
    quirks: OfficialQuirks = OURS,
) -> WorldRoot:
    """`world_root_from_matrices` for axis-angle (..., L, 3)."""
    return world_root_from_matrices(
        axis_angle_to_matrix(global_orient_gv), axis_angle_to_matrix(global_orient), velocity, cam_angvel, quirks
    )


@dataclass(frozen=True)
class StreamState:
    """What frame-by-frame roll-out remembers: accumulated ``heading`` (...), the last frame's world root, its root in
    both frames (..., 3, 3), local velocity (..., 3) and camera turn (..., 6)."""

    heading: Tensor
    rotation: Tensor
    transl: Tensor
    root_gv: Tensor
    root_camera: Tensor
    velocity: Tensor
    cam_angvel: Tensor


def stream_start(root_gv: Tensor, root_camera: Tensor, velocity: Tensor, cam_angvel: Tensor) -> StreamState:
    """The state after the first frame, which stands at the origin."""
    heading = torch.zeros(root_gv.shape[:-2], dtype=root_gv.dtype, device=root_gv.device)
    return StreamState(heading, root_gv, torch.zeros_like(velocity), root_gv, root_camera, velocity, cam_angvel)


def stream_step(
    state: StreamState, root_gv: Tensor, root_camera: Tensor, velocity: Tensor, cam_angvel: Tensor
) -> StreamState:
    """The next frame's state (spec 4.8, streaming): the previous frame's turn and velocity, no smoothing."""
    heading = state.heading - heading_change(state.root_gv, state.root_camera, state.cam_angvel)
    rotation = yaw_matrix(heading) @ root_gv
    transl = state.transl + (state.rotation @ state.velocity.unsqueeze(-1)).squeeze(-1)
    return StreamState(heading, rotation, transl, root_gv, root_camera, velocity, cam_angvel)
