"""A loaded model: the network on its device, its statistics, and what it can do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..motion.skeleton import assets_folder
from ..protocol.capabilities import Capabilities
from .checkpoint import ModelRecord, load_checkpoint
from .conditions.prompt_cache import EncoderId
from .diffusion.sampler import Guidance
from .network.genmo import GenmoNetwork
from .precision import halve_products, has_native_bf16
from .representation.codec import Statistics

HALF_WIDTH = 512
BUNDLED = "genmo_mini.safetensors"
LICENCES = {"genmo_mini": "CC-BY-4.0"}


@dataclass(frozen=True, eq=False)
class Model:
    """Everything about one checkpoint that outlives a job."""

    network: GenmoNetwork
    statistics: Statistics
    record: ModelRecord
    sha256: str
    device: torch.device
    half: bool = False
    """Whether products run in bf16 (`precision.halve_products` was called)."""

    @property
    def encoder(self) -> EncoderId:
        """The text encoder whose features the weights know."""
        return EncoderId(self.record.text_encoder, self.record.text_encoder_sha256)

    @property
    def upright(self) -> Tensor:
        """(3, 3): turns the weights' gravity-view frame to y up (spec 5.1 D2)."""
        sign = -1.0 if self.record.gravity_view == "down" else 1.0
        return torch.diag(torch.tensor([sign, sign, 1.0], device=self.device))

    def guidance(self, scale: float) -> Guidance:
        """The release guides every output (spec 5.2); the bundled model keeps shape and contacts as they come."""
        official = self.record.network.uncovered_frames == "zero"
        return Guidance.everything(scale) if official else Guidance.pose(scale)

    @property
    def capabilities(self) -> Capabilities:
        """Told to the add-on when the model is loaded."""
        network = self.record.network
        return Capabilities(
            model=self.record.name,
            sha256=self.sha256,
            strips=self.record.strips,
            frames_per_token=network.frames_per_token,
            skeleton=self.record.skeleton,
            text_encoder=self.record.text_encoder,
            text_tokens=network.text_tokens,
            longest_seconds=self.record.longest_seconds,
            licence=self.record.licence or LICENCES.get(self.record.name, ""),
            device=self.device.type,
            precision="bf16" if self.half else "fp32",
        )


def best_device() -> torch.device:
    """A graphics card where there is one (CUDA, Metal), the processor elsewhere."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def load_model(path: Path | str | None = None, device: torch.device | None = None) -> Model:
    """The checkpoint at ``path``, or the bundled one. Raises ModelFailure with the sentence for what is wrong."""
    checkpoint = load_checkpoint(path or assets_folder() / BUNDLED)
    device = device or best_device()
    network = checkpoint.build().to(device).requires_grad_(False)
    # a narrow network gains nothing: its time is not in products
    half = checkpoint.record.network.latent_dim >= HALF_WIDTH and has_native_bf16(device)
    if half:
        halve_products(network)
    return Model(network, checkpoint.statistics.to(device), checkpoint.record, checkpoint.sha256, device, half)
