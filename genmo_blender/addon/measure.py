"""Durations of ticks and draws, written as lines of JSON when GENMO_MEASURE names a file (`build.py bench --bars`).

``{"what": "tick" | "apply" | "draw", "ms": duration, "at": seconds of the monotonic clock}``; "apply" is a tick that
has written takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

TARGET = os.environ.get("GENMO_MEASURE", "")


@dataclass
class Span:
    """What is being timed; the name may become clear on the way."""

    what: str


@contextlib.contextmanager
def span(what: str) -> Iterator[Span]:
    """Time the body, if anyone wants to know."""
    timed = Span(what)
    start = time.perf_counter()
    yield timed
    if TARGET:
        line = {
            "what": timed.what,
            "ms": round(1e3 * (time.perf_counter() - start), 4),
            "at": round(time.monotonic(), 4),
        }
        with open(TARGET, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
