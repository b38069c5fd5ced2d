"""Our model file, read with numpy alone (`model.record` says what lies in it)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..model.record import (
    RECORD,
    STATISTICS,
    ModelRecord,
    bad_statistics,
    damaged_file,
    foreign_file,
    missing_file,
    no_statistics,
    not_numbers,
)
from .safetensors import parse

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model file in memory: `state` are the parameters by our names, float32; `mean` and `std` (151,) the statistics
    of the motion code; `sha256` is that of the file."""

    record: ModelRecord
    mean: Array
    std: Array
    state: Mapping[str, Array]
    sha256: str


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read and check a model file.

    Raises ModelFailure when it is missing, truncated, damaged, not ours, without statistics, or holds values that are
    not numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise missing_file(path)
    try:
        data = path.read_bytes()
        metadata, arrays = parse(data)
    except (OSError, ValueError) as error:
        raise damaged_file(path.name) from error
    if RECORD not in metadata:
        raise foreign_file(path.name)
    record = ModelRecord.from_json(metadata[RECORD])
    mean, std = _statistics(path.name, arrays, record.network.motion_dim)
    state = {key: value.astype(np.float32) for key, value in arrays.items()}
    for key, value in state.items():
        if not np.isfinite(value).all():
            raise not_numbers(path.name, key)
    return Checkpoint(record, mean, std, state, hashlib.sha256(data).hexdigest())


def _statistics(name: str, arrays: dict[str, Array], size: int) -> tuple[Array, Array]:
    mean, std = arrays.pop(STATISTICS + "mean", None), arrays.pop(STATISTICS + "std", None)
    if mean is None or std is None or mean.shape != (size,) or std.shape != (size,):
        raise no_statistics(name)
    if not (np.isfinite(mean).all() and (std > 0).all() and np.isfinite(std).all()):
        raise bad_statistics(name)
    return mean.astype(np.float32), std.astype(np.float32)
