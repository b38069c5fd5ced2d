"""Arrays out of other people's files, without running anything that is in them."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from .finishing import bad

Array = np.ndarray
_KINDS = "fiub"  # dtypes of numbers
_DAMAGE = (OSError, EOFError, ValueError, KeyError, BadZipFile, NotImplementedError, RuntimeError, zlib.error)


def names_in(path: Path) -> frozenset[str] | None:
    """The arrays that an .npz says it holds; None where it is damaged."""
    try:
        with ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except (OSError, BadZipFile):
        return None


def read_npz(path: Path, wanted: tuple[str, ...]) -> dict[str, Array]:
    """Those of the ``wanted`` arrays that an .npz holds. Raises StorageFailure where they are damaged or pickled."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in wanted if name in archive.files}
    except _DAMAGE as error:
        raise bad(path, f"it is half-written or no .npz of numbers ({error})") from error


def read_pickle(path: Path) -> Mapping[str, Any]:
    """The arrays and numbers of a pickled dictionary; whatever else a pickle can ask for is refused, not run.

    Raises StorageFailure for a file that is damaged or names anything but numpy's arrays.
    """
    try:
        with path.open("rb") as file:
            content = _Arrays(file, encoding="latin1").load()
        if not isinstance(content, dict):
            raise ValueError("it is no dictionary of arrays")
        return {str(name): _whole(value) for name, value in content.items()}
    except Exception as error:  # a hostile or broken pickle can raise anything
        raise bad(path, f"it is half-written or no pickle of arrays ({error})") from error


class _Type:
    """A dtype as it is pickled: its letters, then its byte order by a state."""

    __slots__ = ("letters", "order")

    def __init__(self, letters: str) -> None:
        self.letters, self.order = letters, "|"

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    def dtype(self) -> np.dtype:
        out = np.dtype(self.letters).newbyteorder(">" if self.order == ">" else "<")
        if out.kind not in _KINDS:
            raise ValueError(f"it holds {self.letters}, not numbers")
        return out


class _Array:
    """An array as it is pickled: shape, type, order and bytes as a state."""

    __slots__ = ("state",)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> Array:
        _, shape, kind, fortran, data = self.state
        data = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(kind, _Type) or not isinstance(data, bytes):
            raise ValueError("it holds an array that is not of numbers")
        flat = np.frombuffer(data, dtype=kind.dtype())
        return flat.reshape(shape, order="F" if fortran else "C")


class _Call:
    """A function that a pickle may name. Without attributes: a pickle may try to set some."""

    __slots__ = ()


class _Reconstruct(_Call):
    def __call__(self, *_: Any) -> _Array:
        return _Array()


class _MakeType(_Call):
    def __call__(self, letters: Any, *_: Any) -> _Type:
        return _Type(str(letters))


class _Scalar(_Call):
    def __call__(self, kind: Any, data: Any = b"") -> Any:
        out = _Array()
        out.state = (1, (), kind, False, data)
        return out


class _Bytes(_Call):
    """Bytes as old protocols write them: as a text with its encoding, or none."""

    def __call__(self, text: Any = "", encoding: Any = "latin1") -> bytes:
        return str(text).encode("latin1")


_ALLOWED: dict[tuple[str, str], _Call] = {
    ("numpy", "ndarray"): _Call(),
    ("numpy", "dtype"): _MakeType(),
    ("_codecs", "encode"): _Bytes(),
    ("__builtin__", "bytes"): _Bytes(),
} | {
    (f"numpy.{core}.multiarray", name): call
    for core in ("core", "_core")
    for name, call in (("_reconstruct", _Reconstruct()), ("scalar", _Scalar()))
}


class _Arrays(pickle._Unpickler):
    """The Python version of the unpickler: the one in C takes memory for as many objects as a file claims to have."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it asks for something outside")


def _whole(value: Any) -> Any:
    return value.array() if isinstance(value, _Array) else value
