"""The engine's side of the pipe: private copies of its streams, written frame by frame."""

from __future__ import annotations

import os
import sys
import threading

from .messages import Message, to_bytes


def take_streams() -> tuple[int, int]:
    """Private copies of standard input and output, in binary mode.

    Afterwards file descriptor 1 is 2 and 0 is empty: a stray print (also one of a C library or of a child process)
    goes to the log, and nothing but us reads what the client sends.
    """
    source, sink = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (source, sink):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return source, sink


class Sender:
    """Writes whole frames; used by all threads. A client that is gone ends the process."""

    def __init__(self, sink: int) -> None:
        self._sink = sink
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Write ``message``. Raises PipeFailure when it cannot be expressed (a value that is not finite)."""
        view = memoryview(to_bytes(message))
        with self._lock:
            try:
                while view:
                    view = view[os.write(self._sink, view) :]
            except OSError:
                os._exit(0)
