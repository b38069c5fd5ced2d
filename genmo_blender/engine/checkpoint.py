"""Our checkpoint: one safetensors file that holds weights, statistics and everything needed to use them.

Header entry `genmo` is a JSON record: format, network, skeleton, text encoder, quirks of the weights, strips, longest
range, card. Tensors: the parameters by our names, `statistics.mean` and `statistics.std`. Nothing in a file is ever
executed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..protocol.failures import ModelFailure, StorageFailure
from .network.config import NetworkConfig
from .network.genmo import GenmoNetwork
from .quirks import OfficialQuirks
from .representation.codec import Statistics

FORMAT = 1
RECORD = "genmo"
STATISTICS = "statistics."
GET_AGAIN = "Download or copy the file again."


@dataclass(frozen=True)
class ModelRecord:
    """What a checkpoint says about itself. `text_encoder` and `text_encoder_sha256` name the encoder whose features its
    weights know; `gravity_view` and `focal_rule` are D2 and D8 of `OfficialQuirks`; `card` is free-form (data,
    licences, steps, figures)."""

    name: str
    network: NetworkConfig
    skeleton: str
    text_encoder: str = ""
    text_encoder_sha256: str = ""
    gravity_view: str = "up"
    focal_rule: str = "diagonal"
    strips: tuple[str, ...] = ("text",)
    longest_seconds: float = 300.0
    licence: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"format": FORMAT, "network": self.network.to_dict()})

    @classmethod
    def from_json(cls, text: str) -> ModelRecord:
        """Raises ModelFailure for a record of another format or with a broken network config."""
        try:
            record = dict(json.loads(text))
        except (TypeError, ValueError) as error:
            raise ModelFailure("weights_corrupt", "The model file's description cannot be read.", GET_AGAIN) from error
        if record.pop("format", None) != FORMAT:
            raise ModelFailure(
                "weights_format", "The model file was made by another version of GENMO.", "Update GENMO or the model."
            )
        try:
            network = NetworkConfig.from_dict(record.pop("network"))
            known = {k: v for k, v in record.items() if k in cls.__dataclass_fields__}
            return cls(network=network, **known | {"strips": tuple(record["strips"])})
        except (KeyError, TypeError) as error:
            raise ModelFailure("weights_corrupt", f"The model file lacks {error}.", GET_AGAIN) from error

    def quirks(self, base: OfficialQuirks | None = None) -> OfficialQuirks:
        """`base` with the two quirks that the weights decide."""
        return OfficialQuirks(
            **asdict(base or OfficialQuirks()) | {"gravity_view": self.gravity_view, "focal_rule": self.focal_rule}
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model file in memory: `state` are the parameters of a `GenmoNetwork`, fp32; `sha256` is that of the file."""

    record: ModelRecord
    statistics: Statistics
    state: dict[str, Tensor]
    sha256: str = ""

    def build(self) -> GenmoNetwork:
        """The network with these weights, in eval mode. Raises ModelFailure for missing or wrong-sized parameters."""
        with torch.device("meta"):
            network = GenmoNetwork(self.record.network)
        network = network.to_empty(device="cpu")
        load_state(network, self.state)
        return network.eval()


def save_checkpoint(path: str | Path, checkpoint: Checkpoint, half: bool = True) -> None:
    """Write atomically; `half` stores floating-point parameters in fp16, statistics always in fp32.

    Raises StorageFailure when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    tensors = {k: v.half() if half and v.is_floating_point() else v for k, v in checkpoint.state.items()}
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    tensors[STATISTICS + "mean"] = checkpoint.statistics.mean.float().contiguous()
    tensors[STATISTICS + "std"] = checkpoint.statistics.std.float().contiguous()
    fresh = path.with_name(path.name + ".new")
    try:
        with open(fresh, "wb") as file:
            file.write(save(tensors, {RECORD: checkpoint.record.to_json()}))
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise StorageFailure(
                "disk_full", "The disk is full; the model was not saved.", "Free some space and try again."
            ) from error
        raise StorageFailure(
            "cannot_write", f"{path.name} could not be written to its folder.", "Choose a folder you may write to."
        ) from error


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read and check a model file.

    Raises ModelFailure when it is missing, truncated, damaged, not ours, without statistics, or holds values that are
    not numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFailure("weights_missing", f"There is no model file {path}.", "Choose another model file.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFailure(
            "weights_corrupt", f"The model file {path.name} is damaged or cut short.", GET_AGAIN
        ) from error
    if RECORD not in metadata:
        raise ModelFailure(
            "weights_foreign",
            f"{path.name} is not a model of this extension.",
            "Convert an official checkpoint with `engine convert` first.",
        )
    record = ModelRecord.from_json(metadata[RECORD])
    return Checkpoint(record, _statistics(path.name, tensors, record), _finite(path.name, tensors), _sha256(path))


def load_parameters(network: GenmoNetwork, path: str | Path) -> Checkpoint:
    """Fill a network from a file; return what was read. Raises ModelFailure as `load_checkpoint` and `load_state`."""
    checkpoint = load_checkpoint(path)
    load_state(network, checkpoint.state)
    return checkpoint


def load_state(network: GenmoNetwork, state: Mapping[str, Tensor]) -> None:
    """Copy parameters into a network, every one by name and size. Raises ModelFailure for any that does not fit."""
    own = network.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shared = own.keys() & state.keys()
    wrong = sorted(k for k in shared if own[k].shape != state[k].shape)
    kind = sorted(k for k in shared if own[k].is_floating_point() != state[k].is_floating_point())
    for words, names in (
        ("lacks", missing),
        ("has, unknown to this network,", extra),
        ("has in another size", wrong),
        ("has as another kind of number", kind),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelFailure("weights_mismatch", f"The model file {words} {names[0]}{more}.", GET_AGAIN)
    network.load_state_dict(dict(state))


def _statistics(name: str, tensors: dict[str, Tensor], record: ModelRecord) -> Statistics:
    mean, std = tensors.pop(STATISTICS + "mean", None), tensors.pop(STATISTICS + "std", None)
    size = (record.network.motion_dim,)
    if mean is None or std is None or mean.shape != size or std.shape != size:
        raise ModelFailure(
            "no_statistics",
            f"The model file {name} does not hold the statistics its motions are measured by.",
            "Export it again with its statistics; without them its motion would be nonsense.",
        )
    if not (bool(torch.isfinite(mean).all()) and bool((std > 0).all()) and bool(torch.isfinite(std).all())):
        raise ModelFailure("weights_nan", f"The statistics in {name} are not usable numbers.", GET_AGAIN)
    return Statistics(mean.float(), std.float())


def _finite(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    state = {}
    for key, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ModelFailure(
                "weights_nan", f"The model file {name} holds values that are not numbers ({key}).", GET_AGAIN
            )
        state[key] = value.float() if value.is_floating_point() else value
    return state


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
