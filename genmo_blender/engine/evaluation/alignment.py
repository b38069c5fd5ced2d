"""Least-squares alignment of point sets, batched (Umeyama 1991; spec 9)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Similarity:
    """``scale`` (..., 1, 1), ``rotation`` (..., 3, 3), ``shift`` (..., 3, 1): x -> scale * rotation x + shift."""

    scale: Tensor
    rotation: Tensor
    shift: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """Points (..., N, 3) moved."""
        return self.scale * points @ self.rotation.transpose(-1, -2) + self.shift.transpose(-1, -2)


def fit_similarity(source: Tensor, target: Tensor, fixed_scale: bool = False) -> Similarity:
    """The similarity, or the rigid motion when ``fixed_scale``, that brings source (..., N, 3) nearest to target.

    The rotation is a proper one (determinant +1), whatever the points.
    """
    mean_source, mean_target = source.mean(-2, keepdim=True), target.mean(-2, keepdim=True)
    centred_source, centred_target = source - mean_source, target - mean_target
    u, singular, vh = torch.linalg.svd(centred_target.transpose(-1, -2) @ centred_source)
    sign = torch.ones_like(singular)
    sign[..., 2] = torch.sign(torch.linalg.det(u @ vh))
    rotation = (u * sign.unsqueeze(-2)) @ vh
    if fixed_scale:
        scale = torch.ones_like(singular[..., :1]).unsqueeze(-1)
    else:
        variance = centred_source.square().sum((-2, -1))
        scale = ((singular * sign).sum(-1) / variance)[..., None, None]
    shift = mean_target.transpose(-1, -2) - scale * (rotation @ mean_source.transpose(-1, -2))
    return Similarity(scale, rotation, shift)


def align_each(source: Tensor, target: Tensor) -> Tensor:
    """Each frame's points (T, N, 3) brought to the target's by a similarity of its own (Procrustes)."""
    return fit_similarity(source, target)(source)


def align_clip(source: Tensor, target: Tensor, frames: int | None = None) -> Tensor:
    """A clip (T, N, 3) moved as one by the similarity fitted on its first ``frames`` frames (all when None)."""
    fit = fit_similarity(source[:frames].flatten(0, 1), target[:frames].flatten(0, 1))
    return fit(source)
