"""Primitives of the network: the two-layer perceptron, the sinusoidal table, rotary angles (spec 3.1, 3.2, 3.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

GELU_PIECE = 1 << 16
# Rows and hidden channels that a processor takes at once, so that the widest arrays of a block stay in its caches.
MLP_ROWS, MLP_CHANNELS = 600, 1024


class Mlp(nn.Module):
    """Linear, GELU, dropout, Linear, dropout. The release uses the exact GELU everywhere but inside blocks (tanh)."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, dropout: float = 0.0, gelu: Literal["none", "tanh"] = "none"
    ) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, outputs)
        self.dropout = dropout
        self.gelu = gelu

    def forward(self, x: Tensor) -> Tensor:
        x = functional.gelu(self.fc1(x), approximate=self.gelu)
        x = functional.dropout(x, self.dropout, self.training)
        return functional.dropout(self.fc2(x), self.dropout, self.training)


def add_mlp(h: Tensor, gate: Tensor, norm: nn.LayerNorm, mlp: Mlp) -> Tensor:
    """h + gate * mlp(norm(h)) for h (B, T, D). Where nothing is learned on a processor in fp32, ``h`` is overwritten:
    piece by piece, a tenth of the time less (`bench`, full size)."""
    pieces = h.device.type == "cpu" and h.dtype == torch.float32 and h.is_contiguous() and mlp.gelu == "tanh"
    if not pieces or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
        return torch.addcmul(h, gate, mlp(norm(h)))
    up, down = mlp.fc1, mlp.fc2
    for rows in h.view(-1, h.shape[-1]).split(MLP_ROWS):
        x, out = norm(rows), down.bias.repeat(len(rows), 1)
        for first in range(0, up.out_features, MLP_CHANNELS):
            piece = slice(first, first + MLP_CHANNELS)
            hidden = tanh_gelu_(functional.linear(x, up.weight[piece], up.bias[piece]))
            out.addmm_(hidden, down.weight[:, piece].t())
        rows.addcmul_(gate[0], out)
    return h


def tanh_gelu_(x: Tensor) -> Tensor:
    """The tanh-approximated GELU in place, for fp32 on a processor: x sigmoid(2u) is x (1 + tanh u) / 2.

    Half as long as torch's own there: the sigmoid is cheaper than the tangent, pieces stay in the cache, and the widest
    array of a block is not allocated a second time.
    """
    scale = 2.0 * math.sqrt(2.0 / math.pi)
    for piece in x.view(-1).split(GELU_PIECE):
        u = piece * piece
        piece.mul_(u.mul_(0.044715 * scale).add_(scale).mul_(piece).sigmoid_())
    return x


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A Linear layer that starts as zero, so that what it adds is learned from nothing."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def sinusoid(positions: Tensor, width: int) -> Tensor:
    """Rows of the sinusoidal table (spec 3.2): positions (...,) to (..., width), float32.

    sin at even and cos at odd channels, in float32 throughout: at position 999 the rounding of the product is larger
    than the parity tolerance, so the arithmetic is part of the definition.
    """
    angles = positions.float()[..., None] * _frequencies(width, positions.device)
    return torch.stack([torch.sin(angles), torch.cos(angles)], dim=-1).flatten(-2)


@lru_cache(maxsize=8)
def _frequencies(width: int, device: torch.device) -> Tensor:
    """Of `sinusoid`, (width / 2,); from the processor, since another device's exponential rounds otherwise."""
    with torch.inference_mode(False):
        steps = torch.arange(0, width, 2, device="cpu").float()
        return torch.exp(steps * (-math.log(10000.0) / width)).to(device)


def rotary_angles(length: int, head_dim: int) -> Tensor:
    """Angle of each position and channel pair (spec 3.4): (length, head_dim / 2), base 10000, float32."""
    pairs = torch.arange(0, head_dim, 2, device="cpu").float() / head_dim
    return torch.arange(length, device="cpu").float()[:, None] / (10000.0**pairs)


def rotary_table(length: int, head_dim: int) -> Tensor:
    """Complex unit numbers that turn a channel pair at a position: (length, head_dim / 2), complex64."""
    angles = rotary_angles(length, head_dim)
    return torch.polar(torch.ones_like(angles), angles)


@lru_cache(maxsize=4)
def rotary_table_on(device: torch.device, length: int, head_dim: int) -> Tensor:
    """`rotary_table`, kept on a device."""
    with torch.inference_mode(False):
        return rotary_table(length, head_dim).to(device)


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Turn adjacent channel pairs (2i, 2i + 1) by the table; x (..., T, H, dh), table (T, dh / 2). Computed in fp32."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * table[:, None, :]).flatten(-2).to(x.dtype)


def filtered(x: Tensor, taps: Sequence[float | Tensor], stride: int = 1) -> Tensor:
    """Each channel of (B, L, C) over frames with its taps, numbers or (C,), ``stride`` frames apart; both ends are
    continued by their own values. By planes: the convolutions of a channel alone that torch has for graphics cards are
    slow, above all their gradients."""
    reach, frames = stride * (len(taps) // 2), x.shape[1]
    wide = torch.cat([x[:, :1].expand(-1, reach, -1), x, x[:, -1:].expand(-1, reach, -1)], dim=1)
    out = wide[:, :frames] * taps[0]
    for k, tap in enumerate(taps[1:], start=1):
        out = out + wide[:, k * stride : k * stride + frames] * tap
    return out


def over_frames(said: Tensor, per_token: int, frames: int, lengths: Tensor) -> Tensor:
    """What is said of tokens (B, T, C), said of their frames (B, ``frames``, C) and going over from token to token."""
    n = per_token
    taps = (1.0,) if n == 1 else (0.5 / n, *[1.0 / n] * (n - 1), 0.5 / n)
    return filtered(held(said.repeat_interleave(n, dim=1)[:, :frames], lengths), taps)


def held(motion: Tensor, lengths: Tensor) -> Tensor:
    """(B, L, C) with frames past the valid ones repeating the last valid one, so that padding cannot bleed back."""
    last = motion.gather(1, (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, motion.shape[2]))
    inside = torch.arange(motion.shape[1], device=motion.device) < lengths[:, None]
    return torch.where(inside[..., None], motion, last)
