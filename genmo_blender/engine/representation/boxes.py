"""Square boxes around people in pixels: centre x, centre y, size (spec 6.1)."""

from __future__ import annotations

import torch
from torch import Tensor

ENLARGE = 1.2
_ASPECT = 192 / 256  # width : height of the person crop that the size is fitted to


def _square(low: Tensor, high: Tensor, enlarge: Tensor | float, fit_aspect: bool) -> Tensor:
    width, height = (high - low).unbind(-1)
    size = torch.maximum(height, width / _ASPECT if fit_aspect else width)
    return torch.cat([(low + high) / 2, (size * enlarge).unsqueeze(-1)], dim=-1)


def box_around(points: Tensor, mask: Tensor | None = None, enlarge: float = ENLARGE) -> Tensor:
    """Box (..., 3) around points (..., N, 2) pixels; points where ``mask`` (..., N) is false do not count.

    One point alone gives a box of size zero, no point at all gives zeros (the release: NaN).
    """
    if mask is None:
        return _square(points.amin(-2), points.amax(-2), enlarge, True)
    hidden = ~mask.unsqueeze(-1)
    low = points.masked_fill(hidden, torch.inf).amin(-2)
    high = points.masked_fill(hidden, -torch.inf).amax(-2)
    anyone = mask.any(-1, keepdim=True)
    return _square(low.where(anyone, torch.zeros_like(low)), high.where(anyone, torch.zeros_like(high)), enlarge, True)


def box_from_corners(corners: Tensor, enlarge: float = ENLARGE, fit_aspect: bool = True) -> Tensor:
    """Box (..., 3) from corners (..., 4) left, top, right, bottom. The release has a second version that does not fit
    the 192:256 aspect of the crop (``fit_aspect=False``)."""
    return _square(corners[..., :2], corners[..., 2:], enlarge, fit_aspect)


def augmented_box(points: Tensor, scale_draw: Tensor, shift_x_draw: Tensor, shift_y_draw: Tensor) -> Tensor:
    """Training box around points (..., N, 2), jittered in each frame by draws from U(0, 1), each (...) (spec 6.1).

    Enlarged by 1.05 to 1.35; the centre moves by up to 0.8 of the margin.
    """
    raw = box_around(points, enlarge=1.0)
    scale = 1.05 + scale_draw * 0.3
    margin = raw[..., 2] / 2 * (scale - 1)
    x = raw[..., 0] + margin * (shift_x_draw * 1.6 - 0.8)
    y = raw[..., 1] + margin * (shift_y_draw * 1.6 - 0.8)
    return torch.stack([x, y, raw[..., 2] * scale], dim=-1)


def seen_corners(points: Tensor, seen: Tensor, least: int) -> Tensor:
    """Tightest boxes around the points (..., L, N, 2) that are ``seen`` (..., L, N), as corners (..., L, 2, 2).

    A frame where ``least`` points or fewer are seen has the box of the last frame before it that has more, or of the
    first one after it; zeros where no frame has.
    """
    hidden = ~seen.unsqueeze(-1)
    low = points.masked_fill(hidden, torch.inf).amin(-2)
    high = points.masked_fill(hidden, -torch.inf).amax(-2)
    enough = seen.sum(-1) > least
    corners = torch.where(enough[..., None, None], torch.stack([low, high], dim=-2), 0.0)
    frame = torch.arange(seen.shape[-2], device=seen.device)
    before = torch.where(enough, frame, -1).cummax(-1).values
    held = torch.where(before < 0, enough.int().argmax(-1, keepdim=True), before)
    return corners.gather(-3, held[..., None, None].expand_as(corners))


def box_corners(box: Tensor) -> Tensor:
    """Box (..., 3) -> corners (..., 4) left, top, right, bottom."""
    half = box[..., 2:] / 2
    return torch.cat([box[..., :2] - half, box[..., :2] + half], dim=-1)


def box_from_square(corners: Tensor) -> Tensor:
    """Inverse of `box_corners`."""
    centre = (corners[..., :2] + corners[..., 2:]) / 2
    return torch.cat([centre, (corners[..., 2:3] - corners[..., 0:1])], dim=-1)


def to_unit_box(points: Tensor, box: Tensor) -> Tensor:
    """Pixels (..., N, 2) -> [0, 1] across the box (..., 3)."""
    corners = box_corners(box).unsqueeze(-2)
    return (points - corners[..., :2]) / (corners[..., 2:] - corners[..., :2])


def from_unit_box(points: Tensor, box: Tensor) -> Tensor:
    """Inverse of `to_unit_box`."""
    corners = box_corners(box).unsqueeze(-2)
    return points * (corners[..., 2:] - corners[..., :2]) + corners[..., :2]


def normalise_keypoints(keypoints: Tensor, box: Tensor) -> Tensor:
    """Keypoints (..., N, 2 or 3) pixels (and confidence) -> [-1, 1] inside the box (..., 3) (spec 2.1).

    A point outside the box keeps its place and loses its confidence.
    """
    centre, half = box[..., :2].unsqueeze(-2), box[..., 2:].unsqueeze(-2) / 2
    place = keypoints[..., :2]
    outside = ((place < centre - half) | (place > centre + half)).any(-1, keepdim=True)
    unit = 2 * (place - centre) / box[..., 2:].clamp(min=1e-2).unsqueeze(-2)
    if keypoints.shape[-1] == 2:
        return unit
    return torch.cat([unit, keypoints[..., 2:3] * (~outside)], dim=-1)
