"""Tensors out of a torch zip archive without running anything that is in it.

A checkpoint is a pickle, and a pickle is a program. This reader knows how to rebuild tensors and ordered dictionaries;
every other class or function that the file names becomes an inert placeholder that swallows whatever is done to it.
Tensors are read from the archive only when they are asked for, so optimiser states cost nothing.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..protocol.failures import ModelFailure

STORAGE_TYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Inert:
    """Stands in for anything unknown: accepts every argument, state, item and call, and does nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Inert:
        return self

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


@dataclass(frozen=True)
class StorageRecord:
    """A block of numbers in the archive: `key` names its entry."""

    key: str
    dtype: torch.dtype
    numel: int


@dataclass(frozen=True)
class TensorRecord:
    """A view of a storage, not read yet."""

    storage: StorageRecord
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _RebuildTensor:
    """In place of torch's function of that name. An object without attributes: a pickle may try to set some."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: int, size: Any, stride: Any, *rest: Any) -> Any:
        if not isinstance(storage, StorageRecord):
            return Inert()
        return TensorRecord(storage, int(offset), tuple(int(n) for n in size), tuple(int(n) for n in stride))


class _RebuildParameter:
    """In place of torch's function of that name: a parameter is its tensor."""

    __slots__ = ()

    def __call__(self, data: Any, *rest: Any) -> Any:
        return data


_KNOWN: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): _RebuildTensor(),
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    ("torch._utils", "_rebuild_parameter_with_state"): _RebuildParameter(),
    ("collections", "OrderedDict"): OrderedDict,
}


class _TensorUnpickler(pickle._Unpickler):
    """The Python version of the unpickler: the one in C takes memory for as many objects as a file claims to have."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.storage") and name in STORAGE_TYPES:
            return STORAGE_TYPES[name]
        return _KNOWN.get((module, name), Inert)

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and isinstance(pid[1], torch.dtype):
            return StorageRecord(str(pid[2]), pid[1], int(pid[4]))
        return Inert()


class TensorArchive:
    """An open torch zip archive. `content` is its unpickled object with `TensorRecord` for tensors.

    Raises ModelFailure for a file that is not such an archive, is cut short or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = Path(path).name
        try:
            self.zip = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise ModelFailure("weights_missing", f"The file {self.name} does not exist.") from error
        except (zipfile.BadZipFile, OSError) as error:
            raise self._damaged() from error
        self.entries = set(self.zip.namelist())
        pickles = [entry for entry in self.entries if entry.endswith("/data.pkl")]
        # torch stores without compression; a compressed entry could claim any size
        if len(pickles) != 1 or any(info.compress_type != zipfile.ZIP_STORED for info in self.zip.infolist()):
            raise self._damaged()
        self.root = pickles[0].removesuffix("data.pkl")
        if self.root + "byteorder" in self.entries and self._read(self.root + "byteorder") != b"little":
            raise ModelFailure("weights_format", f"{self.name} was written on a big-endian machine.")
        program = io.BytesIO(self._read(pickles[0]))  # whole, so that its checksum is right before it is looked at
        try:
            self.content = _TensorUnpickler(program, encoding="latin1").load()
        except Exception as error:  # a hostile or broken pickle can raise anything
            raise self._damaged() from error

    def tensor(self, record: TensorRecord) -> Tensor:
        """Read one tensor. Raises ModelFailure where its view does not lie inside its storage."""
        storage = record.storage
        raw = self._read(f"{self.root}data/{storage.key}")
        try:
            if 0 in record.size:
                return torch.empty(record.size, dtype=storage.dtype)
            last = record.offset + sum((n - 1) * s for n, s in zip(record.size, record.stride, strict=True))
            inside = 0 <= record.offset <= last < storage.numel and min((*record.size, *record.stride), default=0) >= 0
            if not inside or len(raw) != storage.numel * storage.dtype.itemsize:
                raise self._damaged()
            flat = torch.frombuffer(bytearray(raw), dtype=storage.dtype)
            return flat.as_strided(record.size, record.stride, record.offset).clone()
        except (TypeError, ValueError, RuntimeError) as error:  # sizes that are no numbers, or of no tensor
            raise self._damaged() from error

    def close(self) -> None:
        self.zip.close()

    def _read(self, entry: str) -> bytes:
        try:
            return self.zip.read(entry)  # checks the entry's checksum
        except (KeyError, zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError) as error:
            raise self._damaged() from error

    def _damaged(self) -> ModelFailure:
        return ModelFailure(
            "weights_corrupt",
            f"{self.name} is damaged, cut short, or not a checkpoint of PyTorch.",
            "Download the file again.",
        )
