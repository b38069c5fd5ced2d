"""Lets a training run on this machine wait while tests and measurements run: on two cores it would falsify them.

Whoever wants quiet keeps an empty file named by its process id in `~/.cache/genmo_blender/pause/`; the trainer looks
there at each step and waits while a file of a living process lies there. A file whose process is gone means nothing.
Training that the same process starts itself, in a test, must go on: GENMO_PAUSED_BY tells it whom not to wait for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTER = "GENMO_PAUSED_BY"


def cache_folder() -> Path:
    """Where genmo_blender keeps what all checkouts share."""
    return Path.home() / ".cache" / "genmo_blender"


@contextmanager
def training_paused() -> Iterator[Path]:
    """Asks training runs of others to wait until the block ends; yields the file that says so."""
    mark = cache_folder() / "pause" / str(os.getpid())
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    os.environ[STARTER] = mark.name
    try:
        yield mark
    finally:
        del os.environ[STARTER]
        mark.unlink(missing_ok=True)
