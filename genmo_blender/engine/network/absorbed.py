"""Cross-attention with a text's own matrices: two thin products in place of the two wide projections.

Scores are (x W_q)(t W_k)^T and outputs P (t W_v) W_o. The text side does not depend on the step, so W_q (t W_k)^T and
(t W_v) W_o are computed once a job: (D, heads * tokens) and back, narrower than (D, D) at the official size. The result
is the same but for rounding. The matrices are large, so this is for jobs with few distinct texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAX_TEXTS = 16


@dataclass(frozen=True)
class AbsorbedText:
    """A text in one layer: `scores` (D, H N) and its bias (H N,), `outputs` (H N, D)."""

    scores: Tensor
    bias: Tensor
    outputs: Tensor


@dataclass(frozen=True)
class TextRow:
    """Where one text holds: `tokens` (n,) of the flattened (B, T) axis and their `weights` (n, 1)."""

    tokens: Tensor
    weights: Tensor


@dataclass(frozen=True)
class RowPlan:
    """All distinct texts of a job; `total` (B, T, 1) is the sum of their weights."""

    rows: tuple[TextRow, ...]
    total: Tensor


def distinct_texts(features: Tensor, weights: Tensor) -> tuple[Tensor, RowPlan]:
    """Texts (B, K, N, C) with weights (B, K, T) to the distinct ones that hold anywhere (M, N, C), and their plan.

    Takes of one job share their texts, and the unconditional branch has one text for all.
    """
    batch, count, tokens = weights.shape
    used = torch.nonzero(weights.flatten(0, 1).any(-1))[:, 0]
    texts, which = torch.unique(features.flatten(0, 1)[used], dim=0, return_inverse=True)
    strength = weights.new_zeros(len(texts), batch, tokens)
    for row, pair in zip(which.tolist(), used.tolist(), strict=True):
        strength[row, pair // count] += weights[pair // count, pair % count]
    rows = []
    for row in strength.flatten(1):
        held = torch.nonzero(row)[:, 0]
        rows.append(TextRow(held, row[held][:, None]))
    return texts, RowPlan(tuple(rows), weights.sum(1)[..., None])


def attend(x: Tensor, texts: tuple[AbsorbedText, ...], plan: RowPlan, heads: int) -> Tensor:
    """sum_k w_k CA_k(x) without the output bias; x (B, T, D) to (B, T, D)."""
    flat = x.flatten(0, 1)
    mixed = torch.zeros_like(flat)
    for text, row in zip(texts, plan.rows, strict=True):
        scores = torch.addmm(text.bias, flat[row.tokens], text.scores).unflatten(-1, (heads, -1))
        mixed.index_add_(0, row.tokens, ((scores.softmax(-1).flatten(-2) * row.weights) @ text.outputs).to(mixed.dtype))
    return mixed.view_as(x)
