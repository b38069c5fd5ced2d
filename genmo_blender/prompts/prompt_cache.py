"""Features of prompts on disk, so that a prompt once encoded never needs its text encoder again (product.md 2.9).

``FOLDER/ENCODER NAME/ENCODER SHA256/PROMPT SHA256.bin``: the SHA-256 of what follows, then float32 rows (n, D) as .npy.
An entry that is cut, changed or of another shape is a miss. A cache that cannot be written never stops the work.
"""

import hashlib
import io
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .checks import normalise

log = logging.getLogger(__name__)
DIGEST = 32  # bytes of a SHA-256


@dataclass(frozen=True)
class EncoderId:
    """Which text encoder made features: name and hash of its files ("" where a checkpoint names only a kind)."""

    name: str
    sha256: str = ""


@dataclass(frozen=True)
class PromptCache:
    """A cache in ``folder`` (the user's) and in ``extra`` folders (beside the .blend, so that the file can travel).

    Each folder keeps at most ``limit`` bytes; what was used longest ago goes first.
    """

    folder: Path
    extra: tuple[Path, ...] = ()
    limit: int = 200_000_000

    def get(self, encoder: EncoderId, prompt: str, width: int) -> tuple[np.ndarray | None, EncoderId]:
        """The rows in use, float32 (n, width), or None; and who made them.

        Without a hash, any encoder of that name will do.
        """
        for folder in (self.folder, *self.extra):
            for made_by in _makers(folder, encoder):
                rows = _read(_path(folder, made_by, prompt), width)
                if rows is not None:
                    return rows, made_by
        return None, encoder

    def put(self, encoder: EncoderId, prompt: str, rows: np.ndarray) -> None:
        """Keeps float32 (n, D) rows in every folder that lacks them. Needs the encoder's hash (ValueError without)."""
        if not encoder.sha256:
            raise ValueError("Features are kept under the hash of the encoder that made them.")
        for folder in (self.folder, *self.extra):
            path = _path(folder, encoder, prompt)
            try:
                if _read(path, rows.shape[1]) is None:
                    _write(path, rows)
                    _trim(folder, self.limit)
            except OSError as error:
                log.warning("prompt features not kept: %s", error)


def _path(folder: Path, encoder: EncoderId, prompt: str) -> Path:
    key = hashlib.sha256(normalise(prompt).encode("utf-8")).hexdigest()
    return folder / encoder.name / encoder.sha256 / f"{key}.bin"


def _makers(folder: Path, encoder: EncoderId) -> list[EncoderId]:
    if encoder.sha256:
        return [encoder]
    return [EncoderId(encoder.name, path.name) for path in sorted((folder / encoder.name).glob("*"))]


def _read(path: Path, width: int) -> np.ndarray | None:
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
            return None
        rows = np.load(io.BytesIO(data[DIGEST:]), allow_pickle=False)
    except (OSError, ValueError):
        return None
    if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != width:
        return None
    try:
        os.utime(path)  # used now: the last to go
    except OSError:
        pass  # a read-only folder may still be read
    return rows


def _write(path: Path, rows: np.ndarray) -> None:
    """Whole or not at all: a reader never sees half a file. Raises OSError."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(rows, dtype=np.float32), allow_pickle=False)
    data = stream.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def _trim(folder: Path, limit: int) -> None:
    files = [(path, path.stat()) for path in folder.glob("*/*/*") if path.suffix in (".bin", ".part")]
    total = sum(stat.st_size for _, stat in files)
    for path, stat in sorted(files, key=lambda entry: entry[1].st_mtime_ns):
        if total <= limit:
            break
        path.unlink(missing_ok=True)
        total -= stat.st_size
