"""The whole network: condition embedders and denoiser, and the official names of their parameters (spec 10)."""

from __future__ import annotations

from torch import nn

from ...model.config import NetworkConfig
from .conditions import ConditionEmbedder
from .denoiser import Denoiser

OFFICIAL_DENOISER_PREFIX = "pipeline.denoiser3d.denoiser."


class GenmoNetwork(nn.Module):
    """`conditions` turns raw conditions into sums, `denoiser` turns noise and sums into motion."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.conditions = ConditionEmbedder(config)
        self.denoiser = Denoiser(config)


def official_name(key: str) -> str:
    """The release's name of one of our parameters."""
    if key.startswith("conditions."):
        return key.removeprefix("conditions.")
    return OFFICIAL_DENOISER_PREFIX + key.removeprefix("denoiser.").removeprefix("heads.")
