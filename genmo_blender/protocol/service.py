"""The engine's loop: hello, load, then one request after another until standard input ends.

Three threads: the main one loads and generates, one reads (so that a cancel is seen while a job runs and the end of
standard input ends the process whatever it does), one tells that the engine lives. Nothing here imports torch: hello
comes before the model's libraries are loaded.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from .attachments import AttachmentStore
from .cancellation import raise_if_cancelled
from .capabilities import Capabilities
from .failures import GenmoFailure, PipeFailure, RequestFailure, StorageFailure, unexpected
from .frames import Decoder
from .messages import (
    HEARTBEAT_SECONDS,
    PRODUCT_VERSION,
    STAGE_WORDS,
    Cancel,
    Cancelled,
    Chunk,
    Failed,
    Foreign,
    Generate,
    Heartbeat,
    Hello,
    Message,
    Need,
    NotReady,
    Progress,
    Ready,
    Result,
    Shutdown,
    Stopping,
    Unknown,
    from_frame,
)
from .motions import MotionResult
from .requests import GenerateRequest
from .streams import Sender

IDLE_SECONDS = 30 * 60.0
_PROGRESS_SECONDS = 0.05
_READ = 1 << 18

ProgressCall = Callable[[str, int, int], None]


class Handler(Protocol):
    """What does the work: `engine/pipeline.py`, `lite/pipeline.py`, or a small one in tests."""

    @property
    def capabilities(self) -> Capabilities:
        """Of the loaded model."""
        ...

    def generate(self, request: GenerateRequest, progress: ProgressCall, cancelled: Callable[[], bool]) -> MotionResult:
        """Carry out ``request``; ``progress(stage, done, of)``. Once ``cancelled()``, return or raise anything soon."""
        ...


@dataclass
class _Job:
    id: int
    request: dict[str, object]
    cancel: threading.Event = field(default_factory=threading.Event)


class Service:
    """Serves one client over ``source`` and ``sink`` (file descriptors). ``load`` makes the handler, on this thread."""

    def __init__(
        self,
        load: Callable[[], Handler],
        source: int,
        sink: int,
        store: AttachmentStore,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._load = load
        self._source = source
        self._sender = Sender(sink)
        self._store = store
        self._idle_seconds = idle_seconds
        self._handler: Handler | None = None
        self._changed = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._open: dict[int, _Job] = {}
        self._running: _Job | None = None
        self._newest = 0
        self._closing = False

    def run(self) -> None:
        """Serve until there was nothing to do for ``idle_seconds``; the end of input ends the process itself."""
        self._sender.send(Hello(PRODUCT_VERSION, os.getpid()))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._live, name="heartbeat", daemon=True).start()
        try:
            self._ensure_handler()
        except GenmoFailure as failure:
            self._sender.send(NotReady(failure))
        while (job := self._next_job()) is not None:
            self._run_job(job)
        self._sender.send(Stopping("idle"))

    # The working thread

    def _ensure_handler(self) -> Handler:
        if self._handler is None:
            try:
                self._handler = self._load()
            except BaseException as error:
                raise _words(error) from error
            self._sender.send(Ready(self._handler.capabilities))
        return self._handler

    def _next_job(self) -> _Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue, self._idle_seconds)
            if not self._queue:
                self._closing = True
                return None
            self._running = self._queue.popleft()
            return self._running

    def _run_job(self, job: _Job) -> None:
        try:
            ending: Message = Result(job.id, self._generate(job))
        except BaseException as error:  # whatever a library raises, the job has one ending and the engine lives on
            ending = Failed(job.id, unexpected(error) if job.cancel.is_set() else _words(error))
        if job.cancel.is_set():
            ending = Cancelled(job.id)
        self._end(job, ending)

    def _generate(self, job: _Job) -> MotionResult:
        handler = self._ensure_handler()
        request = GenerateRequest.from_dict(job.request)
        progress = _Reporter(job.id, self._sender)
        request = self._with_files(job, request, progress)
        raise_if_cancelled(job.cancel.is_set)
        return handler.generate(request, progress, job.cancel.is_set)

    def _with_files(self, job: _Job, request: GenerateRequest, progress: ProgressCall) -> GenerateRequest:
        """The request with the place of every attachment on this machine."""
        cancelled = job.cancel.is_set
        missing = [a for a in request.attachments if self._store.find(a, cancelled) is None]
        if missing and not cancelled():
            self._store.want(missing)
            self._sender.send(Need(job.id, tuple(a.sha256 for a in missing)))
            self._store.wait(lambda done, of: progress("files", done, of), cancelled)
        located = []
        for attachment in request.attachments:
            path = self._store.find(attachment, cancelled)
            raise_if_cancelled(cancelled)
            if path is None:
                raise StorageFailure("attachment_missing", f"The file “{attachment.name}” is gone.", "Try again.")
            located.append(replace(attachment, path=str(path)))
        return replace(request, attachments=tuple(located))

    def _end(self, job: _Job, ending: Message) -> None:
        """The one ending of a job; a second one is dropped."""
        with self._changed:
            if self._open.pop(job.id, None) is None:
                return
            if self._running is job:
                self._running = None
        try:
            self._sender.send(ending)
        except PipeFailure as failure:  # a result that is not finite
            self._sender.send(Failed(job.id, failure))

    # The other threads

    def _live(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self._sender.send(Heartbeat())

    def _read(self) -> None:
        decoder = Decoder("the add-on")
        try:
            while data := os.read(self._source, _READ):
                for frame in decoder.feed(data):
                    self._receive(from_frame(frame))
            decoder.finish()
        except PipeFailure as failure:
            print(failure, file=sys.stderr, flush=True)
            os._exit(2)
        except OSError:
            pass
        os._exit(0)  # the client is gone: nobody wants what the main thread is doing

    def _receive(self, message: Message) -> None:
        match message:
            case Generate():
                self._accept(_Job(message.job, message.request))
            case Cancel(number):
                self._cancel(number)
            case Chunk():
                self._store.receive(message)
            case Shutdown():
                os._exit(0)
            case Foreign(name):
                self._sender.send(Unknown(name))

    def _accept(self, job: _Job) -> None:
        with self._changed:
            if self._closing or job.id <= self._newest:
                return  # closing: the client sends it to the next engine; a number used before has its ending
            self._newest = job.id
            self._open[job.id] = job
            self._queue.append(job)
            self._changed.notify()
        if self._handler is None:
            self._sender.send(Progress(job.id, "loading", 0, 0, STAGE_WORDS["loading"]))

    def _cancel(self, number: int) -> None:
        with self._changed:
            job = self._open.get(number)
            if job is None:
                return
            job.cancel.set()
            if job is self._running:
                return
            self._queue.remove(job)
        self._end(job, Cancelled(number))


class _Reporter:
    """``progress(stage, done, of)``: every stage's first and last count are sent, those between 20 times a second."""

    def __init__(self, job: int, sender: Sender) -> None:
        self._job = job
        self._sender = sender
        self._stage = ""
        self._sent = 0.0

    def __call__(self, stage: str, done: int, of: int) -> None:
        now = time.monotonic()
        if stage == self._stage and done != of and now - self._sent < _PROGRESS_SECONDS:
            return
        self._stage, self._sent = stage, now
        self._sender.send(Progress(self._job, stage, int(done), int(of), STAGE_WORDS.get(stage, stage)))


def _words(error: BaseException) -> GenmoFailure:
    """The failure to send; what nobody foresaw goes to the log with its traceback."""
    if not isinstance(error, GenmoFailure):
        traceback.print_exception(error)
    if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):  # torch's two ways
        return RequestFailure("out_of_memory", "There is not enough memory for this range.", "Shorten the range.")
    return unexpected(error)
