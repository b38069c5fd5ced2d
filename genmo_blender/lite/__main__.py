"""The command line of the built-in engine: ``python -m genmo_blender.lite serve`` (the add-on starts this)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocol.service import Handler

USAGE = "usage: lite serve [-h] ...\n\n  serve      answer Blender over standard input and output\n"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ONE_THREAD = "1"
"""The products here are small. A second thread would gain little on idle cores, and on busy ones (Blender draws, too)
the first waits for it: 10 s of motion then took 10 s instead of 2."""


def _load(model: Path | None) -> Handler:
    from .pipeline import Pipeline

    return Pipeline.load(model)


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit code: 0 done, 2 wrong usage."""
    if arguments[:1] == ["serve"]:
        for name in THREADS:  # before numpy is imported
            os.environ.setdefault(name, ONE_THREAD)
        from ..protocol.serving import serve

        serve(arguments[1:], _load)
    print(USAGE, file=sys.stderr)
    return 0 if arguments in (["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
