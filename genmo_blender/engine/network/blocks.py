"""The two blocks that alternate in the denoiser: text first, then rotary self-attention (spec 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .absorbed import RowPlan
from .attention import AttentionPlan, RotaryAttention
from .layers import Mlp, add_mlp
from .text_attention import TextAttention, TextMemory, TextPlan

BLOCK_NORM_EPS = 1e-6


class RotaryBlock(nn.Module):
    """h += g1 SA(LN1(h)); h += g2 MLP(LN2(h)). The gates start at zero, so the block starts as identity."""

    def __init__(self, width: int, heads: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.gate_msa = nn.Parameter(torch.zeros(1, 1, width))
        self.gate_mlp = nn.Parameter(torch.zeros(1, 1, width))
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_NORM_EPS)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_NORM_EPS)
        self.attn = RotaryAttention(width, heads, dropout)
        self.mlp = Mlp(width, mlp_ratio * width, width, dropout, gelu="tanh")

    def forward(self, h: Tensor, plan: AttentionPlan) -> Tensor:
        """h (B, T, D) to (B, T, D)."""
        h = torch.addcmul(h, self.gate_msa, self.attn(self.norm1(h), plan))
        return add_mlp(h, self.gate_mlp, self.norm2, self.mlp)


class TextBlock(nn.Module):
    """h += gc CA(LN2(h), texts); h += gm MLP(LN3(h)). The MLP runs on frames without text too."""

    def __init__(self, width: int, heads: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        self.gate_cross_attn = nn.Parameter(torch.zeros(1, 1, width))
        self.gate_mlp = nn.Parameter(torch.zeros(1, 1, width))
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_NORM_EPS)
        self.norm3 = nn.LayerNorm(width, eps=BLOCK_NORM_EPS)
        self.cross_attn = TextAttention(width, heads, dropout)
        self.mlp = Mlp(width, mlp_ratio * width, width, dropout, gelu="tanh")

    def forward(self, h: Tensor, texts: TextMemory, plan: TextPlan | RowPlan) -> Tensor:
        """h (B, T, D) to (B, T, D)."""
        h = torch.addcmul(h, self.gate_cross_attn, self.cross_attn(self.norm2(h), texts, plan))
        return add_mlp(h, self.gate_mlp, self.norm3, self.mlp)
