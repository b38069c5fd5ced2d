"""Where keys are near, the answer leans on what plain interpolation between them says (conditions/between.py); ours.

What the network adds to it is then small, and nothing has to be carried through the hidden state that is known already.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...model.config import BETAS, BETWEEN_PARTS, MOTION_DIM
from .layers import over_frames

FIRST_TRUST = 2.0  # of a fresh layer, before the logistic function: nearly all


def said_by(between: Tensor) -> Tensor:
    """Which channels (B, L, 151) of the code the condition (B, L, 198) says something about."""
    near = between[..., MOTION_DIM:-1].unflatten(-1, (2, BETWEEN_PARTS)).amax(-2) > 0
    parts = near.repeat_interleave(6, dim=-1)
    nothing = torch.zeros_like(parts[..., BETAS])
    step = (between[..., -1:] > 0).expand(*parts.shape[:-1], 3)
    return torch.cat([parts[..., : BETAS.start], nothing, parts[..., BETAS.start :], step], dim=-1)


class Leaning(nn.Module):
    """The network's answer, moved toward the interpolated motion by as much as the hidden state says, a share for each
    token and channel."""

    def __init__(self, width: int, channels: int, per_token: int) -> None:
        super().__init__()
        self.per_token = per_token
        self.trust = nn.Linear(width, channels)
        nn.init.zeros_(self.trust.weight)
        nn.init.constant_(self.trust.bias, FIRST_TRUST)

    def forward(self, motion: Tensor, h: Tensor, between: Tensor, lengths: Tensor) -> Tensor:
        """`motion` (B, L, C) the answer, `h` (B, T, D) the last hidden state, `between` (B, L, 198), `lengths` (B,)."""
        said = over_frames(self.trust(h).float(), self.per_token, motion.shape[1], lengths)
        share = torch.sigmoid(said) * said_by(between)
        return torch.lerp(motion, between[..., :MOTION_DIM].float(), share)
