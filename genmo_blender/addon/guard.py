"""Keeps what draws from failing for ever: Blender calls a draw handler at each redraw, whatever it raised before."""

from __future__ import annotations

import logging
from collections.abc import Callable

LOG = logging.getLogger(__name__)
_failed: set[str] = set()


def safely(name: str, draw: Callable[[], None]) -> Callable[[], None]:
    """``draw`` that never raises: after its first failure, which is logged, it rests until `forgive`."""

    def guarded() -> None:
        if name in _failed:
            return
        try:
            draw()
        except Exception:
            _failed.add(name)
            LOG.exception("GENMO Motion: drawing %s failed; it stays off until one of its switches is used", name)

    return guarded


def failed() -> frozenset[str]:
    """What has failed and rests."""
    return frozenset(_failed)


def forgive() -> None:
    """Let everything be tried again: a switch was used, or the extension was enabled."""
    _failed.clear()
