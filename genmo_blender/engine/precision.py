"""Half precision where the machine has it: bf16 products with fp32 sums, norms, rotary angles and motion codes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from .network.text_attention import TextAttention


def has_native_bf16(device: torch.device) -> bool:
    """Whether bf16 products are instructions of the device; where they are emulated they are slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def halve_products(network: nn.Module) -> None:
    """Store the weights of matrix products in bf16, in place; norms, gates, tables and convolutions stay fp32.

    Casting them once spares `autocast` from doing so at every step.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
        elif isinstance(module, TextAttention):
            module.in_proj_weight.data = module.in_proj_weight.data.bfloat16()
            module.in_proj_bias.data = module.in_proj_bias.data.bfloat16()


def half_products(device: torch.device, enabled: bool) -> AbstractContextManager[object]:
    """The context in which a network with halved products runs."""
    return torch.autocast(device.type, torch.bfloat16) if enabled else nullcontext()
