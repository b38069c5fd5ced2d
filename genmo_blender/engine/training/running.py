"""A training run: how long it lasts, when it pauses, what it logs and keeps."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .loop import Trainer
from .practice import WithPractice
from .state import TrainingState, save_state

PAUSE_FOLDER = Path.home() / ".cache" / "genmo_blender" / "pause"
LOG_NAME = "log.jsonl"


@dataclass(frozen=True)
class Budget:
    """When a run ends: after ``steps`` in all, or after ``seconds`` of its own, whichever is given."""

    steps: int = 0
    seconds: float = 0.0

    def progress(self, state: TrainingState) -> float:
        """How much of it is done, from 0; at 1 the run is over."""
        by_steps = state.step / self.steps if self.steps else 0.0
        return max(by_steps, state.spent / self.seconds if self.seconds else 0.0)


def wait_while_paused(folder: Path = PAUSE_FOLDER, interval: float = 1.0) -> None:
    """Hold while a test or bench process that is alive has a file in ``folder``.

    On two cores a trainer falsifies every other figure (mini_model.md). A trainer that such a process started itself,
    as the tests do, goes on whoever else asks for quiet: it finds its starter in GENMO_PAUSED_BY, and that one waits.
    """
    while not os.environ.get("GENMO_PAUSED_BY") and any(_alive(path.name) for path in _files(folder)):
        time.sleep(interval)


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _alive(name: str) -> bool:
    try:
        os.kill(int(name), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def run(
    trainer: Trainer | WithPractice,
    budget: Budget,
    folder: Path,
    save: Callable[[TrainingState], None],
    validation: Trainer | None = None,
    every_seconds: float = 300.0,
    report_every: int = 50,
) -> None:
    """Train until the budget is spent: a line in ``folder/log.jsonl`` every ``report_every`` steps, state and ``save``
    (the EMA as a checkpoint) every ``every_seconds`` and at the end."""
    state, world = trainer.state, trainer.world
    if world.chief:
        folder.mkdir(parents=True, exist_ok=True)
        _cut_log(folder, state.step)

    def keep() -> None:
        if validation is not None:
            _log(folder, state, {f"val_{k}": v for k, v in validation.validate().items()})
        save_state(state, folder)
        save(state)

    kept_at, last_save = state.step, time.monotonic()
    while (progress := world.agree(budget.progress(state))) < 1.0:
        if world.chief:
            wait_while_paused()
        began = time.monotonic()
        _count(state, trainer.step(progress))
        state.seconds += time.monotonic() - began
        if state.step % report_every == 0:
            _report(folder, state, world.chief)
        if world.chief and time.monotonic() - last_save > every_seconds:
            keep()
            kept_at, last_save = state.step, time.monotonic()
        state.spent += time.monotonic() - began
    if state.counted:
        _report(folder, state, world.chief)
    if world.chief and state.step > kept_at:
        keep()


def _count(state: TrainingState, parts: dict[str, Tensor]) -> None:
    state.sums = {k: state.sums[k] + v if k in state.sums else v for k, v in parts.items()}
    state.counted += 1


def _report(folder: Path, state: TrainingState, chief: bool) -> None:
    """The means since the last line; the one place where the loop waits for the device."""
    if chief:
        values = (torch.stack(list(state.sums.values())) / state.counted).tolist()
        _log(folder, state, dict(zip(state.sums, values, strict=True)))
    state.sums, state.counted = {}, 0


def _log(folder: Path, state: TrainingState, figures: dict[str, float]) -> None:
    line = {"step": state.step, "samples": state.samples, "seconds": round(state.seconds, 1)}
    line |= {k: round(v, 6) for k, v in figures.items()}
    with open(folder / LOG_NAME, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _cut_log(folder: Path, step: int) -> None:
    """Leave away what a killed run wrote after the state it is resumed from: those steps come again."""
    path = folder / LOG_NAME
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            past = json.loads(line)["step"] > step
        except (ValueError, KeyError):  # cut off in the middle
            past = True
        kept += [] if past else [line + "\n"]
    fresh = path.with_name(LOG_NAME + ".new")
    fresh.write_text("".join(kept), encoding="utf-8")
    os.replace(fresh, path)
