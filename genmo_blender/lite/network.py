"""The whole network from the parameters of a file: condition embedders and denoiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model.config import NetworkConfig
from ..model.record import mismatch
from .conditions import NOT_HERE, ConditionEmbedder
from .denoiser import Denoiser
from .layers import Array, Parameters


@dataclass(frozen=True, eq=False)
class Network:
    """`conditions` turns raw conditions into sums, `denoiser` turns noise and sums into motion."""

    conditions: ConditionEmbedder
    denoiser: Denoiser


def read_network(state: Mapping[str, Array], config: NetworkConfig) -> Network:
    """Raises ModelFailure for a parameter that is missing, has another size, or that this network does not know."""
    given = Parameters(state)
    network = Network(
        ConditionEmbedder.read(given.of("conditions"), config), Denoiser.read(given.of("denoiser"), config)
    )
    extra = sorted(key for key in set(state) - given.read if not key.startswith(NOT_HERE))
    if extra:
        raise mismatch("has, unknown to this network,", extra)
    return network
