"""Keyed poses in a file: the arrays of `motion.npz` for K poses, ``time`` (K,) seconds and ``joint_mask`` (K, 22)."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..protocol.failures import RequestFailure, StorageFailure
from ..protocol.keys import ARRAYS, KeyedPoses


def read_keys(path: Path) -> KeyedPoses:
    """Raises StorageFailure for a file that cannot be read, RequestFailure for one without the arrays of keys. Nothing
    in a file is executed."""
    if not path.is_file():
        raise StorageFailure("no_keys_file", f"There is no file {path}.", "Choose another --keys.")
    try:
        with np.load(path, allow_pickle=False) as data:  # a single array (.npy) is no context: TypeError
            arrays = {name: data[name] for name in data.files if name in ARRAYS}
    except (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise StorageFailure(
            "keys_unreadable", f"{path.name} cannot be read as .npz of plain numbers.", "Save it with numpy.savez."
        ) from error
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise RequestFailure(
            "keys_incomplete",
            f"{path.name} lacks {' and '.join(missing)}.",
            f"A file of keys holds {', '.join(ARRAYS)}.",
        )
    return KeyedPoses.read(arrays)
