"""Attachments on their way to an engine that does not see the animator's files. No bpy here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ..protocol.failures import StorageFailure
from ..protocol.messages import CHUNK_BYTES, Chunk, to_bytes
from ..protocol.requests import Attachment


def attachment_frames(attachments: Iterable[Attachment], cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """Frames of the files, read while they are sent; ends early once ``cancelled``.

    Raises StorageFailure when a file is missing, unreadable or no longer what its hash says.
    """
    for attachment in attachments:
        yield from _file_frames(attachment, cancelled)


def _file_frames(attachment: Attachment, cancelled: Callable[[], bool]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    offset, last = 0, False
    try:
        with open(attachment.path, "rb") as file:
            while not last and not cancelled():
                data = file.read(CHUNK_BYTES)
                digest.update(data)
                last = not data or offset + len(data) >= attachment.size
                if last and digest.hexdigest() != attachment.sha256:
                    raise _unreadable(attachment, "it has changed")
                yield to_bytes(Chunk(attachment.sha256, offset, last, np.frombuffer(data, np.uint8)))
                offset += len(data)
    except OSError as error:
        raise _unreadable(attachment, error.strerror or str(error)) from error


def _unreadable(attachment: Attachment, why: str) -> StorageFailure:
    return StorageFailure(
        "attachment_unreadable",
        f"The file “{attachment.name}” could not be read ({why}).",
        "Check that it is still where the strip says.",
    )
