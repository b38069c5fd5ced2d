"""How a dance fits physics and its music (spec 9): PFC and beat alignment. Y up, 30 frames a second, metres."""

from __future__ import annotations

import torch
from torch import Tensor

from ..representation.smoothing import gaussian_taps
from .metrics import FPS

_BEAT_SMOOTHING = 5.0  # frames
_BEAT_TOLERANCE = 3.0  # frames
_FEET = ((7, 10), (8, 11))


def physical_foot_contact(joints: Tensor, fps: float = FPS) -> Tensor:
    """PFC, a scalar: root acceleration that no standing foot explains; (T, J, 3) with SMPL joint order.

    Upward acceleration alone needs a push, so falling does not count; foot speed is horizontal, the slower of ankle and
    toe.
    """
    velocity = (joints[1:, 0] - joints[:-1, 0]) * fps
    acceleration = (velocity[1:] - velocity[:-1]) * fps
    up = acceleration[:, 1].clamp(min=0)
    push = torch.linalg.vector_norm(torch.stack([acceleration[:, 0], up, acceleration[:, 2]], dim=-1), dim=-1)
    push = push / push.max().clamp(min=torch.finfo(push.dtype).tiny)  # a root at rest pushes nowhere
    flat = joints[1:, :, ::2]
    moved = torch.linalg.vector_norm(flat[1:] - flat[:-1], dim=-1)
    left, right = (moved[:, list(foot)].amin(-1) for foot in _FEET)
    return 10000 * (left * right * push).mean()


def motion_beats(joints: Tensor) -> Tensor:
    """Frames at which the mean joint speed of (T, J, 3) has a local minimum, after smoothing over 5 frames."""
    speed = torch.linalg.vector_norm(joints[1:] - joints[:-1], dim=-1).mean(-1)
    smooth = _smooth_mirrored(speed)
    inner = smooth[1:-1]
    return torch.nonzero((inner < smooth[:-2]) & (inner < smooth[2:])).squeeze(-1) + 1


def _smooth_mirrored(series: Tensor) -> Tensor:
    """Gaussian over time whose ends are mirrored, edge sample included (the convention of the published score)."""
    taps = gaussian_taps(_BEAT_SMOOTHING, torch.float64).to(series.device)
    radius, length = len(taps) // 2, len(series)
    index = torch.arange(-radius, length + radius, device=series.device) % (2 * length)
    index = torch.where(index < length, index, 2 * length - 1 - index)
    return (series.double()[index].unfold(0, len(taps), 1) * taps).sum(-1).to(series.dtype)


def beat_alignment(joints: Tensor, music_beats: Tensor) -> Tensor:
    """BAS, a scalar in 0..1: how near each music beat (frame numbers, (M,)) has a motion beat. No beat at all: 0."""
    return alignment_of_beats(motion_beats(joints), music_beats).to(joints.dtype)


def alignment_of_beats(found: Tensor, music_beats: Tensor) -> Tensor:
    """The same for motion beats that are known, (K,) frame numbers; float64."""
    if len(found) == 0 or len(music_beats) == 0:
        return torch.zeros((), dtype=torch.float64, device=found.device)
    distance = (music_beats.unsqueeze(1) - found.unsqueeze(0)).abs().amin(1).double()
    return torch.exp(-distance.square() / (2 * _BEAT_TOLERANCE**2)).mean()
