"""Durations of ticks and draws, written as lines of JSON when GENMO_MEASURE names a file (`build.py bench --bars`)."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator

TARGET = os.environ.get("GENMO_MEASURE", "")


@contextlib.contextmanager
def span(what: str) -> Iterator[None]:
    """Time the body, if anyone wants to know."""
    if not TARGET:
        yield
        return
    start = time.perf_counter()
    yield
    line = json.dumps({"what": what, "ms": round(1e3 * (time.perf_counter() - start), 4), "at": round(start, 4)})
    with open(TARGET, "a", encoding="utf-8") as file:
        file.write(line + "\n")
