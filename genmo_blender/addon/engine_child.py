"""One life of an engine process: its three pipes and the threads that serve them. No bpy here.

Nothing here blocks the main thread: starting, writing, reading and waiting for the end each happen on a thread of
their own, and what arrives lies in ``inbox``. Reads are unbuffered `os.read`: a daemon thread inside a buffered reader
aborts Blender when it exits.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from ..protocol.failures import EngineFailure, GenmoFailure, PipeFailure
from ..protocol.frames import Decoder
from ..protocol.messages import Heartbeat, Message, from_frame
from .engine_log import RotatingLog
from .process_group import ProcessGroup

_READ = 1 << 18


@dataclass(frozen=True)
class Exit:
    """The process has ended; ``failure`` says why it could not be started or understood."""

    code: int | None = None
    failure: EngineFailure | None = None


@dataclass(frozen=True)
class UploadFailed:
    """A file of a job could not be read while it was being sent."""

    job: int
    failure: GenmoFailure


@dataclass(frozen=True)
class _Upload:
    job: int
    frames: Iterator[bytes]


class EngineChild:
    """Starts ``command`` at once, on a thread. The last thing in ``inbox`` is always an `Exit`."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: RotatingLog, remedy: str
    ) -> None:
        self.inbox: SimpleQueue[Message | Exit | UploadFailed] = SimpleQueue()
        self.heard = 0
        """Grows with everything that arrives."""
        self.log = log
        self._command, self._folder, self._environment = command, folder, environment
        self._remedy = remedy
        self._outbox: deque[_Upload | None] = deque()
        self._changed = threading.Condition()
        self._group: ProcessGroup | None = None
        self._killed = False
        self._gone = threading.Event()
        _thread(self._start_and_write)

    def send(self, data: bytes) -> None:
        """Queue one frame."""
        self._queue(_Upload(0, iter((data,))))

    def upload(self, job: int, frames: Iterator[bytes]) -> None:
        """Queue frames that are made while they are sent; a GenmoFailure they raise comes back as `UploadFailed`."""
        self._queue(_Upload(job, frames))

    def close_input(self) -> None:
        """End the engine's standard input after what is queued: the sign for it to exit."""
        self._queue(None)

    def kill(self) -> None:
        """End the process and its children at once; does not wait."""
        with self._changed:
            if not self._killed and self._group is not None:
                self._group.kill()
            self._killed = True
            self._changed.notify()

    def has_ended(self) -> bool:
        """Whether the process is gone or on its way out (its pipes may still be read)."""
        group = self._group
        return self._killed or self._gone.is_set() or (group is not None and _has_exited(group.process))

    def wait(self, timeout: float) -> bool:
        """Wait for the `Exit`; False when it did not come in ``timeout`` seconds."""
        return self._gone.wait(timeout)

    def _queue(self, item: _Upload | None) -> None:
        with self._changed:
            self._outbox.append(item)
            self._changed.notify()

    def _start_and_write(self) -> None:
        try:
            group = ProcessGroup(self._command, self._folder, self._environment)
        except (OSError, ValueError) as error:
            self._end(Exit(None, _not_started(self._command, error, self._remedy)))
            return
        with self._changed:
            self._group = group
            if self._killed:
                group.kill()
        _thread(self._read, group)
        assert group.process.stdin
        with contextlib.suppress(OSError):  # a broken pipe: the reader learns of the end by itself
            self._write(group.process.stdin.fileno())
        with contextlib.suppress(OSError):
            group.process.stdin.close()

    def _write(self, pipe: int) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._outbox or self._killed)
                if self._killed:
                    return
                item = self._outbox.popleft()
            if item is None:
                return
            try:
                for data in item.frames:
                    _write_all(pipe, data)
            except GenmoFailure as failure:
                self.inbox.put(UploadFailed(item.job, failure))

    def _read(self, group: ProcessGroup) -> None:
        process = group.process
        assert process.stdout and process.stderr
        logging = _thread(self._read_log, process.stderr.fileno())
        failure = None
        decoder = Decoder()
        try:
            while data := _read_some(process.stdout.fileno()):
                self.heard += 1
                for frame in decoder.feed(data):
                    message = from_frame(frame)
                    if not isinstance(message, Heartbeat):
                        self.inbox.put(message)
            decoder.finish()
        except PipeFailure as pipe_failure:
            failure = pipe_failure
        self.kill()
        code = process.wait()
        logging.join(1.0)  # the last lines say why it ended
        self._end(Exit(code, failure))

    def _read_log(self, pipe: int) -> None:
        while data := _read_some(pipe):
            self.log.write(data)
        self.log.close()

    def _end(self, last: Exit) -> None:
        self.inbox.put(last)
        self._gone.set()


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, name="genmo engine pipe", daemon=True)
    thread.start()
    return thread


def _read_some(pipe: int) -> bytes:
    """What the pipe holds; empty at its end."""
    try:
        return os.read(pipe, _READ)
    except OSError:
        return b""


def _write_all(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _not_started(command: Sequence[str], error: Exception, remedy: str) -> EngineFailure:
    program = command[0] if command else ""
    return EngineFailure(
        "engine_not_started",
        f"The engine could not be started with “{program}” ({getattr(error, 'strerror', None) or error}).",
        remedy,
    )


def _has_exited(process: subprocess.Popen[bytes]) -> bool:
    """As ``poll``, but also while another thread waits for the process: ``poll`` answers None then."""
    if process.poll() is not None:
        return True
    if not hasattr(os, "waitid"):  # Windows, and macOS before Python 3.13
        return False
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # the waiting thread has just taken it
