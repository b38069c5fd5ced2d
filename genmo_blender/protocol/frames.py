"""What lies on the pipe: length-prefixed frames of a JSON header and raw arrays (architecture.md, "The pipe").

A frame is ``magic (8) · version u32 · header bytes u32 · array bytes u64 · header · arrays``, all little-endian. The
header is a JSON object ``{"kind", "fields", "arrays": [{"name", "dtype", "shape"}]}``; the arrays follow without gaps
in that order. Nothing is pickled, nothing is larger than a stated cap, every number is finite.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .failures import PipeFailure

Array = np.ndarray

MAGIC = b"\x89GENMO\r\n"
"""Starts with a byte no text starts with, and holds a line end that a stream in text mode would spoil."""
VERSION = 1
PREFIX = struct.Struct("<8sIIQ")
"""Magic, version, header bytes, array bytes. This layout stays the same in every version, so that versions can meet."""
MAX_HEADER = 1 << 20
MAX_ARRAYS = 256 << 20
"""Cap of all arrays of one frame in bytes; eight takes of five minutes are 28 MB."""
DTYPES = ("<f4", "<f8", "<i4", "<i8", "|u1")
_MAX_DIMENSIONS = 8
_QUOTE = 200

_UPDATE = "Update the add-on and the engine to the same version."


@dataclass(frozen=True)
class Frame:
    """One decoded frame: its ``kind``, JSON ``fields`` and named ``arrays`` (owned copies, native byte order)."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


def encode(frame: Frame, version: int = VERSION) -> bytes:
    """Bytes of a frame. Raises PipeFailure for a dtype that is not allowed, a value that is not finite or a cap."""
    described, chunks = [], []
    for name, array in frame.arrays.items():
        little = np.asarray(array, order="C")
        little = little.astype(little.dtype.newbyteorder("<"), copy=False)
        if little.dtype.str not in DTYPES:
            raise PipeFailure("dtype", f"The array “{name}” has the kind {little.dtype}, which is never sent.", _UPDATE)
        _check_finite(name, little)
        described.append({"name": name, "dtype": little.dtype.str, "shape": list(little.shape)})
        chunks.append(little.tobytes())
    try:
        header = {"kind": frame.kind, "fields": frame.fields, "arrays": described}
        text = json.dumps(header, allow_nan=False, separators=(",", ":"), default=_plain).encode("ascii")
    except (TypeError, ValueError) as error:
        raise PipeFailure("malformed_frame", f"A “{frame.kind}” message could not be written ({error}).") from error
    payload = sum(map(len, chunks))
    _check_sizes(len(text), payload)
    return b"".join((PREFIX.pack(MAGIC, version, len(text), payload), text, *chunks))


class Decoder:
    """Cuts a stream that arrives in arbitrary pieces into frames.

    The first wrong byte ends the stream: it raises PipeFailure, and so does every later call.
    """

    def __init__(self, peer: str = "the engine") -> None:
        self._peer = peer
        self._buffer = bytearray()
        self._frames = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take in ``data``; the returned iterator gives the frames it completes and raises where they end."""
        self._buffer += data
        return self._complete()

    def finish(self) -> None:
        """The stream has ended. Raises PipeFailure if something other than whole frames is left."""
        self._check_magic(ended=True)
        if self._buffer:
            raise PipeFailure("truncated_frame", f"The connection to {self._peer} broke in the middle of a message.")

    def _complete(self) -> Iterator[Frame]:
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if not self._check_magic() or len(self._buffer) < PREFIX.size:
            return None
        _, version, header_size, payload_size = PREFIX.unpack_from(self._buffer)
        if version != VERSION:
            raise PipeFailure(
                "version_mismatch",
                f"The versions do not fit: {self._peer} speaks version {version} of the pipe, this side {VERSION}.",
                _UPDATE,
            )
        _check_sizes(header_size, payload_size)
        start, end = PREFIX.size + header_size, PREFIX.size + header_size + payload_size
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view:
            frame = _decode(bytes(view[PREFIX.size : start]), view[start:end])
        del self._buffer[:end]
        self._frames += 1
        return frame

    def _check_magic(self, ended: bool = False) -> bool:
        """True where the buffer starts like a frame; foreign text raises once there is a line of it to quote."""
        given = len(self._buffer)
        if self._buffer[: len(MAGIC)] == MAGIC[:given]:
            return True
        text = " ".join(bytes(self._buffer[:_QUOTE]).decode("utf-8", "replace").split())
        has_line = b"\n" in self._buffer.lstrip() or given >= _QUOTE
        if not (has_line or ended):
            return False
        quoted = "".join(c if c.isprintable() else "·" for c in text)
        when = "before its first message" if self._frames == 0 else "between two messages"
        raise PipeFailure(
            "foreign_text",
            f"Something other than {self._peer} wrote to the connection {when}: “{quoted}”.",
            "Choose another engine program; through ssh, silence the banner and the shell's start-up files.",
        )


def _decode(header: bytes, payload: memoryview) -> Frame:
    try:
        record = json.loads(header, parse_constant=_refuse_constant)
        kind, fields, described = record["kind"], record["fields"], record["arrays"]
        if not (isinstance(kind, str) and isinstance(fields, dict) and isinstance(described, list)):
            raise ValueError("a header field has the wrong kind")
        arrays: dict[str, Array] = {}
        offset = 0
        for item in described:
            name, array, offset = _read_array(item, payload, offset)
            if name in arrays:
                raise ValueError(f"the array “{name}” comes twice")
            arrays[name] = array
        if offset != len(payload):
            raise ValueError("the arrays do not fill the frame")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise PipeFailure("malformed_frame", f"A message could not be read ({error}).", _UPDATE) from error
    return Frame(kind, fields, arrays)


def _read_array(item: Mapping[str, Any], payload: memoryview, offset: int) -> tuple[str, Array, int]:
    name, dtype, shape = item["name"], item["dtype"], item["shape"]
    if not isinstance(name, str) or dtype not in DTYPES or not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise ValueError("an array's name, dtype or shape is not allowed")
    if not all(type(length) is int and 0 <= length <= MAX_ARRAYS for length in shape):
        raise ValueError(f"the array “{name}” has an impossible shape")
    kind = np.dtype(dtype)
    end = offset + math.prod(shape) * kind.itemsize
    if end > len(payload):
        raise ValueError(f"the array “{name}” is longer than the frame")
    with payload[offset:end] as part:
        # A copy of its own: aligned, in native order, and a kept take does not hold the whole frame in memory.
        array = np.frombuffer(part, dtype=kind).reshape(shape).astype(kind.newbyteorder("="))
    _check_finite(name, array)
    return name, array, end


def _check_finite(name: str, array: Array) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PipeFailure(
            "not_finite",
            f"The array “{name}” holds values that are not numbers.",
            "The weights may be damaged; verify or reinstall the model.",
        )


def _check_sizes(header: int, payload: int) -> None:
    if header > MAX_HEADER or payload > MAX_ARRAYS:
        raise PipeFailure(
            "frame_too_large",
            f"A message is too large ({header / 1e6:.1f} MB of text, {payload / 1e6:.0f} MB of numbers).",
            "Make fewer takes at once or a shorter range.",
        )


def _plain(value: Any) -> Any:
    """numpy's scalars as JSON knows them."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a header")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
