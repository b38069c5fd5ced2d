"""Small networks for tests: random weights, nothing left at zero, so that no part can hide."""

from dataclasses import replace

import torch

from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.model.config import NetworkConfig

SMALL = NetworkConfig(latent_dim=32, layers=2, heads=2, mlp_ratio=2, dropout=0.1, text_dim=12, text_tokens=5, window=24)
MINI = replace(
    NetworkConfig.mini(), latent_dim=32, layers=2, heads=2, text_dim=12, text_tokens=5, window=24, frames_per_token=4
)


def random_network(config: NetworkConfig, seed: int = 0) -> GenmoNetwork:
    """In eval mode; every parameter is drawn, those that start at zero too."""
    torch.manual_seed(seed)
    network = GenmoNetwork(config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() < 2 or not parameter.any():
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return network.eval()
