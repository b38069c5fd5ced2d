"""How a sentence is put together."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.failures import GenmoFailure


def text_of(failure: GenmoFailure) -> str:
    """What happened and what to do, as one line."""
    return f"{failure.sentence} {failure.remedy}".strip()


def few(names: Sequence[str], most: int = 3) -> str:
    """Names as an animator reads them: the first ones, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
