"""The training loop: one process, diffusion on text and unconditional windows, resumable to the same curve.

Every draw of a step comes from generators seeded by (seed, step), so a resumed run sees the batches, timesteps and
noise that an unbroken one would have seen.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...protocol.failures import StorageFailure
from ..checkpoint import load_parameters
from ..diffusion.schedule import DiffusionSchedule
from ..network.conditions import ConditionInputs
from ..network.denoiser import TextContext
from ..network.genmo import GenmoNetwork
from ..representation.codec import Statistics
from .batches import Batch, collate
from .corpus import Corpus
from .objective import terms, total
from .presets import Preset
from .windows import WindowSampler

PAUSE_FOLDER = Path.home() / ".cache" / "genmo_blender" / "pause"
STATE_NAME = "training_state.pt"


@dataclass
class TrainingState:
    """What a run needs to go on: weights, their moving average, the optimiser, the number of steps done."""

    network: GenmoNetwork
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def new_state(preset: Preset, seed: int, init: Path | None = None) -> TrainingState:
    """Fresh weights drawn from ``seed``, or those of the checkpoint ``init`` (its EMA) with a fresh optimiser."""
    torch.manual_seed(seed)
    network = GenmoNetwork(preset.network)
    if init is not None:
        load_parameters(network, init)
    else:
        for name, parameter in network.named_parameters():
            if ".gate_" in name:
                nn.init.constant_(parameter, preset.gates)
    optimiser = torch.optim.AdamW(network.parameters(), lr=preset.learning_rate, weight_decay=0.01)
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return TrainingState(network, average, optimiser)


def save_state(state: TrainingState, folder: Path) -> None:
    """Write atomically: a run killed in the middle leaves the state before."""
    record = {
        "network": state.network.state_dict(),
        "average": state.average,
        "optimiser": state.optimiser.state_dict(),
        "step": state.step,
        "samples": state.samples,
        "seconds": state.seconds,
    }
    fresh = folder / (STATE_NAME + ".new")
    torch.save(record, fresh)
    os.replace(fresh, folder / STATE_NAME)


def load_state(state: TrainingState, folder: Path) -> TrainingState:
    """Fill ``state`` from the folder. Raises StorageFailure when there is nothing to go on from."""
    path = folder / STATE_NAME
    if not path.is_file():
        raise StorageFailure("no_state", f"There is no run to resume in {folder}.", "Leave --resume away to start one.")
    record = torch.load(path, map_location="cpu", weights_only=True)
    state.network.load_state_dict(record["network"])
    state.average = record["average"]
    state.optimiser.load_state_dict(record["optimiser"])
    state.step, state.samples, state.seconds = record["step"], record["samples"], record["seconds"]
    return state


def learning_rate(preset: Preset, step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to ``final_rate``."""
    warm = min(1.0, (step + 1) / preset.warm_up)
    progress = min(1.0, step / max(1, steps))
    fall = preset.final_rate + (1 - preset.final_rate) * 0.5 * (1 + math.cos(math.pi * progress))
    return preset.learning_rate * warm * fall


def wait_while_paused(folder: Path = PAUSE_FOLDER, interval: float = 1.0) -> float:
    """Hold while a test or bench process that is alive has a file in ``folder``; returns the seconds waited.

    On two cores a trainer falsifies every other figure (mini_model.md). A trainer that such a process started itself,
    as the tests do, goes on whoever else asks for quiet: it finds its starter in GENMO_PAUSED_BY, and that one waits.
    """
    began = time.monotonic()
    while not os.environ.get("GENMO_PAUSED_BY") and any(_alive(path.name) for path in _files(folder)):
        time.sleep(interval)
    return time.monotonic() - began


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


class Trainer:
    """Ties corpus, sampler and preset together; ``step`` is one optimiser step."""

    def __init__(
        self, corpus: Corpus, features: Tensor, statistics: Statistics, preset: Preset, state: TrainingState, seed: int
    ) -> None:
        self.corpus, self.features, self.statistics = corpus, features, statistics
        self.preset, self.state, self.seed = preset, state, seed
        self.sampler = WindowSampler(corpus)
        self.schedule = DiffusionSchedule.cosine()

    def batch(self, step: int) -> Batch:
        """The batch of a step; the same whenever it is asked for."""
        rng = np.random.default_rng((self.seed, step))
        windows = [self.sampler.draw(rng) for _ in range(self.preset.batch // 2)]
        return collate(self.corpus, windows, self.features, self.statistics, rng)

    def losses(self, batch: Batch, t: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One diffusion pass (spec 7.1): noise the clean code, predict it, measure."""
        network = self.state.network
        x_t = self.schedule.q_sample(batch.x0, t, noise)
        frames = batch.x0.shape[1]
        f_cond = network.conditions.f_cond(ConditionInputs(), len(t), frames)
        text = TextContext(batch.text.features, batch.text.weights)
        prepared = network.denoiser.prepare(f_cond.expand(len(t), frames, -1), text, batch.length)
        return terms(network.denoiser(x_t, t, prepared), batch, self.statistics)

    def step(self, steps: int) -> dict[str, float]:
        """One optimiser step towards ``steps`` in all; returns the terms."""
        state, preset = self.state, self.preset
        batch = self.batch(state.step)
        torch.manual_seed((self.seed * 1_000_003 + state.step) % (2**63))
        t = torch.randint(0, 1000, (len(batch.length),))
        noise = torch.randn_like(batch.x0)
        state.network.train()
        parts = self.losses(batch, t, noise)
        loss = total(parts, preset.weights)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(state.network.parameters(), preset.clip)
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(preset, state.step, steps)
        if torch.isfinite(norm):
            state.optimiser.step()
        self._follow()
        state.step += 1
        state.samples += len(batch.length)
        return {"loss": loss.item(), "grad_norm": float(norm), **{k: v.item() for k, v in parts.items()}}

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.preset.ema, (1 + self.state.step) / (10 + self.state.step))
        current = self.state.network.state_dict()
        names = [k for k, v in current.items() if v.is_floating_point()]
        torch._foreach_lerp_([self.state.average[k] for k in names], [current[k] for k in names], 1 - decay)

    @torch.no_grad()
    def validate(self, batches: int = 4) -> dict[str, float]:
        """Terms on fixed windows of another corpus's trainer (held-out performers), at fixed noise levels."""
        network = self.state.network
        kept = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(self.state.average)
        network.eval()
        generator = torch.Generator().manual_seed(7)
        sums: dict[str, float] = {}
        for k in range(batches):
            batch = self.batch(k)
            t = torch.linspace(20, 980, len(batch.length)).long()
            noise = torch.randn(batch.x0.shape, generator=generator)
            for name, value in self.losses(batch, t, noise).items():
                sums[name] = sums.get(name, 0.0) + value.item() / batches
        network.load_state_dict(kept)
        return sums


def run(
    trainer: Trainer,
    steps: int,
    folder: Path,
    save: Callable[[TrainingState], None],
    validation: Trainer | None = None,
    every_seconds: float = 300.0,
    report_every: int = 50,
) -> None:
    """Train until ``steps`` are done: a line in ``folder/log.jsonl`` every ``report_every`` steps, state and ``save``
    (the EMA as a checkpoint) every ``every_seconds`` and at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    last_save = time.monotonic()
    sums: dict[str, float] = {}
    counted = 0
    state = trainer.state
    while state.step < steps:
        wait_while_paused()
        began = time.monotonic()
        parts = trainer.step(steps)
        state.seconds += time.monotonic() - began
        sums = {k: sums.get(k, 0.0) + v for k, v in parts.items()}
        counted += 1
        if state.step % report_every == 0 or state.step == steps:
            _log(folder, state, {k: v / counted for k, v in sums.items()})
            sums, counted = {}, 0
        if time.monotonic() - last_save > every_seconds or state.step == steps:
            if validation is not None:
                _log(folder, state, {f"val_{k}": v for k, v in validation.validate().items()})
            save_state(state, folder)
            save(state)
            last_save = time.monotonic()


def _log(folder: Path, state: TrainingState, figures: dict[str, float]) -> None:
    line = {"step": state.step, "samples": state.samples, "seconds": round(state.seconds, 1)}
    line |= {k: round(v, 6) for k, v in figures.items()}
    with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
