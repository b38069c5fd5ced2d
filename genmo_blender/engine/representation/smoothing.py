"""Zero-phase smoothing over time, its ends replicated unless it says otherwise."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_taps(sigma: float = 3.0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normalised Gaussian of radius 4 sigma, (2 * 4 sigma + 1,)."""
    radius = int(4 * sigma + 0.5)
    x = torch.arange(-radius, radius + 1, dtype=torch.float64, device="cpu")  # some devices have no float64
    taps = torch.exp(-0.5 * (x / sigma) ** 2)
    return (taps / taps.sum()).to(dtype)


def _filter_time(x: Tensor, taps: Tensor) -> Tensor:
    """Correlate (..., L, C) with taps along L, ends replicated."""
    radius = len(taps) // 2
    first, last = x[..., :1, :], x[..., -1:, :]
    padded = torch.cat([first.expand(*x.shape[:-2], radius, -1), x, last.expand(*x.shape[:-2], radius, -1)], dim=-2)
    return (padded.unfold(-2, len(taps), 1) * taps).sum(-1)


def gaussian_smooth(x: Tensor, sigma: float = 3.0) -> Tensor:
    """Gaussian over time, (..., L, C) -> the same shape (spec 4.8 step 5, 8.1 step 5)."""
    return _filter_time(x, gaussian_taps(sigma, x.dtype).to(x.device))


def gaussian_smooth_onward(x: Tensor, sigma: float = 3.0) -> Tensor:
    """As `gaussian_smooth`, but beyond its ends a series goes on as it came, mirrored in the end's point: what moves
    evenly is left as it is."""
    radius, count = int(4 * sigma + 0.5), x.shape[-2]
    back = torch.arange(radius, 0, -1, device=x.device).clamp(max=count - 1)
    first, last = x[..., :1, :], x[..., -1:, :]
    before = 2 * first - x.index_select(-2, back)
    after = 2 * last - x.index_select(-2, count - 1 - back.flip(0))
    return gaussian_smooth(torch.cat([before, x, after], dim=-2), sigma)[..., radius : radius + count, :]


def moving_average(x: Tensor, window: int = 5) -> Tensor:
    """Mean over an odd number of frames, (..., L, C) -> the same shape (spec 6.1, boxes of footage)."""
    return _filter_time(x, torch.full((window,), 1.0 / window, dtype=x.dtype, device=x.device))
