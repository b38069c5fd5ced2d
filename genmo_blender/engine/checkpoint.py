"""Our checkpoint: one safetensors file that holds weights, statistics and everything needed to use them.

Header entry `genmo` is a JSON record: format, network, skeleton, text encoder, quirks of the weights, strips, longest
range, card. Tensors: the parameters by our names, `statistics.mean` and `statistics.std`. Nothing in a file is ever
executed.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..model.record import (
    RECORD,
    STATISTICS,
    ModelRecord,
    bad_statistics,
    damaged_file,
    foreign_file,
    mismatch,
    missing_file,
    no_statistics,
    not_numbers,
)
from ..protocol.failures import StorageFailure
from .network.genmo import GenmoNetwork
from .quirks import OfficialQuirks
from .representation.codec import Statistics


def quirks_of(record: ModelRecord, base: OfficialQuirks | None = None) -> OfficialQuirks:
    """`base` with the two quirks that the weights decide."""
    own = {"gravity_view": record.gravity_view, "focal_rule": record.focal_rule}
    return OfficialQuirks(**asdict(base or OfficialQuirks()) | own)


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
        load_state(network, {name: value.clone() for name, value in self.state.items()}, assign=True)
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
        raise missing_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged_file(path.name) from error
    if RECORD not in metadata:
        raise foreign_file(path.name)
    record = ModelRecord.from_json(metadata[RECORD])
    return Checkpoint(record, _statistics(path.name, tensors, record), _finite(path.name, tensors), _sha256(path))


def load_parameters(network: GenmoNetwork, path: str | Path) -> Checkpoint:
    """Fill a network from a file; return what was read. Raises ModelFailure as `load_checkpoint` and `load_state`."""
    checkpoint = load_checkpoint(path)
    load_state(network, checkpoint.state)
    return checkpoint


def load_state(network: GenmoNetwork, state: Mapping[str, Tensor], assign: bool = False) -> None:
    """Copy parameters into a network, every one by name and size; with ``assign`` the network takes these very tensors.

    Raises ModelFailure for any that does not fit.
    """
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
            raise mismatch(words, names)
    network.load_state_dict(dict(state), assign=assign)


def _statistics(name: str, tensors: dict[str, Tensor], record: ModelRecord) -> Statistics:
    mean, std = tensors.pop(STATISTICS + "mean", None), tensors.pop(STATISTICS + "std", None)
    size = (record.network.motion_dim,)
    if mean is None or std is None or mean.shape != size or std.shape != size:
        raise no_statistics(name)
    if not (bool(torch.isfinite(mean).all()) and bool((std > 0).all()) and bool(torch.isfinite(std).all())):
        raise bad_statistics(name)
    return Statistics(mean.float(), std.float())


def _finite(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    state = {}
    for key, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise not_numbers(name, key)
        state[key] = value.float() if value.is_floating_point() else value
    return state


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
