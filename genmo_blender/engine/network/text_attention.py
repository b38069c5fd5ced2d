"""Cross-attention to several texts, each over its own frames (spec 3.4). What does not depend on the step lies in a
plan that is made once a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .absorbed import AbsorbedText, RowPlan, attend
from .attention import DENSE_WINDOWS, attended

# What a layer keeps of the texts of a job: keys and values (M, H, N, dh), or one record of matrices for each text.
TextMemory = tuple[Tensor, Tensor] | tuple[AbsorbedText, ...]


@dataclass(frozen=True)
class TextGroup:
    """At most one text for each query block: `blocks` (M,) of the flattened (B, blocks) axis, or None for all in order;
    `texts` (M,) rows of the keys, or every so-manyth, or None for row m at block m; `weights` (M, block), or None for
    ones."""

    blocks: Tensor | None
    texts: Tensor | slice | None
    weights: Tensor | None


@dataclass(frozen=True)
class TextPlan:
    """Which text each frame attends to, and how strongly; made once a job by `plan_text`.

    `used` are the rows of the flattened (B * K) texts that any frame attends to; keys and values hold these rows, and
    one more for the null text where `null` is set. `total` (B, T, 1) is the sum of all weights, None for ones.
    """

    groups: tuple[TextGroup, ...]
    used: Tensor
    null: bool
    block: int
    blocks: int
    total: Tensor | None


def with_null(weights: Tensor) -> Tensor:
    """Append the null text, (B, K, T) to (B, K + 1, T): it takes what is missing to one."""
    rest = (1.0 - weights.clamp(max=1.0).sum(1, keepdim=True)).clamp(min=0.0)
    rest = rest * (rest > 1e-6)  # rounding in averaged weights is no uncovered frame
    return torch.cat([weights, rest], dim=1)


def plan_text(weights: Tensor, window: int, null_remainder: bool) -> TextPlan:
    """Group the windows of texts by query blocks. `weights` (B, K, T) are those of each token, 0 outside a window.

    With `null_remainder`, the weight that is missing to one, max(0, 1 - sum_k min(w_k, 1)), goes to the null text.
    Short motions and single texts are one block; otherwise a block is a window, and a text costs only those it touches.
    """
    batch, count, tokens = weights.shape
    if null_remainder:
        weights = with_null(weights)
    if torch.is_grad_enabled() and weights.device.type != "cpu" and tokens <= DENSE_WINDOWS * window:
        return _plan_every_text(weights, count)
    block = tokens if tokens <= DENSE_WINDOWS * window or count == 1 else window
    blocks = -(-tokens // block)
    cut = functional.pad(weights, (0, blocks * block - tokens)).unflatten(-1, (blocks, block))
    cut = cut.transpose(1, 2).flatten(0, 1)  # (B * blocks, K or K + 1, block)
    touched = (cut != 0).any(-1).cpu()
    real = touched[:, :count].unflatten(0, (batch, blocks)).any(1).flatten()
    row_of = real.cumsum(0) - 1
    null = null_remainder and bool(touched[:, count:].any())
    rank = touched.cumsum(1) * touched  # 1 for the first text of a block, 2 for the second, ...
    groups = []
    for r in range(1, int(rank.max()) + 1):
        where, text = torch.nonzero(rank == r, as_tuple=True)
        rows = torch.where(text < count, row_of[(where // blocks) * count + text.clamp(max=count - 1)], real.sum())
        w = cut[where.to(cut.device), text.to(cut.device)]
        identity = torch.arange(batch * blocks, device="cpu")
        groups.append(
            TextGroup(
                None if torch.equal(where, identity) else where.to(cut.device),
                None if torch.equal(rows, torch.arange(int(real.sum()) + null, device="cpu")) else rows.to(cut.device),
                None if bool((w == 1).all()) else w,
            )
        )
    total = weights.sum(1)[..., None]
    return TextPlan(
        tuple(groups),
        torch.nonzero(real)[:, 0].to(cut.device),
        null,
        block,
        blocks,
        None if bool((total == 1).all()) else total,
    )


def _plan_every_text(weights: Tensor, count: int) -> TextPlan:
    """Every sample attends to all of its `count` texts, heard or not, and to the null text if `weights` (B, K or K + 1,
    T) have one. For training on a graphics card: which texts are heard need not be asked of it, and nothing is gathered
    or scattered, whose gradients cost more there than attention to a few texts in vain."""
    batch, rows, tokens = weights.shape
    places = [slice(k, batch * count, count) for k in range(count)]
    places += [slice(batch * count, batch * count + 1)] * (rows - count)
    groups = tuple(TextGroup(None, place, w) for place, w in zip(places, weights.unbind(1), strict=True))
    used = torch.arange(batch * count, device=weights.device)
    return TextPlan(groups, used, rows > count, tokens, 1, weights.sum(1)[..., None])


class TextAttention(nn.Module):
    """Cross-attention to texts, without positions and masks; parameter names are `nn.MultiheadAttention`'s.

    The output is sum_k w_k CA_k, the bias of the output projection included: a frame without text gets exactly 0.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)
        self.width, self.heads, self.dropout = width, heads, dropout

    def keys_values(self, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of embedded texts (M, N, D), each (M, H, N, dh)."""
        both = functional.linear(texts, self.in_proj_weight[self.width :], self.in_proj_bias[self.width :])
        k, v = both.unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return k, v

    def absorbed(self, texts: Tensor) -> tuple[AbsorbedText, ...]:
        """The matrices of embedded texts (M, N, D), one record for each (see `absorbed`)."""
        k, v = self.keys_values(texts)
        head = self.width // self.heads
        query = self.in_proj_weight[: self.width].view(self.heads, head, self.width)
        bias = self.in_proj_bias[: self.width].view(self.heads, head)
        outputs = self.out_proj.weight.view(self.width, self.heads, head)
        scale = head**-0.5
        return tuple(
            AbsorbedText(
                torch.einsum("hed,hne->dhn", query, key).flatten(1) * scale,
                torch.einsum("he,hne->hn", bias, key).flatten() * scale,
                torch.einsum("hne,dhe->hnd", value, outputs).flatten(0, 1),
            )
            for key, value in zip(k, v, strict=True)
        )

    def forward(self, x: Tensor, texts: TextMemory, plan: TextPlan | RowPlan) -> Tensor:
        """x (B, T, D) to (B, T, D); `texts` are `keys_values` for a TextPlan, `absorbed` for a RowPlan."""
        if isinstance(plan, RowPlan):
            return attend(x, cast(tuple[AbsorbedText, ...], texts), plan, self.heads) + plan.total * self.out_proj.bias
        return self._attend_all(x, cast(tuple[Tensor, Tensor], texts), plan)

    def _attend_all(self, x: Tensor, keys_values: tuple[Tensor, Tensor], plan: TextPlan) -> Tensor:
        batch, tokens, width = x.shape
        q = functional.linear(x, self.in_proj_weight[:width], self.in_proj_bias[:width])
        q = functional.pad(q, (0, 0, 0, plan.blocks * plan.block - tokens))
        q = q.reshape(batch * plan.blocks, plan.block, self.heads, -1).transpose(1, 2)
        mixed: Tensor | None = None
        for group in plan.groups:
            out = self._attend(q, keys_values, group)
            if group.blocks is None:
                mixed = out if mixed is None else mixed + out
            else:
                mixed = torch.zeros_like(q) if mixed is None else mixed
                mixed = mixed.index_add(0, group.blocks, out.to(mixed.dtype))
        if mixed is None:
            return torch.zeros_like(x)
        # contiguous, because torch multiplies anything else sample by sample
        mixed = mixed.transpose(1, 2).reshape(batch, -1, width)[:, :tokens].contiguous()
        if plan.total is None:
            return self.out_proj(mixed)
        return functional.linear(mixed, self.out_proj.weight) + plan.total * self.out_proj.bias

    def _attend(self, q: Tensor, keys_values: tuple[Tensor, Tensor], group: TextGroup) -> Tensor:
        if isinstance(group.texts, slice):
            k, v = (kv[group.texts].expand(len(q), -1, -1, -1) for kv in keys_values)
        else:
            k, v = keys_values if group.texts is None else (kv.index_select(0, group.texts) for kv in keys_values)
        q = q if group.blocks is None else q.index_select(0, group.blocks)
        dropout = self.dropout if self.training else 0.0
        out = attended(q, k, v, dropout=dropout)
        return out if group.weights is None else out * group.weights[:, None, :, None].to(out.dtype)
