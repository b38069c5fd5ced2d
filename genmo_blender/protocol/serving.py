"""The command ``serve``: answer the add-on over standard input and output until it is gone or idle for long."""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from .attachments import AttachmentStore
from .service import IDLE_SECONDS, Handler, Service
from .streams import take_streams


def serve(arguments: Sequence[str], load: Callable[[Path | None], Handler]) -> NoReturn:
    """Serve, then end the process: libraries' own clean-up may take long or hang, and there is nothing to save.

    ``load`` makes the handler for a checkpoint, None for the bundled one, after hello: it may import what takes long.
    """
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("--model", type=Path, help="a checkpoint; the bundled model without it")
    parser.add_argument("--idle-minutes", type=float, default=IDLE_SECONDS / 60, help="end after so long without a job")
    parser.add_argument("--cache", type=Path, default=_cache_folder(), help="where attachments from afar are kept")
    options = parser.parse_args(arguments)
    if os.isatty(0):
        sys.exit("This is the engine that Blender starts and talks to; it has nothing to say to a terminal.")
    source, sink = take_streams()
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    store = AttachmentStore(options.cache)
    Service(lambda: load(options.model), source, sink, store, options.idle_minutes * 60).run()
    os._exit(0)


def _cache_folder() -> Path:
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "genmo_motion" / "attachments"
