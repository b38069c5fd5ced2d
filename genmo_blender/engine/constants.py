"""Small tables that every step needs on its device."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=128)
def constant(values: tuple[float, ...] | tuple[int, ...], device: torch.device) -> Tensor:
    """Numbers that stay on a device; to bring them there at every step would wait for all that it is doing."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device)
