"""Reading safetensors: a little-endian length, a JSON header, then the arrays without gaps. Nothing is executed."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

Array = np.ndarray
MAX_HEADER = 100 << 20
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


def parse(data: bytes) -> tuple[dict[str, str], dict[str, Array]]:
    """Metadata and arrays of a file's bytes; half-precision numbers stay half, except bf16, which comes as float32.

    Raises ValueError for anything that is not a whole file of this format.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(MAX_HEADER, len(data) - 8):
        raise ValueError("the header is longer than the file")
    try:
        header: Any = json.loads(data[8 : 8 + size])
        metadata = dict(header.pop("__metadata__", {}))
        body = memoryview(data)[8 + size :]
        end = 0
        arrays = {}
        for name, record in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            first, last = record["data_offsets"]
            if first != end or last > len(body):
                raise ValueError(f"{name} does not lie where the header says")
            arrays[name], end = _array(record, body[first:last]), last
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the header cannot be read ({error})") from error
    if end != len(body):
        raise ValueError("the arrays do not fill the file")
    return metadata, arrays


def _array(record: dict[str, Any], data: memoryview) -> Array:
    kind, shape = record["dtype"], tuple(record["shape"])
    dtype = np.dtype(_DTYPES[kind])
    if any(type(n) is not int or n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("an array's size does not fit its shape")
    array = np.frombuffer(data, dtype).reshape(shape)
    if kind == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
