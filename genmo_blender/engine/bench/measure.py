"""Measuring one size: time of ours and of the plain loop in turns, memory of each in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from ...model.config import NetworkConfig
from ..diffusion.sampler import Guidance, GuidedNetwork, TakeNoise, ddim_steps
from ..diffusion.schedule import DiffusionSchedule
from ..network.denoiser import Denoiser
from ..precision import half_products, halve_products
from .jobs import FPS, random_denoiser, step_operations, text_job
from .plain import PlainLoop

SCALE = 2.5
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plan:
    """One row of the table: `steps` are run of a chain of `chain_steps`; seconds of motion; with or without words."""

    config: NetworkConfig
    seconds: float
    steps: int
    chain_steps: int
    words: bool = True


@dataclass(frozen=True)
class Timing:
    """Seconds of one run: what is done once a job, and the steps that were run."""

    once: float
    steps: float

    def job(self, plan: Plan) -> float:
        """Seconds of the whole job, all steps of its chain."""
        return self.once + self.steps * plan.chain_steps / plan.steps


Run = Callable[[], tuple[Timing, Tensor]]


def ours(plan: Plan, denoiser: Denoiser, half: bool = False) -> Run:
    """A run of the sampler; gives its timing and the last clean motion it predicted."""
    inputs, noise = text_job(plan.config, plan.seconds, plan.words), _noise(plan)
    chain = DiffusionSchedule.cosine().respaced(str(plan.chain_steps))

    def run() -> tuple[Timing, Tensor]:
        with torch.inference_mode(), half_products(CPU, half):
            began = time.perf_counter()
            walk = ddim_steps(GuidedNetwork(denoiser, inputs, Guidance.everything(SCALE)), chain, noise)
            ready = time.perf_counter()
            for _ in range(plan.steps):
                _state, output = next(walk)
            return Timing(ready - began, time.perf_counter() - ready), output.pred_x

    return run


def plain(plan: Plan, denoiser: Denoiser) -> Run:
    """A run of the plain loop."""
    inputs, noise = text_job(plan.config, plan.seconds, plan.words), _noise(plan)

    def run() -> tuple[Timing, Tensor]:
        with torch.inference_mode():
            began = time.perf_counter()
            loop = PlainLoop(denoiser, inputs)
            ready = time.perf_counter()
            motion = loop.sample(noise, plan.steps, plan.chain_steps, SCALE)
            return Timing(ready - began, time.perf_counter() - ready), motion

    return run


def _noise(plan: Plan) -> Tensor:
    return TakeNoise([3], round(plan.seconds * FPS)).draw()


def time_row(plan: Plan, rounds: int, half: bool) -> dict[str, float]:
    """Ours and plain in turns, `rounds` times; `half` measures ours in bf16 too.

    What is done once a job is timed apart, so that two steps stand for a whole job. Each time is the best; how many
    times faster is the median over the rounds, each turn against its neighbour, in alternating order: a machine whose
    pace changes from minute to minute lends its luck to neither.
    """
    denoiser = random_denoiser(plan.config)
    runs: dict[str, Run] = {"ours": ours(plan, denoiser), "plain": plain(plan, denoiser)}
    if half:
        halved = random_denoiser(plan.config)
        halve_products(halved)
        runs["ours_bf16"] = ours(plan, halved, half=True)
    timings: dict[str, list[Timing]] = {name: [] for name in runs}
    results: dict[str, Tensor] = {}
    for turn in range(rounds):
        for name in list(runs)[:: 1 if turn % 2 == 0 else -1]:
            timing, results[name] = runs[name]()
            timings[name].append(timing)
    once = {name: min(timing.once for timing in taken) for name, taken in timings.items()}
    steps = {name: min(timing.steps for timing in taken) for name, taken in timings.items()}
    job = {name: Timing(once[name], steps[name]).job(plan) for name in runs}
    row = {f"{name}_steps_per_second": plan.steps / steps[name] for name in runs}
    row |= {f"{name}_once_a_job_seconds": once[name] for name in runs}
    row |= {f"{name}_seconds_per_generated_second": job[name] / plan.seconds for name in runs}
    operations = step_operations(plan.config, plan.seconds, branches=2 if plan.words else 1) * plan.steps
    for name in runs:
        if name != "plain":
            row[f"{name}_speedup"] = median(
                theirs.job(plan) / own.job(plan) for theirs, own in zip(timings["plain"], timings[name], strict=True)
            )
            row[f"{name}_gflops"] = operations / steps[name] / 1e9
            row[f"{name}_largest_difference"] = float((results[name] - results["plain"]).abs().max())
    return row


def memory_row(plan: Plan) -> dict[str, float]:
    """Peak memory of two steps above the loaded idle process, MB, of ours and of the plain loop."""
    context = multiprocessing.get_context("spawn")
    row: dict[str, float] = {}
    for name in ("ours", "plain"):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            peak = pool.submit(_peak_of, name, plan, torch.get_num_threads()).result()
        row |= {f"{name}_peak_mb": peak, f"{name}_peak_mb_per_second": peak / plan.seconds}
    return row


def _peak_of(name: str, plan: Plan, threads: int) -> float:
    torch.set_num_threads(threads)
    denoiser = random_denoiser(plan.config)
    maker = {"ours": ours, "plain": plain}[name]
    short = Plan(plan.config, 1.0, 1, plan.chain_steps, plan.words)
    maker(short, denoiser)()  # what torch allocates once is part of the idle process
    idle = _memory("VmRSS")
    _forget_peak()
    maker(Plan(plan.config, plan.seconds, 2, plan.chain_steps, plan.words), denoiser)()
    return max(0.0, _memory("VmHWM") - idle)


def _memory(field: str) -> float:
    """MB of this process; where the system does not say more, its peak since it began."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith(field + ":"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _forget_peak() -> None:
    reset = Path("/proc/self/clear_refs")
    if reset.is_file():
        reset.write_text("5")


def product_speed(dtype: torch.dtype, rounds: int = 5, size: int = 2048) -> float:
    """GFLOP/s of a large matrix product on this machine, best of `rounds`."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(rounds + 1):
            began = time.perf_counter()
            a @ b
            best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best / 1e9
