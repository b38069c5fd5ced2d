"""Where the nearest known frames of a motion are."""

from __future__ import annotations

import torch
from torch import Tensor


def around(known: Tensor) -> tuple[Tensor, Tensor]:
    """The last known frame at or before each one, -1 where there is none, and the first at or after it, L where there
    is none: ``known`` (B, L, ...) bool to twice the same shape."""
    frames = known.shape[1]
    frame = torch.arange(frames, device=known.device).view(-1, *[1] * (known.dim() - 2))
    last = torch.where(known, frame, -1).cummax(dim=1).values
    after = frames - 1 - torch.where(known, frames - 1 - frame, -1).flip(1).cummax(dim=1).values.flip(1)
    return last, after
