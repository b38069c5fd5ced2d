"""What lives as long as the extension is enabled and never in a file: the engine, its jobs, and the last sentence.

The timer here is the only one: it runs ten times a second while a job, an arrival or a starting engine is due, and
goes when idle.
"""

from __future__ import annotations

import logging
import os
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..protocol.capabilities import Capabilities
from ..protocol.failures import GenmoFailure
from ..protocol.requests import validate
from . import engine_command, measure, preferences, prompt_notes, sentences
from .engine_process import START_REMEDY, EngineProcess
from .jobs import Job, Jobs, State
from .services import delivery

TICK_SECONDS = 0.1
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a job ended for the animator. ``kind``: "applied", "waiting", "cancelled" or "failed"."""

    kind: str
    sentence: str


@dataclass
class Session:
    """Jobs over one engine; ``jobs`` is None where the one that was chosen cannot be started (``missing`` says why)."""

    jobs: Jobs | None = None
    missing: GenmoFailure | None = None
    built_in: bool = True
    """Whether no engine was chosen, so that the built-in model answers."""
    message: str = ""
    """The last sentence for the panel."""
    alert: bool = False
    """Whether the message tells of a failure."""
    orders: dict[int, delivery.Order] = field(default_factory=dict)
    """What each unfinished job is for."""
    arrivals: list[tuple[Job, delivery.Order]] = field(default_factory=list)
    """Results that wait until Blender is free."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """Endings, for a background run that waits for its own."""
    began: dict[int, int] = field(default_factory=dict)
    """The job as which an order began that needs several: its outcome goes by that number."""

    @property
    def due(self) -> bool:
        """Whether the timer has something to do."""
        return bool(self.arrivals) or (self.jobs is not None and self.jobs.due)

    @property
    def working(self) -> bool:
        """Whether there is something to cancel."""
        return bool(self.arrivals) or (self.jobs is not None and bool(self.jobs.open()))

    @property
    def model(self) -> Capabilities | None:
        """What the engine's model can do, once it was loaded."""
        return self.jobs.engine.capabilities if self.jobs is not None else None

    def say(self, sentence: str, alert: bool = False) -> None:
        """Show a sentence in the panel."""
        self.message, self.alert = sentence, alert
        redraw()

    def status(self) -> str:
        """The status line."""
        if self.jobs is None:
            return "The engine cannot be started"
        engine, model = self.jobs.engine, self.model
        if engine.status == "stopped":
            return "Ready · built-in model" if self.built_in else "Ready · engine not started yet"
        if engine.status in ("starting", "loading"):
            return "Loading the built-in model …" if self.built_in else "Starting the engine …"
        if model is None:
            return "The built-in model cannot be loaded" if self.built_in else "The engine has no model"
        return f"Ready · {'built-in model' if self.built_in else model.model} · {model.device.upper()}"

    def submit(self, order: delivery.Order) -> Job:
        """Queue a job for an order. Raises RequestFailure when its character has one, or the model cannot do it."""
        if self.missing is not None:
            raise self.missing
        assert self.jobs is not None
        if self.jobs.of(order.key) is not None:
            raise sentences.job_running(order.name)
        if self.model is not None:
            validate(order.request, self.model.longest_seconds)
        if not self.orders and not self.arrivals:
            self.outcomes.clear()
        job = self.jobs.submit(order.key, order.request)
        self.orders[job.id] = order
        self.message, self.alert = "", False
        start_timer()
        return job

    def cancel(self) -> None:
        """End every unfinished job, and forget results that wait."""
        for job, order in self.arrivals:
            self._close(job.id, "cancelled", sentences.cancelled(order.name))
        self.arrivals.clear()
        if self.jobs is not None:
            self.jobs.cancel_all()
            self.step()

    def step(self, insist: bool = False) -> bool:
        """One tick: hear the engine, write what has arrived. Returns whether anything was written.

        Who insists writes beside a modal tool that never ends (some add-ons run one all the time).
        """
        for job in self.jobs.poll() if self.jobs else ():
            self._heard(job)
        waiting, self.arrivals = self.arrivals, []
        written = [self._deliver(job, order, insist) for job, order in waiting]
        redraw()
        return any(written)

    def _heard(self, job: Job) -> None:
        if not job.ended:
            return
        order = self.orders.pop(job.id, None)
        if order is None:
            return  # its file was closed
        if job.state is State.DONE:
            self._answered(job, order)
        elif job.state is State.CANCELLED:
            self._close(job.id, "cancelled", sentences.cancelled(order.name))
        else:
            assert job.failure is not None
            self._close(job.id, "failed", sentences.text_of(job.failure))

    def _answered(self, job: Job, order: delivery.Order) -> None:
        """A result has come: takes, or what the order needed to know first."""
        assert job.result is not None and self.jobs is not None
        try:
            onward = delivery.onward(order, job.result)
            if onward is None:
                self.arrivals.append((job, order))
                return
            following = self.jobs.submit(onward.key, onward.request)
        except GenmoFailure as failure:
            self._close(job.id, "failed", sentences.text_of(failure))
            return
        except Exception:
            LOG.exception("GENMO Motion: an answer could not be used")
            self._close(job.id, "failed", sentences.text_of(sentences.not_written(order.name)))
            return
        self.orders[following.id] = onward
        self.began[following.id] = self.began.pop(job.id, job.id)

    def _deliver(self, job: Job, order: delivery.Order, insist: bool) -> bool:
        """Write a result, or let it wait. Returns whether it was written."""
        blocked = delivery.waits_for(order, insist)
        if blocked:
            self.arrivals.append((job, order))
            waits = Outcome("waiting", sentences.waiting_for(order.name, blocked))
            self.outcomes[self.began.get(job.id, job.id)] = waits
            if self.message != waits.sentence:
                self.say(waits.sentence)
            return False
        assert job.result is not None
        try:
            sentence = delivery.apply(order, job.result, self.model)
        except GenmoFailure as failure:
            self._close(job.id, "failed", sentences.text_of(failure))
            return False
        except Exception:
            LOG.exception("GENMO Motion: takes could not be written")
            self._close(job.id, "failed", sentences.text_of(sentences.not_written(order.name)))
            return False
        self._close(job.id, "applied", sentence)
        return True

    def _close(self, job_id: int, kind: str, sentence: str) -> None:
        self.outcomes[self.began.pop(job_id, job_id)] = Outcome(kind, sentence)
        self.say(sentence, alert=kind == "failed")

    def leave_file(self) -> None:
        """Another file is being opened: what was under way belongs to the old one."""
        names = [order.name for order in self.orders.values()] + [order.name for _, order in self.arrivals]
        self.orders.clear()
        self.arrivals.clear()
        self.began.clear()
        if self.jobs is not None:
            self.jobs.cancel_all()
        self.message, self.alert = "", False
        if names:
            self.message, self.alert = sentences.text_of(sentences.file_closed(names[0])), True

    def drop_lost_targets(self) -> None:
        """After undo or redo: a job whose character is gone ends at once."""
        for job_id, order in list(self.orders.items()):
            lost = delivery.lost(order)
            if lost is not None and self.jobs is not None:
                del self.orders[job_id]
                self.jobs.cancel(job_id)
                self._close(job_id, "failed", sentences.text_of(lost))


_session = Session()


def current() -> Session:
    """The one session."""
    return _session


def use_engine() -> None:
    """(Re)connect with the engine that preferences and environment name, else with the built-in model; jobs of the
    former one end."""
    stop_engine()
    chosen = preferences.read()
    command = chosen.engine_command.strip()
    python = bpy.path.abspath(chosen.engine_python) or os.environ.get("GENMO_ENGINE_PYTHON", "")
    _session.built_in = not command and not python
    folder = _user_folder()
    try:
        words = _split(command) if command else _local(python, folder)
    except GenmoFailure as failure:
        _session.missing = failure
        return
    environment = engine_command.engine_environment(os.environ)
    remedy = sentences.built_in_remedy() if _session.built_in else START_REMEDY
    _session.missing = None
    _session.jobs = Jobs(EngineProcess(words, folder / "engine.log", folder, environment, remedy=remedy))


def stop_engine() -> None:
    """End the engine; waits a second at most."""
    if _session.jobs is not None:
        _session.jobs.stop(timeout=1.0)
        _session.step()
        _session.jobs = None


def _split(command: str) -> tuple[str, ...]:
    """The words of the animator's own command."""
    try:
        return tuple(shlex.split(command, posix=os.name != "nt"))
    except ValueError as error:
        raise sentences.engine_command_unreadable(command) from error


def _local(python: str, folder: Path) -> tuple[str, ...]:
    """The command for the engine in a Python that has torch, or, without one, for the built-in model in Blender's."""
    package = Path(__file__).resolve().parents[1]
    if not python:
        if not Path(sys.executable or "").is_file():
            raise sentences.blender_python_missing()
        return engine_command.local_command(Path(sys.executable), package, folder, room=engine_command.BUILT_IN)
    if not Path(python).is_file():
        raise sentences.engine_python_missing(python)
    return engine_command.local_command(Path(python), package, folder)


def _user_folder() -> Path:
    return Path(bpy.utils.extension_path_user(preferences.EXTENSION, create=True))


# The timer


def start_timer() -> None:
    """Make sure that the timer runs."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=TICK_SECONDS, persistent=True)


def _tick() -> float | None:
    # An exception would unregister the timer without a word, and with it every job.
    try:
        with measure.span("tick") as timed:
            if _session.step():
                timed.what = "apply"
    except Exception:
        LOG.exception("GENMO Motion: a tick failed")
    return TICK_SECONDS if _session.due else None


def redraw() -> None:
    """Have the panels drawn again; at most once a tick."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "SEQUENCE_EDITOR"):
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def register() -> None:
    prompt_notes.tokeniser()
    use_engine()


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _session.leave_file()
    stop_engine()
    _session.outcomes.clear()
    prompt_notes.forget()
    _session.message, _session.alert = "", False
