"""Rotary self-attention with a sliding window (spec 3.4, 3.5): queries in blocks, each with its range of keys."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .layers import Array, Linear, Parameters, rotary_table, rotate, softmax

# Stands for minus infinity: its exponential is exactly 0, and a row with every key blocked stays finite.
BLOCKED = np.float32(-30000.0)
DENSE_WINDOWS = 3  # up to this many windows one masked product is faster than many small ones


def window_bounds(length: int, window: int, causal: Array) -> tuple[Array, Array]:
    """First key and end of keys that each position may attend to (spec 3.5), each (B, length).

    `causal` (B,) flags rows of the release's autoregressive variant: a window that is not widened at the ends, and no
    future. Other rows see all when length <= window, else exactly `window` keys.
    """
    i = np.arange(length)
    half, width = window // 2, min(window, length)
    low, high = np.clip(i - half, 0, length - width), np.clip(i + half, width, length)
    return np.where(causal[:, None], np.maximum(i - half, 0), low), np.where(causal[:, None], i + 1, high)


@dataclass(frozen=True, eq=False)
class AttentionBlock:
    """Queries that share a range of keys; `mask` (B or 1, 1, queries, keys) is additive, None where all is seen."""

    queries: slice
    keys: slice
    mask: Array | None


@dataclass(frozen=True, eq=False)
class AttentionPlan:
    """What self-attention needs besides its input; made once a job. `rotation` (T, dh / 2) complex."""

    rotation: Array
    blocks: tuple[AttentionBlock, ...]


def plan_attention(
    lengths: Array, tokens: int, window: int, head_dim: int, causal: Array | None = None, block: int = 64
) -> AttentionPlan:
    """Plan attention over `tokens` positions of which `lengths` (B,) are valid."""
    flags = np.zeros(len(lengths), dtype=bool) if causal is None else causal
    if causal is None and (lengths >= tokens).all():
        lengths, flags = lengths[:1], flags[:1]  # the same for every sample
    low, high = window_bounds(tokens, window, flags)
    size = tokens if tokens <= DENSE_WINDOWS * window else block
    blocks = []
    for first in range(0, tokens, size):
        queries = slice(first, min(first + size, tokens))
        keys = slice(int(low[:, queries].min()), int(high[:, queries].max()))
        j = np.arange(keys.start, keys.stop)
        blocked = (j < low[:, queries, None]) | (j >= high[:, queries, None]) | (j >= lengths[:, None, None])
        blocks.append(AttentionBlock(queries, keys, (blocked * BLOCKED)[:, None] if blocked.any() else None))
    return AttentionPlan(rotary_table(tokens, head_dim), tuple(blocks))


@dataclass(frozen=True, eq=False)
class RotaryAttention:
    """Multi-head self-attention with rotary positions; x (B, T, D) to (B, T, D). `into` holds query, key and value."""

    into: Linear
    proj: Linear
    heads: int

    @classmethod
    def read(cls, given: Parameters, width: int, heads: int) -> RotaryAttention:
        parts = [Linear.read(given.of(name), width, width) for name in ("query", "key", "value")]
        weight = np.concatenate([part.weight for part in parts], axis=1)
        bias = np.concatenate([part.bias for part in parts if part.bias is not None])
        return cls(Linear(weight, bias), Linear.read(given.of("proj"), width, width), heads)

    def __call__(self, x: Array, plan: AttentionPlan) -> Array:
        batch, tokens, width = x.shape
        mixed = self.into(x).reshape(batch, tokens, 3 * self.heads, -1)
        turned = rotate(np.ascontiguousarray(mixed[:, :, : 2 * self.heads]), plan.rotation)
        q, k = (turned[:, :, part].transpose(0, 2, 1, 3) for part in np.split(np.arange(2 * self.heads), 2))
        v = mixed[:, :, 2 * self.heads :].transpose(0, 2, 1, 3)
        q = q * np.float32(1.0 / math.sqrt(q.shape[-1]))
        out = np.empty((batch, tokens, self.heads, width // self.heads), dtype=np.float32)
        for block in plan.blocks:
            scores = q[:, :, block.queries] @ k[:, :, block.keys].transpose(0, 1, 3, 2)
            if block.mask is not None:
                scores += block.mask
            out[:, block.queries] = (softmax(scores) @ v[:, :, block.keys]).transpose(0, 2, 1, 3)
        return self.proj(out.reshape(batch, tokens, width))
