"""The engine's log: what it writes to standard error, kept in a few files of limited size. No bpy here."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

_TAIL = 16384


class RotatingLog:
    """Append-only log file of at most ``limit`` bytes, with ``keep`` older ones beside it (``.1`` is the newest).

    A disk that is full or a folder that cannot be written never stops the engine: the last lines stay in memory.
    Written by one thread; `last_lines` may be called from any.
    """

    def __init__(self, path: Path, limit: int = 1 << 20, keep: int = 3) -> None:
        self._path = path
        self._limit = limit
        self._keep = keep
        self._tail = b""
        self._file: int | None = None

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self._tail = (self._tail + data)[-_TAIL:]
        with contextlib.suppress(OSError):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(self._file, data)
            status = os.fstat(self._file)
            if stat.S_ISREG(status.st_mode) and status.st_size > self._limit:
                self._rotate()

    def last_lines(self, count: int = 20) -> str:
        """The newest lines, for a failure's details."""
        return "\n".join(self._tail.decode("utf-8", "replace").splitlines()[-count:])

    def close(self) -> None:
        """Close the file; a later `write` opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _rotate(self) -> None:
        self.close()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{k}") for k in range(1, self._keep + 1))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                os.replace(newer, older)
