"""Past the network: what the noised motion itself says of the clean one; ours, not the release's.

A network that gives smooth motion errs where motion is fast, at every step of sampling anew, so that a blow that is
there in the noise is worn away on the way down. The noised motion divided by sqrt(abar) is the clean one with noise of
the known variance (1 - abar) / abar; where the network's error has the variance v, the best linear guess from both
moves its answer by v / (v + (1 - abar) / abar) of the difference (Wiener 1949; the preconditioning of Karras et al.
2022, arXiv 2206.00364, section 5, has one v for everything). Errors are slow rather than fast, and larger in a dance
than in a stand: the network says v itself, for each channel and three bands of frequency.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import filtered, held, over_frames

LOW_PASS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
BANDS = 3  # above 5, 2 to 5 and below 2 Hz
FIRST_LOG_VARIANCE = -4.0
LARGEST_LOG_VARIANCE = 1.0  # motion itself, normalised, varies by 1
SIGNAL = 1e-10, 1.0 - 1e-6


def cosine_signal(t: Tensor) -> Tensor:
    """abar of the cosine schedule (spec 5.0) at original timesteps; the last, where hardly anything is left, as 0."""
    angle = ((t.float() + 1.0) / 1000.0 + 0.008) / 1.008 * (math.pi / 2)
    return (angle.cos() / math.cos(0.008 / 1.008 * math.pi / 2)).square() * (t < 999)


class WienerSkip(nn.Module):
    """The network's answer, moved toward the noised motion by as much as it can be trusted more."""

    def __init__(self, width: int, channels: int, per_token: int) -> None:
        super().__init__()
        self.per_token = per_token
        self.log_variance = nn.Linear(width, BANDS * channels)
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, FIRST_LOG_VARIANCE)

    def forward(
        self, motion: Tensor, h: Tensor, x_t: Tensor, t: Tensor, lengths: Tensor, seen: Tensor | None = None
    ) -> Tensor:
        """`motion` (B, L, C) the network's answer, `h` (B, T, D) its last hidden state, `x_t` (B, L, C) what it was
        given at timesteps `t` (B,), `lengths` (B,) valid frames. Where `seen` (B, L, C) is 1, x_t is clean."""
        signal = cosine_signal(t)[:, None, None].clamp(*SIGNAL)
        told = x_t.float() * signal.rsqrt()
        if seen is not None:
            told = torch.where(seen.bool(), x_t.float(), told)
        said = over_frames(self.log_variance(h).float(), self.per_token, motion.shape[1], lengths)
        log_variance = LARGEST_LOG_VARIANCE - functional.softplus(LARGEST_LOG_VARIANCE - said)
        gains = torch.sigmoid(log_variance + torch.logit(signal))
        for band, gain in zip(_bands(told - motion, lengths), gains.chunk(BANDS, dim=-1), strict=True):
            motion = motion + band * gain
        return motion


def _bands(x: Tensor, lengths: Tensor) -> list[Tensor]:
    """Fast, middling and slow parts of (B, L, C), which add up to it on the valid frames."""
    x = held(x, lengths)
    slower = held(filtered(x, LOW_PASS), lengths)
    slowest = filtered(slower, LOW_PASS, stride=2)
    return [x - slower, slower - slowest, slowest]
