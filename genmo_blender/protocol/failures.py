"""The one exception tree: every failure a person can meet has a code, a sentence and what to do.

A sentence says what happened in an animator's words; the remedy is the one thing to do (product.md 2.11).
Tracebacks belong to the log.
"""

from __future__ import annotations

from typing import Any


class GenmoFailure(Exception):
    """A failure with words for a person.

    ``code`` is stable and machine-readable (snake_case), ``sentence`` says what happened, ``remedy`` what to do.
    ``details`` (the engine's last log lines) is for *Copy report*, never for the panel.
    """

    def __init__(self, code: str, sentence: str, remedy: str = "", details: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.details = details

    def to_dict(self) -> dict[str, str]:
        """The form that crosses the pipe in a ``failed`` message."""
        return {"code": self.code, "sentence": self.sentence, "remedy": self.remedy, "details": self.details}


class RequestFailure(GenmoFailure):
    """The request cannot be carried out as it stands (empty prompt, range too short, ...)."""


class ModelFailure(GenmoFailure):
    """Weights, statistics or another file of a model are missing, damaged or of the wrong kind."""


class EngineFailure(GenmoFailure):
    """The engine died, went silent, speaks another version or could not be started."""


class PipeFailure(EngineFailure):
    """What came through the pipe is not a frame of ours."""


class StorageFailure(GenmoFailure):
    """A file could not be read or written (full disk, read-only folder, missing path)."""


FAMILIES: dict[str, type[GenmoFailure]] = {
    cls.__name__: cls for cls in (RequestFailure, ModelFailure, EngineFailure, PipeFailure, StorageFailure)
}


def failure_to_dict(failure: GenmoFailure) -> dict[str, str]:
    """``to_dict`` with the family's name, so that the other side can raise the same kind."""
    return {"family": type(failure).__name__, **failure.to_dict()}


def failure_from_dict(record: dict[str, Any]) -> GenmoFailure:
    """The failure a peer reported; an unknown family becomes a plain ``GenmoFailure``."""
    family = FAMILIES.get(str(record.get("family", "")), GenmoFailure)
    return family(
        str(record.get("code", "unknown")),
        str(record.get("sentence", "The engine reported a failure without words.")),
        str(record.get("remedy", "")),
        str(record.get("details", "")),
    )


def unexpected(error: BaseException) -> GenmoFailure:
    """Words for an error nobody foresaw; its traceback is for the log, never for the panel."""
    if isinstance(error, GenmoFailure):
        return error
    if isinstance(error, MemoryError):
        return RequestFailure("out_of_memory", "There is not enough memory for this range.", "Shorten the range.")
    if isinstance(error, OSError) and error.errno == 28:
        return StorageFailure("disk_full", "The disk is full.", "Free some space and try again.")
    return GenmoFailure(
        "internal", "Something went wrong inside the engine.", "Your animation is unchanged; the log has the details."
    )
