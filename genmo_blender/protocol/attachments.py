"""Files a request brings along: found by path and hash, or kept in a cache of files named by sha256.

A local engine reads the animator's file where it lies; a remote one asks for it once, in chunks, and keeps it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from .failures import GenmoFailure, RequestFailure, StorageFailure
from .messages import Chunk
from .requests import Attachment

CACHE_BYTES = 8 << 30
_READ = 1 << 20
_HASH = re.compile("[0-9a-f]{64}")


def attachment_of(path: Path) -> Attachment:
    """A file on this machine as an attachment. Raises StorageFailure where it cannot be read."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Attachment(path.name, digest, path.stat().st_size, str(path))
    except OSError as error:
        raise StorageFailure(
            "attachment_unreadable", f"{path} could not be read ({error.strerror}).", "Choose the file again."
        ) from error


class AttachmentStore:
    """The cache in ``folder``. `find` and `wait` belong to the working thread, `receive` to the reading one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._wanted: dict[str, Attachment] = {}
        self._received: dict[str, int] = {}
        self._failure: GenmoFailure | None = None
        self._checked: dict[tuple[str, int, int], str] = {}

    def find(self, attachment: Attachment, cancelled: Callable[[], bool]) -> Path | None:
        """The file with this hash, at its own path or in the cache; None where it must be sent.

        Raises RequestFailure when the hash is none.
        """
        if not _HASH.fullmatch(attachment.sha256):
            raise RequestFailure(
                "malformed_request", f"“{attachment.name}” carries no valid sha256.", "Update the add-on."
            )
        for path in (Path(attachment.path), self._folder / attachment.sha256):
            with contextlib.suppress(OSError):
                if path.is_file() and self._hash(path, cancelled) == attachment.sha256:
                    if path.parent == self._folder:
                        os.utime(path)  # the date tells `_prune` what was used last
                    return path
        return None

    def want(self, attachments: Sequence[Attachment]) -> None:
        """Accept chunks of these files from now on."""
        with self._changed:
            self._wanted = {a.sha256: a for a in attachments}
            self._received, self._failure = {}, None
            self._prune(sum(a.size for a in attachments))

    def wait(self, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
        """Wait until all wanted files are here or the job is cancelled; ``progress`` counts megabytes.

        Raises StorageFailure when one cannot be kept, is larger than announced or is not what its hash says.
        """
        total = sum(a.size for a in self._wanted.values())
        with self._changed:
            while self._wanted and self._failure is None and not cancelled():
                self._changed.wait(0.1)
                progress(sum(self._received.values()) >> 20, total >> 20)
            self._wanted = {}
            if self._failure is not None:
                raise self._failure

    def receive(self, chunk: Chunk) -> None:
        """Take in a piece of a wanted file; pieces of others (of a cancelled job) are dropped."""
        with self._changed:
            attachment = self._wanted.get(chunk.sha256)
            if attachment is None or self._failure is not None:
                return
            try:
                self._append(attachment, chunk)
            except OSError as error:
                self._failure = StorageFailure(
                    "attachment_not_kept",
                    f"The engine could not keep the file “{attachment.name}” ({error.strerror or error}).",
                    "Free some space on the engine's machine and try again.",
                )
            except ValueError as error:
                self._failure = StorageFailure(
                    "attachment_damaged", f"The file “{attachment.name}” arrived damaged ({error}).", "Try again."
                )
            self._changed.notify()

    def _append(self, attachment: Attachment, chunk: Chunk) -> None:
        received = self._received.get(chunk.sha256, 0)
        if chunk.offset != received or received + len(chunk.data) > attachment.size:
            raise ValueError("a piece does not fit")
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{chunk.sha256}.part"
        with open(part, "ab" if received else "wb") as file:
            file.write(chunk.data.tobytes())
        self._received[chunk.sha256] = received + len(chunk.data)
        if chunk.last:
            if self._hash(part, lambda: False) != chunk.sha256:
                raise ValueError("its hash differs")
            os.replace(part, self._folder / chunk.sha256)
            del self._wanted[chunk.sha256]

    def _hash(self, path: Path, cancelled: Callable[[], bool]) -> str:
        """sha256 of a file, remembered while its size and date stay; empty when cancelled."""
        status = path.stat()
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._checked:
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while data := file.read(_READ):
                    if cancelled():
                        return ""
                    digest.update(data)
            self._checked[key] = digest.hexdigest()
        return self._checked[key]

    def _prune(self, coming: int) -> None:
        """Remove the files unused for longest until ``coming`` more bytes fit under the cap."""
        with contextlib.suppress(OSError):
            files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
            total = sum(path.stat().st_size for path in files) + coming
            while files and total > CACHE_BYTES:
                total -= files[0].stat().st_size
                files.pop(0).unlink()
