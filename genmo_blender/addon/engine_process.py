"""The client of an engine: starts it when a job needs it, watches it, and gives every job exactly one ending.

Polled from the main thread, never blocking; no bpy here. A silent, dead or foreign engine becomes a failure with a
sentence; a cancelled job ends at once for the caller, and an engine that does not stop within a second is killed
(architecture.md, "The pipe").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..protocol.capabilities import Capabilities
from ..protocol.failures import EngineFailure, GenmoFailure, failure_from_dict, failure_to_dict
from ..protocol.messages import (
    Cancel,
    Cancelled,
    Failed,
    Foreign,
    Generate,
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
    to_bytes,
)
from ..protocol.requests import GenerateRequest
from .engine_child import EngineChild, Exit, UploadFailed
from .engine_log import RotatingLog
from .uploads import attachment_frames

Event = Progress | Result | Failed | Cancelled

START_SECONDS = 30.0
"""Until the first message."""
LOADING_SECONDS = 60.0
"""Silence allowed while the model is loaded: importing a large library may hold the interpreter for long."""
SILENCE_SECONDS = 10.0
CANCEL_SECONDS = 1.0
END_SECONDS = 3.0
"""Until a killed process is given up as unkillable."""
_LONGEST_TICK = 1.0
"""A gap between two polls counts as this much at most: the machine slept, or Blender was busy, not the engine."""

START_REMEDY = "Check Engine Python and Engine Command in the extension's preferences."

_UNCHANGED = "Your animation is unchanged; Generate starts the engine again."


@dataclass
class _Outstanding:
    """The one job the engine has."""

    job: int
    request: GenerateRequest
    progress: Progress | None = None
    ended: bool = False
    """The caller has its ending; the engine still works on it."""
    resent: bool = False


class EngineProcess:
    """One engine behind ``command`` (which may begin with ``ssh host``); ``remedy`` is what to do if it cannot start.

    ``status`` is "stopped", "starting", "loading", "ready", "busy" or "stopping"; ``capabilities`` those of the model
    last loaded; ``trouble`` why the engine last stopped or could not load, None when all is well.
    """

    def __init__(
        self,
        command: Sequence[str],
        log_path: Path,
        folder: Path,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        remedy: str = START_REMEDY,
    ) -> None:
        self.capabilities: Capabilities | None = None
        self.trouble: GenmoFailure | None = None
        self._command, self._folder, self._environment = tuple(command), folder, dict(environment)
        self._log_path, self._remedy = log_path, remedy
        self._clock = clock
        self._polled = clock()
        self._events: list[Event] = []
        self._heard = 0
        self._child: EngineChild | None = None
        self._outstanding: _Outstanding | None = None
        self._forget_child()

    @property
    def status(self) -> str:
        """For the status line."""
        if self._child is None:
            return "stopped"
        if self._ending:
            return "stopping"
        return "busy" if self._outstanding and self._phase == "ready" else self._phase

    @property
    def busy(self) -> bool:
        """Whether `submit` must wait: a job runs, or a cancelled one has not let go yet."""
        return self._outstanding is not None or self._ending

    @property
    def due(self) -> bool:
        """Whether `poll` has something to watch; when False it need not be called."""
        return self.busy or bool(self._events) or (self._child is not None and self._phase != "ready")

    def start(self) -> None:
        """Start the process if none runs (jobs do it by themselves); does not wait."""
        if not self._ending:
            self._started()

    def _started(self) -> EngineChild:
        if self._child is not None and self._child.has_ended():  # it died or went to sleep while nobody looked
            self._receive_all()
            self._forget_child()
        if self._child is None:
            self._polled = self._clock()
            log = RotatingLog(self._log_path)
            self._child = EngineChild(self._command, self._folder, self._environment, log, self._remedy)
        return self._child

    def submit(self, job: int, request: GenerateRequest) -> None:
        """Send a job; ``job`` grows from call to call. Raises RuntimeError while `busy`, PipeFailure if too large."""
        if self.busy:
            raise RuntimeError("the engine takes one job at a time")
        self._submit(_Outstanding(job, request))

    def cancel(self, job: int) -> None:
        """End ``job`` now for the caller; the engine stops within a second or is killed. Ended jobs are ignored."""
        outstanding = self._outstanding
        if outstanding is None or outstanding.job != job or outstanding.ended:
            return
        self._abandon(outstanding)
        self._events.append(Cancelled(job))

    def poll(self) -> list[Event]:
        """What happened since the last call. Call it about every 0.1 s while `due`; never blocks."""
        now = self._clock()
        tick = min(now - self._polled, _LONGEST_TICK)
        self._polled = now
        self._receive_all()
        if self._child is not None:
            self._watch(self._child, tick)
        events, self._events = self._events, []
        return events

    def stop(self, timeout: float = 1.0) -> None:
        """Ask the engine to end, wait ``timeout`` seconds at most, then kill it; a job in it ends as cancelled."""
        child = self._child
        if child is None:
            return
        if self._outstanding is not None:
            self.cancel(self._outstanding.job)
        child.send(to_bytes(Shutdown()))
        child.close_input()
        if not child.wait(timeout):
            child.kill()
            child.wait(timeout)
        self._outstanding = None
        self._forget_child()

    def _submit(self, outstanding: _Outstanding) -> None:
        data = to_bytes(Generate(outstanding.job, outstanding.request.to_dict()))
        child = self._started()
        self._polled = self._clock()
        self._silence = 0.0
        self._outstanding = outstanding
        child.send(data)

    # What arrives

    def _receive_all(self) -> None:
        while self._child is not None and not self._child.inbox.empty():
            item = self._child.inbox.get()
            if isinstance(item, Exit):
                self._conclude(self._child, item)
            elif isinstance(item, UploadFailed):
                self._upload_failed(item)
            elif not self._ending:
                self._receive(self._child, item)

    def _receive(self, child: EngineChild, message: Message) -> None:
        match message:
            case Hello():
                self._phase = "loading"
            case Ready(capabilities):
                self._phase, self.capabilities, self.trouble = "ready", capabilities, None
            case NotReady(failure):
                self._phase, self.trouble = "ready", _with_log(child, failure)
            case Stopping():
                self._stopping = True
            case Foreign(name):
                child.send(to_bytes(Unknown(name)))
            case Progress() | Result() | Failed() | Cancelled() | Need():
                self._receive_job(child, message)

    def _receive_job(self, child: EngineChild, message: Progress | Result | Failed | Cancelled | Need) -> None:
        outstanding = self._outstanding
        if outstanding is None or message.job != outstanding.job:
            return  # late words about a job that has its ending
        if isinstance(message, Need):
            wanted = [a for a in outstanding.request.attachments if a.sha256 in message.sha256]
            child.upload(message.job, attachment_frames(wanted, lambda: outstanding.ended))
        elif isinstance(message, Progress):
            if not outstanding.ended:
                outstanding.progress = message
                self._events.append(message)
        else:
            self._outstanding = None
            if isinstance(message, Failed):
                message = Failed(message.job, _with_log(child, message.failure))
            if not outstanding.ended:
                self._events.append(message)

    def _upload_failed(self, item: UploadFailed) -> None:
        outstanding = self._outstanding
        if outstanding is not None and outstanding.job == item.job and not outstanding.ended:
            self._abandon(outstanding)
            self._events.append(Failed(item.job, item.failure))

    def _conclude(self, child: EngineChild, last: Exit) -> None:
        """The process is gone: the job in it gets its ending, unless the engine had said that it took no more."""
        outstanding, expected = self._outstanding, self._ending or self._stopping
        if outstanding and not outstanding.ended and self._stopping and not outstanding.resent:
            self._forget_child()
            outstanding.resent = True
            self._submit(outstanding)
            return
        if not expected or last.failure:
            self._fail(child, last.failure or _died(self._phase, outstanding, last.code, self._remedy))
        self._outstanding = None
        self._forget_child()

    # What does not arrive

    def _watch(self, child: EngineChild, tick: float) -> None:
        if child.heard != self._heard:
            self._heard, self._silence = child.heard, 0.0
        else:
            self._silence += tick
        if self._ending or child.has_ended():
            self._watch_end(child, tick)
        elif self._phase == "starting" and self._silence > START_SECONDS:
            self._give_up(child, _silent("engine_start", "did not start", START_SECONDS, None))
        elif self._phase == "loading" and self._silence > LOADING_SECONDS:
            self._give_up(child, _silent("engine_silent", "stopped answering", LOADING_SECONDS, self._outstanding))
        elif self._phase == "ready" and self._silence > SILENCE_SECONDS:
            self._give_up(child, _silent("engine_silent", "stopped answering", SILENCE_SECONDS, self._outstanding))
        elif self._outstanding is not None and self._outstanding.ended:
            self._cancelled_for += tick
            if self._cancelled_for > CANCEL_SECONDS:
                self._give_up(child, None)

    def _watch_end(self, child: EngineChild, tick: float) -> None:
        """A process that ended or was killed must let go of its pipes too, or it is left alone."""
        child.kill()
        self._ended_for += tick
        if self._ended_for > END_SECONDS:
            self._conclude(child, Exit())

    def _give_up(self, child: EngineChild, failure: EngineFailure | None) -> None:
        if failure is not None:
            self._fail(child, failure)
        self._ending = True
        child.kill()

    def _fail(self, child: EngineChild, failure: EngineFailure) -> None:
        """The engine's own end: told to the job in it, kept for the status line."""
        self.trouble = failed = _with_log(child, failure)
        if self._outstanding is not None and not self._outstanding.ended:
            self._events.append(Failed(self._outstanding.job, failed))
            self._outstanding.ended = True

    def _abandon(self, outstanding: _Outstanding) -> None:
        outstanding.ended = True
        self._cancelled_for = 0.0
        if self._child is not None:
            self._child.send(to_bytes(Cancel(outstanding.job)))

    def _forget_child(self) -> None:
        self._child = None
        self._phase = "starting"
        self._ending = self._stopping = False
        self._heard = 0
        self._silence = self._cancelled_for = self._ended_for = 0.0


def _with_log(child: EngineChild, failure: GenmoFailure) -> GenmoFailure:
    """The same failure with the engine's last log lines."""
    return failure_from_dict({**failure_to_dict(failure), "details": failure.details or child.log.last_lines()})


def _died(phase: str, outstanding: _Outstanding | None, code: int | None, remedy: str) -> EngineFailure:
    if phase == "starting":
        return EngineFailure(
            "engine_not_started",
            f"The engine ended before it said a word (exit code {code}).",
            remedy,
        )
    where = _where(outstanding) or f" (exit code {code})"
    return EngineFailure("engine_died", f"The engine stopped{where}.", _UNCHANGED)


def _silent(code: str, what: str, seconds: float, outstanding: _Outstanding | None) -> EngineFailure:
    sentence = f"The engine {what} for {seconds:.0f} s{_where(outstanding)} and was ended."
    if code == "engine_start":
        sentence = f"The engine {what} within {seconds:.0f} s and was ended."
    return EngineFailure(code, sentence, _UNCHANGED)


def _where(outstanding: _Outstanding | None) -> str:
    """``" while solving (31 of 50)"``, as far as the engine has told."""
    if outstanding is None or outstanding.progress is None:
        return ""
    progress = outstanding.progress
    words = progress.words or progress.stage
    counts = f" ({progress.done} of {progress.of})" if progress.of else ""
    return f" while {words[:1].lower()}{words[1:]}{counts}"
