"""The small networks of a parity folder, built from the sizes in its JSON files."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...model.config import NetworkConfig
from ..network.genmo import GenmoNetwork, official_name
from .framework import ParityFolder


def config_from_sizes(sizes: dict[str, Any]) -> NetworkConfig:
    """The config that a `gem_small_*.json` describes."""
    return NetworkConfig(
        latent_dim=sizes["latent_dim"],
        layers=sizes["num_layers"],
        heads=sizes["num_heads"],
        mlp_ratio=sizes["mlp_ratio"],
        dropout=sizes["dropout"],
        text=sizes["encode_text"],
        text_dim=sizes.get("encoded_text_dim", NetworkConfig.text_dim),
        text_tokens=sizes.get("max_text_len", NetworkConfig.text_tokens),
        conditions=tuple(sizes["in_attr"]),
        image_dim=sizes.get("imgseq_dim", NetworkConfig.image_dim),
        motion_dim=sizes.get("output_dim", NetworkConfig.motion_dim),
        window=sizes["max_len"],
    )


def load_small(folder: ParityFolder, stem: str = "gem_small") -> GenmoNetwork:
    """`gem_small` or `gem_small_reg` with its weights in fp32, in eval mode. Raises if any key does not fit."""
    with torch.device(folder.device):
        network = GenmoNetwork(config_from_sizes(folder.json(stem + "_{word}.json")))
    official = folder.arrays(stem + "_{word}.safetensors")
    ours = {key: official[official_name(key)] for key in network.state_dict()}
    if len(ours) != len(official):
        extra = sorted(set(official) - {official_name(key) for key in ours})
        raise ValueError(f"{stem} has keys that the network does not: {extra}")
    state: dict[str, Tensor] = {k: torch.from_numpy(v) for k, v in ours.items()}
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return network.eval()
