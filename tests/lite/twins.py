"""The same small network with random weights twice: in torch and in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

from genmo_blender.engine.network.denoiser import TextContext as TorchText
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.lite.network import Network, read_network
from genmo_blender.lite.text_attention import TextContext
from genmo_blender.model.config import NetworkConfig
from tests.engine.network.networks import random_network


def twins(config: NetworkConfig, seed: int = 0) -> tuple[GenmoNetwork, Network]:
    """One set of random weights in both."""
    network = random_network(config, seed)
    state = {key: value.detach().numpy().astype(np.float32) for key, value in network.state_dict().items()}
    return network, read_network(state, config)


def text_twins(features: torch.Tensor, weights: torch.Tensor) -> tuple[TorchText, TextContext]:
    return TorchText(features, weights), TextContext(features.numpy(), weights.numpy())


def random_text(
    config: NetworkConfig, batch: int, frames: int, spans: Sequence[tuple[int, int]], seed: int = 3
) -> tuple[TorchText, TextContext]:
    """Texts over spans of frames, two words of each text padding; the last one fades in."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, len(spans), config.text_tokens, config.text_dim, generator=generator)
    features[:, :, -2:] = 0.0
    weights = torch.zeros(batch, len(spans), frames)
    for place, (first, end) in enumerate(spans):
        weights[:, place, first:end] = 1.0
    first, end = spans[-1]
    weights[:, -1, first:end] = torch.linspace(0.0, 1.5, end - first)
    return text_twins(features, weights)


def assert_close(ours: Any, torchs: Any, atol: float = 2e-5) -> None:
    """Arrays, or records of them, within ``atol`` of the tensors."""
    if is_dataclass(torchs):
        for item in fields(torchs):
            assert_close(getattr(ours, item.name), getattr(torchs, item.name), atol)
        return
    expected = torchs.detach().numpy()
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=atol, rtol=2e-5)
