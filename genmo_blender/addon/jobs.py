"""The queue of jobs: one a character, each with exactly one ending, one at a time in the engine. No bpy here."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from ..protocol.failures import GenmoFailure, RequestFailure
from ..protocol.messages import Cancelled, Failed, Progress, Result
from ..protocol.motions import MotionResult
from ..protocol.requests import GenerateRequest
from .engine_process import EngineProcess, Event


class State(StrEnum):
    """``queued → running → done / failed / cancelled``."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Job:
    """A snapshot of one job. ``character`` is any stable name of the target (a session uid as text).

    ``progress`` is the last one told; ``stage_since`` (clock seconds) when its stage began.
    """

    id: int
    character: str
    request: GenerateRequest
    state: State = State.QUEUED
    progress: Progress | None = None
    stage_since: float = 0.0
    result: MotionResult | None = None
    failure: GenmoFailure | None = None

    @property
    def ended(self) -> bool:
        """Whether it has its ending."""
        return self.state not in (State.QUEUED, State.RUNNING)

    def seconds_left(self, now: float) -> float | None:
        """Rest of the present stage at its pace so far; None before 3 s of it (product.md 2.6)."""
        spent = now - self.stage_since
        if self.progress is None or not 0 < self.progress.done <= self.progress.of or spent < 3.0:
            return None
        return spent * (self.progress.of - self.progress.done) / self.progress.done


class Jobs:
    """All unfinished jobs over one engine. Ids only grow, and a job that has ended is never heard of again."""

    def __init__(self, engine: EngineProcess, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self._clock = clock
        self._ids = itertools.count(1)
        self._open: dict[int, Job] = {}
        self._changed: dict[int, Job] = {}

    @property
    def due(self) -> bool:
        """Whether `poll` has something to do or to watch."""
        return bool(self._open or self._changed) or self.engine.due

    def open(self) -> tuple[Job, ...]:
        """Jobs without an ending, oldest first."""
        return tuple(self._open.values())

    def of(self, character: str) -> Job | None:
        """The unfinished job of a character."""
        return next((job for job in self._open.values() if job.character == character), None)

    def submit(self, character: str, request: GenerateRequest) -> Job:
        """Queue a job. Raises RequestFailure when the character has one already."""
        if self.of(character) is not None:
            raise RequestFailure("job_running", "This character already has a job.", "Wait for it or cancel it.")
        job = Job(next(self._ids), character, request)
        self._open[job.id] = job
        self._start_next()
        return self._open.get(job.id, job)

    def cancel(self, job_id: int) -> None:
        """End a job as cancelled, at once; the next `poll` tells it. Without effect on one that has ended."""
        job = self._open.get(job_id)
        if job is None:
            return
        self._end(replace(job, state=State.CANCELLED))
        self.engine.cancel(job_id)

    def cancel_all(self) -> None:
        """End every unfinished job as cancelled."""
        for job in self.open():
            self.cancel(job.id)

    def poll(self) -> list[Job]:
        """Jobs that changed since the last call, each in its newest state; an ending comes exactly once."""
        for event in self.engine.poll():
            self._apply(event)
        self._start_next()
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def stop(self, timeout: float = 1.0) -> None:
        """End all jobs as cancelled and the engine with them; waits ``timeout`` seconds at most."""
        self.cancel_all()
        self.engine.stop(timeout)

    def _apply(self, event: Event) -> None:
        job = self._open.get(event.job)
        if job is None:
            return  # ended here already: cancelled
        match event:
            case Progress():
                same = job.progress is not None and job.progress.stage == event.stage
                since = job.stage_since if same else self._clock()
                self._put(replace(job, progress=event, stage_since=since))
            case Result(result=result):
                self._end(replace(job, state=State.DONE, result=result))
            case Failed(failure=failure):
                self._end(replace(job, state=State.FAILED, failure=failure))
            case Cancelled():
                self._end(replace(job, state=State.CANCELLED))

    def _start_next(self) -> None:
        for job in self.open():
            if self.engine.busy:
                return
            if job.state is State.QUEUED:
                try:
                    self.engine.submit(job.id, job.request)
                except GenmoFailure as failure:
                    self._end(replace(job, state=State.FAILED, failure=failure))
                else:
                    self._put(replace(job, state=State.RUNNING, stage_since=self._clock()))

    def _put(self, job: Job) -> None:
        self._open[job.id] = job
        self._changed[job.id] = job

    def _end(self, job: Job) -> None:
        self._open.pop(job.id, None)
        self._changed[job.id] = job
