"""Which joints stand still, and a root path whose planted joints stay put (spec 7.2 step 10, 8.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..representation.smoothing import gaussian_smooth

STATIC_JOINTS = (7, 10, 8, 11, 20, 21)
"""L ankle, L foot, R ankle, R foot, L wrist, R wrist: the order of the static-joint head."""
STATIC_SPEED = 0.15  # m/s
_FRAME = 0.033  # s; the release rounds 1/30 and so do its labels


def static_joints(joints: Tensor, speed: float = STATIC_SPEED) -> Tensor:
    """Which joints move slower than ``speed`` m/s: (..., L, N, 3) metres -> bool (..., L, N), last frame repeated."""
    step = torch.linalg.vector_norm(joints[..., 1:, :, :] - joints[..., :-1, :, :], dim=-1) / _FRAME
    slow = step < speed
    return torch.cat([slow, slow[..., -1:, :]], dim=-2)


def still_root(logits: Tensor, transl: Tensor, joints: Tensor, clearance: Tensor | None = None) -> Tensor:
    """Root path (..., L, 3) whose static joints do not drift and whose lowest point touches y = 0 (spec 8.1).

    ``logits`` (..., L, 6) of the static-joint head, ``transl`` (..., L, 3), ``joints`` (..., L, 22, 3) posed with it.
    ``clearance`` (22,) is how far below each joint its sole lies; without it the lowest joint itself touches, as in the
    release. The ground is subtracted per sample (spec 5.1 D21: the release does so for a batch of one only).
    """
    planted = joints[..., STATIC_JOINTS, :]
    drift = planted[..., 1:, :, :] - planted[..., :-1, :, :]
    step_logits = logits[..., :-1, :]
    static = step_logits > 0
    weight = torch.softmax(step_logits - 1e6 * (~static).to(logits.dtype), dim=-1)
    correction = (weight.unsqueeze(-1) * drift).sum(-2) * static.any(-1, keepdim=True)
    steps = transl[..., 1:, :] - transl[..., :-1, :] - correction
    path = torch.cumsum(torch.cat([transl[..., :1, :], steps], dim=-2), dim=-2)
    smooth = gaussian_smooth(path)
    path = torch.stack([smooth[..., 0], path[..., 1], smooth[..., 2]], dim=-1)
    height = joints[..., 1] - transl[..., 1:2] + path[..., 1:2]
    if clearance is not None:
        height = height - clearance
    floor = height.amin(dim=(-2, -1))
    return torch.stack([path[..., 0], path[..., 1] - floor.unsqueeze(-1), path[..., 2]], dim=-1)
