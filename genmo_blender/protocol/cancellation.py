"""Cancel: a question asked between blocks of the network and between steps, and the exception that answers it."""

from __future__ import annotations

from collections.abc import Callable

CancelCheck = Callable[[], bool]


class Cancelled(Exception):
    """The job was cancelled; not a failure, so it is outside the exception tree of `protocol.failures`."""


def raise_if_cancelled(cancelled: CancelCheck | None) -> None:
    """Raise `Cancelled` if the callback says so."""
    if cancelled is not None and cancelled():
        raise Cancelled
