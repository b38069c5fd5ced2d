"""Camera geometry: intrinsics, projection, the weak-perspective head, camera motion (spec 2.2, 2.4, 6)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..constants import constant
from .rotations import matrix_to_6d, rotation_angle

NEAR = 0.3  # m; nearer points are not projected safely
CAM_ANGVEL_MEAN = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CAM_ANGVEL_STD = (0.001, 0.1, 0.1, 0.1, 0.001, 0.1)


def _numbers(*values: Tensor | float) -> list[Tensor]:
    """Single precision, where the first tensor of them is."""
    device = next((v.device for v in values if isinstance(v, Tensor)), torch.device("cpu"))
    return [torch.as_tensor(v, dtype=torch.float32, device=device) for v in values]


def intrinsics(width: Tensor | float, height: Tensor | float, focal: Tensor | float) -> Tensor:
    """K (..., 3, 3) in pixels with the principal point in the middle."""
    w, h, f = torch.broadcast_tensors(*_numbers(width, height, focal))
    k = f.new_zeros(*f.shape, 3, 3)
    k[..., 0, 0] = k[..., 1, 1] = f
    k[..., 0, 2], k[..., 1, 2], k[..., 2, 2] = w / 2, h / 2, 1.0
    return k


def estimate_intrinsics(width: Tensor | float, height: Tensor | float, focal_rule: str = "diagonal") -> Tensor:
    """K (..., 3, 3) guessed from the image's size: the focal length is the diagonal, with which the published weights
    were probably trained, or the "longest_side", as the release has it now (spec 5.1 D8)."""
    width, height = _numbers(width, height)
    rules = {"diagonal": torch.hypot, "longest_side": torch.maximum}
    return intrinsics(width, height, rules[focal_rule](width, height))


def intrinsics_from_fov(width: Tensor | float, height: Tensor | float, fov_degrees: float) -> Tensor:
    """K (..., 3, 3) from the horizontal field of view."""
    (width,) = _numbers(width)
    return intrinsics(width, height, width / 2 / math.tan(math.radians(fov_degrees) / 2))


def resize_intrinsics(k: Tensor, factor: float) -> Tensor:
    """K of the image scaled by ``factor``."""
    scale = torch.tensor([factor, factor, 1.0], dtype=k.dtype, device=k.device)
    return k * scale.unsqueeze(-1)


def cliff_camera(box: Tensor, k: Tensor) -> Tensor:
    """Where the box sits in the image, in focal lengths: (..., 3) and K (..., 3, 3) -> (..., 3) (spec 2.2)."""
    centre = torch.stack([k[..., 0, 2], k[..., 1, 2]], dim=-1)
    return torch.cat([box[..., :2] - centre, box[..., 2:]], dim=-1) / k[..., 0, 0, None]


def full_translation(pred_cam: Tensor, box: Tensor, k: Tensor) -> Tensor:
    """Weak-perspective head (s, tx, ty) (..., 3) -> translation in the camera (..., 3) metres (spec 6.2).

    With a box of size zero the depth is meaningless, about 1e12 m (spec 5.1 D20).
    """
    scale, tx, ty = pred_cam.unbind(-1)
    focal, icx, icy = k[..., 0, 0], k[..., 0, 2], k[..., 1, 2]
    cx, cy, size = box.unbind(-1)
    scaled = scale * size + 1e-9
    return torch.stack([tx + 2 * (cx - icx) / scaled, ty + 2 * (cy - icy) / scaled, 2 * focal / scaled], dim=-1)


def weak_perspective(transl: Tensor, box: Tensor, k: Tensor) -> Tensor:
    """Inverse of `full_translation`: the training target (s, tx, ty) (..., 3)."""
    x, y, z = transl.unbind(-1)
    focal, icx, icy = k[..., 0, 0], k[..., 0, 2], k[..., 1, 2]
    cx, cy, size = box.unbind(-1)
    return torch.stack([2 * focal / (z * size), x - z / focal * (cx - icx), y - z / focal * (cy - icy)], dim=-1)


def project(points: Tensor, k: Tensor, near: float | None = None) -> Tensor:
    """Camera-frame points (..., N, 3) metres -> pixels (..., N, 2) with K (..., 3, 3).

    Depth is clamped at 1e-6; ``near`` clamps the point itself before (spec 6.2, the safe variant).
    """
    z = points[..., 2:]
    if near is not None:
        points = torch.cat([points[..., :2], z.clamp(min=near)], dim=-1)
    flat = points / points[..., 2:].clamp(min=1e-6)
    return (flat @ k.transpose(-1, -2))[..., :2]


def camera_angular_velocity(r_w2c: Tensor) -> Tensor:
    """6-D of the turn from each frame's camera to the next, R_{t+1} R_t^T: (..., L, 3, 3) -> (..., L, 6).

    The last frame repeats the one before (spec 2.4); a single frame is still.
    """
    if r_w2c.shape[-3] == 1:
        return matrix_to_6d(torch.eye(3, dtype=r_w2c.dtype, device=r_w2c.device).expand_as(r_w2c))
    turn = matrix_to_6d(r_w2c[..., 1:, :, :] @ r_w2c[..., :-1, :, :].transpose(-1, -2))
    return torch.cat([turn, turn[..., -1:, :]], dim=-2)


def normalise_angular_velocity(cam_angvel: Tensor) -> Tensor:
    """(..., 6) -> what the network is given (spec 2.4)."""
    device = cam_angvel.device
    return (cam_angvel - constant(CAM_ANGVEL_MEAN, device)) / constant(CAM_ANGVEL_STD, device)


def camera_step(t_w2c: Tensor) -> Tensor:
    """Difference of the world-to-camera translations, (..., L, 4, 4) -> (..., L, 3), last frame repeated."""
    step = t_w2c[..., 1:, :3, 3] - t_w2c[..., :-1, :3, 3]
    return torch.cat([step, step[..., -1:, :]], dim=-2)


def camera_position_step(t_w2c: Tensor) -> Tensor:
    """How far the camera moves in the world: (..., L, 4, 4) -> (..., L, 3) metres a frame, last frame repeated."""
    rotation, shift = t_w2c[..., :3, :3], t_w2c[..., :3, 3]
    place = -(rotation.transpose(-1, -2) @ shift.unsqueeze(-1)).squeeze(-1)
    step = place[..., 1:, :] - place[..., :-1, :]
    return torch.cat([step, step[..., -1:, :]], dim=-2)


def pixels_to_plane(pixels: Tensor, k: Tensor) -> Tensor:
    """Pixels (..., N, 2) -> the camera's plane at depth 1, (..., N, 2), with K (..., 3, 3)."""
    centre = torch.stack([k[..., 0, 2], k[..., 1, 2]], dim=-1).unsqueeze(-2)
    focal = torch.stack([k[..., 0, 0], k[..., 1, 1]], dim=-1).unsqueeze(-2)
    return (pixels - centre) / focal


def relative_to_first(t_w2c: Tensor) -> Tensor:
    """The camera path with frame 0 as its world: (..., L, 4, 4) -> (..., L, 4, 4) (spec 6.6).

    Rotations within rounding of the identity become it.
    """
    first = torch.linalg.inv(t_w2c[..., :1, :, :])
    path = t_w2c @ first
    still = rotation_angle(path[..., :3, :3])[..., None, None] < 1e-5
    rotation = torch.where(still, torch.eye(3, dtype=path.dtype, device=path.device), path[..., :3, :3])
    return torch.cat([torch.cat([rotation, path[..., :3, 3:]], dim=-1), path[..., 3:, :]], dim=-2)
