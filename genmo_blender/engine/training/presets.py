"""Named training settings."""

from __future__ import annotations

from dataclasses import dataclass

from ...protocol.failures import RequestFailure
from ..network.config import NetworkConfig
from .objective import Weights


@dataclass(frozen=True)
class Preset:
    """One way to train. ``batch`` counts samples, mirrored twins included."""

    network: NetworkConfig
    weights: Weights
    batch: int = 32
    learning_rate: float = 8e-4
    warm_up: int = 200
    final_rate: float = 0.1  # of the learning rate, reached by a cosine at the last step
    clip: float = 1.0
    ema: float = 0.999
    gates: float = 0.25
    """Where the gates of fresh blocks begin. The release begins at zero; with few steps to spend that wastes the first
    thousand on opening them."""


def preset(name: str) -> Preset:
    """``mini`` is the bundled model's recipe. Raises RequestFailure for another name."""
    if name == "mini":
        return Preset(NetworkConfig.mini(), Weights())
    raise RequestFailure("preset", f"There is no training preset “{name}”.", "Use --preset mini.")
