"""Real engine processes (scripted) for the add-on's logic, without Blender."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from genmo_blender.addon.engine_command import engine_environment
from genmo_blender.addon.engine_process import EngineProcess
from genmo_blender.addon.jobs import Job, Jobs
from genmo_blender.protocol.requests import GenerateRequest, TextSpan

SCRIPTED = Path(__file__).resolve().parents[1] / "scripted_engine.py"
PATIENCE = 60.0
"""Far more than anything here takes; only a hang reaches it."""


class Clock:
    """Monotonic seconds that a test can move forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Bench:
    """Makes engines in one folder and drives jobs to their ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log" / "engine.log"
        self.pid_file = folder / "pid"
        self.clock = Clock()
        self.engines: list[EngineProcess] = []

    def engine(self, *switches: str, command: list[str] | None = None) -> EngineProcess:
        scripted = [sys.executable, str(SCRIPTED), "--pid-file", str(self.pid_file), *switches]
        engine = EngineProcess(
            command or scripted, self.log, self.folder, engine_environment(os.environ), clock=self.clock
        )
        self.engines.append(engine)
        return engine

    def jobs(self, *switches: str, command: list[str] | None = None) -> Jobs:
        return Jobs(self.engine(*switches, command=command), clock=self.clock)

    def pid(self) -> int:
        wait_until(lambda: self.pid_file.exists() and self.pid_file.read_text().endswith("\n"))
        return int(self.pid_file.read_text())

    def drive(self, jobs: Jobs, until: Callable[[list[Job]], bool] | None = None) -> list[Job]:
        """Poll until ``until`` (all seen) or until nothing is open; everything `Jobs.poll` told, in order."""
        seen: list[Job] = []

        def done() -> bool:
            seen.extend(jobs.poll())
            return until(seen) if until else not jobs.open()

        wait_until(done)
        return seen

    def pass_time(self, jobs: Jobs, seconds: float) -> list[Job]:
        """Let ``seconds`` go by on the clock, polled as a timer would; what changed."""
        seen: list[Job] = []
        for _ in range(round(seconds / 0.5)):
            self.clock.ahead += 0.5
            seen.extend(jobs.poll())
        return seen


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie; one whose first thread has gone before the others still exists."""
    try:
        first_gone = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        return not first_gone or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):  # it went before, or while, its file was read
        return False


def a_request(seed: int = 1, duration: float = 2.0, **fields: object) -> GenerateRequest:
    return GenerateRequest(duration, (TextSpan("walk", 0.0, duration),), seed=seed, **fields)  # type: ignore[arg-type]
