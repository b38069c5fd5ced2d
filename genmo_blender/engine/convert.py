"""An official Lightning checkpoint becomes ours: every key accounted for, every shape checked (spec 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..model.config import NetworkConfig
from ..model.record import ModelRecord
from ..protocol.failures import ModelFailure
from .checkpoint import Checkpoint, save_checkpoint
from .network.genmo import OFFICIAL_DENOISER_PREFIX, GenmoNetwork, official_name
from .representation.codec import official_statistics
from .unpickle import TensorArchive, TensorRecord

# Parts of the release that its checkpoints may carry and its own loader drops.
DROPPED_PREFIXES = (
    "pipeline.endecoder",
    "pipeline.denoiser3d.endecoder",
    "endecoder",
    "body_model",
    "feature_extractor",
)
TABLE_ROWS = 5000


def position_tables(config: NetworkConfig) -> list[str]:
    """Keys of the release's sinusoidal tables (5000, 1, D): fixed, so recomputed and never read."""
    prefix = OFFICIAL_DENOISER_PREFIX
    names = ["embed_timestep.sequence_pos_encoder.pe", "sequence_pos_encoder.pe"]
    if config.text:
        names += [f"text_encoder_layers.{i}.motion_pos_encoder.pe" for i in range(config.layers)]
    return [prefix + name for name in names]


def key_table(network: GenmoNetwork) -> dict[str, tuple[int, ...]]:
    """Official key to shape of everything that an official checkpoint of this network holds."""
    table = {official_name(key): tuple(value.shape) for key, value in network.state_dict().items()}
    return table | dict.fromkeys(position_tables(network.config), (TABLE_ROWS, 1, network.config.latent_dim))


@dataclass(frozen=True)
class ConversionReport:
    """Where every key of the file went. `converted` are official names; `recomputed` fixed tables; `dropped` parts that
    the release drops too; `unknown` keys that nothing here knows, left out."""

    converted: tuple[str, ...]
    recomputed: tuple[str, ...]
    dropped: tuple[str, ...]
    unknown: tuple[str, ...]

    def lines(self) -> list[str]:
        """For the command line."""
        total = len(self.converted) + len(self.recomputed) + len(self.dropped) + len(self.unknown)
        text = [
            f"{total} keys: {len(self.converted)} converted, {len(self.recomputed)} fixed tables recomputed, "
            f"{len(self.dropped)} of other parts dropped, {len(self.unknown)} unknown"
        ]
        return text + [f"unknown, left out: {key}" for key in self.unknown]


def normalised_keys(state: Mapping[Any, Any]) -> dict[str, TensorRecord]:
    """Tensors of a state dict under the names of spec 10: a `model.` before every key goes, moved parts are renamed."""
    tensors = {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, TensorRecord)}
    prefix = "model." if tensors and all(key.startswith("model.") for key in tensors) else ""
    moved = ("pipeline.denoiser3d.endecoder.", "pipeline.endecoder.")
    result = {}
    for key, value in tensors.items():
        name = key.removeprefix(prefix)
        result[moved[1] + name.removeprefix(moved[0]) if name.startswith(moved[0]) else name] = value
    return result


def convert(source: str | Path, out: str | Path, config: NetworkConfig | None = None) -> ConversionReport:
    """Convert the official checkpoint `source` into ours at `out`, fp32.

    Without `config` the file decides between the two published configurations. Raises ModelFailure for a damaged file,
    for a missing key or a wrong shape (by name), and for values that are not numbers.
    """
    archive = TensorArchive(source)
    try:
        content = archive.content
        state = content.get("state_dict", content) if isinstance(content, dict) else None
        if not isinstance(state, dict):
            raise ModelFailure("weights_foreign", f"{archive.name} holds no state dict.", "Choose gem_smpl.ckpt.")
        tensors = normalised_keys(state)
        if config is None:
            has_text = OFFICIAL_DENOISER_PREFIX + "embed_text.weight" in tensors
            config = NetworkConfig.official() if has_text else NetworkConfig.official_regression()
        parameters, report = _convert_tensors(archive, tensors, config)
    finally:
        archive.close()
    record = ModelRecord(
        name=Path(source).stem,
        network=config,
        skeleton="smplx_neutral",
        text_encoder="t5-3b" if config.text else "",
        strips=("text", "music", "speech", "footage") if config.text else ("footage",),
        licence="as the official checkpoint",
        card={"source": archive.name, "unknown_keys": list(report.unknown)},
    )
    save_checkpoint(out, Checkpoint(record, official_statistics(), parameters), half=False)
    return report


def _convert_tensors(
    archive: TensorArchive, tensors: dict[str, TensorRecord], config: NetworkConfig
) -> tuple[dict[str, Tensor], ConversionReport]:
    with torch.device("meta"):
        network = GenmoNetwork(config)
    tables = set(position_tables(config))
    converted = {}
    for key, own in network.state_dict().items():
        name = official_name(key)
        if name not in tensors:
            raise ModelFailure(
                "weights_missing_key", f"{archive.name} lacks {name}.", "It is not a checkpoint of GEM-SMPL."
            )
        if tensors[name].size != tuple(own.shape):
            raise ModelFailure(
                "weights_mismatch",
                f"{name} in {archive.name} has size {tensors[name].size}, expected {tuple(own.shape)}.",
                "It is a checkpoint of another configuration.",
            )
        value = archive.tensor(tensors[name])
        value = value.float() if value.is_floating_point() else value
        if not bool(torch.isfinite(value).all()):
            raise ModelFailure("weights_nan", f"{name} in {archive.name} holds values that are not numbers.")
        converted[key] = value
    known = {official_name(key) for key in converted}
    rest = [key for key in tensors if key not in known]
    dropped = [key for key in rest if key.startswith(DROPPED_PREFIXES)]
    recomputed = [key for key in rest if key in tables]
    unknown = sorted(set(rest) - set(dropped) - set(recomputed))
    report = ConversionReport(tuple(sorted(known)), tuple(sorted(recomputed)), tuple(sorted(dropped)), tuple(unknown))
    return converted, report
