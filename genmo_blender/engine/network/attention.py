"""Rotary self-attention with a sliding window (spec 3.4, 3.5).

There is no (T, T) mask for long motions: queries are cut into blocks, each block sees its range of keys, so time and
memory grow linearly with length. What does not depend on the step lies in a plan made once a job.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import rotary_table_on, rotate

# Stands for minus infinity: its exponential is exactly 0, and a row with every key blocked (a frame of padding) stays
# finite where the release returns NaN for the whole sample. Also finite in half precision.
BLOCKED = -30000.0
# cuDNN's attention plans anew for every shape, which takes longer than the attention itself.
torch.backends.cuda.enable_cudnn_sdp(False)
# Up to this many windows one masked product is faster than many small ones (measured); beyond, queries go in blocks.
DENSE_WINDOWS = 3


def window_bounds(length: int, window: int, causal: Tensor) -> tuple[Tensor, Tensor]:
    """First key and end of keys that each position may attend to (spec 3.5), each (B, length).

    `causal` (B,) flags rows of the release's autoregressive variant: a window that is not widened at the ends, and no
    future. Other rows see all when length <= window, else exactly `window` keys.
    """
    i = torch.arange(length, device=causal.device)
    half = window // 2
    width = min(window, length)
    low = (i - half).clamp(0, length - width)
    high = (i + half).clamp(width, length)
    causal_low, causal_high = (i - half).clamp(min=0), i + 1
    return torch.where(causal[:, None], causal_low, low), torch.where(causal[:, None], causal_high, high)


def window_mask(length: int, window: int, causal: Tensor) -> Tensor:
    """The mask that the release builds: (B, length, length) bool, True = blocked. For parity and tests."""
    low, high = window_bounds(length, window, causal)
    j = torch.arange(length, device=causal.device)
    return (j < low[..., None]) | (j >= high[..., None])


@dataclass(frozen=True)
class AttentionBlock:
    """Queries that share a range of keys; `mask` (B or 1, 1, queries, keys) is additive, None where all is seen."""

    queries: slice
    keys: slice
    mask: Tensor | None


@dataclass(frozen=True)
class AttentionPlan:
    """What self-attention needs besides its input; made once a job. `rotation` (T, dh / 2) complex."""

    rotation: Tensor
    blocks: tuple[AttentionBlock, ...]


def plan_attention(
    lengths: Tensor, tokens: int, window: int, head_dim: int, causal: Tensor | None = None, block: int = 64
) -> AttentionPlan:
    """Plan attention over `tokens` positions of which `lengths` (B,) are valid.

    `block` is the number of queries that share a range of keys in long motions.
    """
    device = lengths.device
    rotation = rotary_table_on(device, tokens, head_dim)
    if torch.is_grad_enabled() and device.type != "cpu" and causal is None and tokens <= DENSE_WINDOWS * window:
        return AttentionPlan(rotation, (_whole_block(lengths, tokens, window),))
    lengths = lengths.cpu()
    flags = torch.zeros(len(lengths), dtype=torch.bool, device="cpu") if causal is None else causal.cpu()
    if causal is None and bool((lengths >= tokens).all()):
        lengths, flags = lengths[:1], flags[:1]  # the same for every sample
    low, high = window_bounds(tokens, window, flags)
    size = tokens if tokens <= DENSE_WINDOWS * window else block
    blocks = []
    for first in range(0, tokens, size):
        queries = slice(first, min(first + size, tokens))
        keys = slice(int(low[:, queries].min()), int(high[:, queries].max()))
        j = torch.arange(keys.start, keys.stop, device="cpu")
        blocked = _blocked(j, low[:, queries], high[:, queries], lengths)
        mask = (blocked * BLOCKED)[:, None].to(device) if bool(blocked.any()) else None
        blocks.append(AttentionBlock(queries, keys, mask))
    return AttentionPlan(rotation, tuple(blocks))


def _whole_block(lengths: Tensor, tokens: int, window: int) -> AttentionBlock:
    """All queries and keys of short motions, planned without asking the device how long they are."""
    low, high = window_bounds(tokens, window, torch.zeros(1, dtype=torch.bool, device=lengths.device))
    blocked = _blocked(torch.arange(tokens, device=lengths.device), low, high, lengths)
    return AttentionBlock(slice(0, tokens), slice(0, tokens), (blocked * BLOCKED)[:, None])


def _blocked(keys: Tensor, low: Tensor, high: Tensor, lengths: Tensor) -> Tensor:
    """Which of the keys (K,) each query must not see, (B, Q, K): outside [low, high), (B, Q) each, or past the end."""
    return (keys < low[..., None]) | (keys >= high[..., None]) | (keys >= lengths[:, None, None])


def attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """Scaled dot-product attention (B, H, Q, dh) of queries to keys and values (B, H, K, dh).

    On a processor that learns in bf16 it is taken in fp32: there the gradient of torch's own in bf16 takes a quarter of
    a whole step, six times as long as in fp32 (torch 2.13, AMX), while the products around it are eight times as fast.
    """
    if q.device.type == "cpu" and q.requires_grad and q.dtype == torch.bfloat16:
        q, k, v, mask = q.float(), k.float(), v.float(), None if mask is None else mask.float()
        with torch.autocast("cpu", enabled=False):
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)


class RotaryAttention(nn.Module):
    """Multi-head self-attention with rotary positions; x (B, T, D) to (B, T, D). Parameter names are the release's."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.proj = nn.Linear(width, width), nn.Linear(width, width)
        self.heads, self.dropout = heads, dropout

    def forward(self, x: Tensor, plan: AttentionPlan) -> Tensor:
        q = rotate(self.query(x).unflatten(-1, (self.heads, -1)), plan.rotation).transpose(1, 2)
        k = rotate(self.key(x).unflatten(-1, (self.heads, -1)), plan.rotation).transpose(1, 2)
        v = self.value(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        parts = [self._attend(q, k, v, block) for block in plan.blocks]
        return self.proj(parts[0] if len(parts) == 1 else torch.cat(parts, dim=1))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, block: AttentionBlock) -> Tensor:
        mask = None if block.mask is None else block.mask.to(q.dtype)
        dropout = self.dropout if self.training else 0.0
        k, v = k[:, :, block.keys], v[:, :, block.keys]
        out = attended(q[:, :, block.queries], k, v, mask, dropout)
        return out.transpose(1, 2).flatten(2)
