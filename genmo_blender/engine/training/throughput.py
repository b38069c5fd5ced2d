"""How many windows a second a preset trains on this machine, and what holds it up.

``python -m genmo_blender.engine.training.throughput --data FILE --preset mini_256 --batch 512 1024``, one JSON line a
batch. The sentences' features are random, since their values do not matter for speed; so is what the weights are. The
preset ``official`` is measured with both passes and all losses on a body of SMPL-X's size made of random numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...protocol.failures import GenmoFailure
from ..bench.jobs import step_operations
from ..precision import has_native_bf16
from .corpus import Corpus, build, statistics_of
from .distributed import DEVICES, chosen_device
from .loop import Trainer
from .official.stand_in import stand_in_body
from .official.trainer import OfficialTrainer
from .pack import read_pack
from .presets import Preset, presets
from .state import new_state
from .windows import WINDOW

FORWARD_AND_BACKWARD = 3  # in forward passes


@dataclass(frozen=True)
class Setting:
    """What is measured, for at least ``seconds``; 0: sizes alone."""

    preset: str
    batch: int
    device: torch.device
    half: bool
    seconds: float

    def resolved(self) -> Preset:
        """The preset at this batch."""
        return replace(presets()[self.preset], batch=self.batch)


def measure(corpus: Corpus, features: Tensor, setting: Setting) -> dict[str, Any]:
    """What a step needs and, unless ``setting.seconds`` is 0, how fast it is; windows count mirrored twins."""
    chosen, device = setting.resolved(), setting.device
    state = new_state(chosen, 0, device=device)
    given = (corpus, features, statistics_of(corpus), chosen, state, 0)
    if chosen.official:
        trainer: Trainer = OfficialTrainer(stand_in_body(), *given, half=setting.half)
    else:
        trainer = Trainer(*given, half=setting.half)
    row: dict[str, Any] = {
        "preset": setting.preset,
        "batch": setting.batch,
        "device": device.type,
        "precision": "bf16" if setting.half else "fp32",
        "parameters": sum(p.numel() for p in state.network.parameters()),
        "tflop_a_step": float(f"{_operations(chosen):.3g}"),
        "saved_mb_a_window": round(_saved(trainer) / setting.batch / 1e6, 2),
    }
    return row | (_speed(trainer, setting.seconds) if setting.seconds else {})


def _operations(chosen: Preset) -> float:
    """TFLOP of the network in one step, backward included, counted from the sizes: one pass, or both of the release."""
    passes = 2 if chosen.official else 1
    each = step_operations(chosen.network, WINDOW / 30, branches=1) / 1e12
    return FORWARD_AND_BACKWARD * passes * chosen.batch * each


def _saved(trainer: Trainer) -> int:
    """Bytes that a step keeps at once for its gradient, weights left out."""
    weights = {p.untyped_storage().data_ptr() for p in trainer.state.network.parameters()}
    kept: dict[int, int] = {}
    held = []  # so that no address is used twice

    def keep(value: Tensor) -> Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        held.append(value)
        return value

    everything = slice(0, trainer.windows)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        trainer.one_pass(0, everything)
    return sum(size for address, size in kept.items() if address not in weights)


def _speed(trainer: Trainer, seconds: float) -> dict[str, Any]:
    """Windows a second, milliseconds a step; on a CUDA device peak memory and where a step waits."""
    device, batch = trainer.device, trainer.preset.batch
    waits = _waits(trainer)
    _finish(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or not steps:
        trainer.step(0.0)
        steps += 1
    _finish(device)
    each = (time.perf_counter() - began) / steps
    began = time.perf_counter()
    trainer.batch(0, slice(0, trainer.windows))
    _finish(device)
    row: dict[str, Any] = {
        "windows_per_second": round(batch / each, 1),
        "ms_per_step": round(1000 * each, 1),
        "ms_to_draw_a_batch": round(1000 * (time.perf_counter() - began), 1),
        "tflops": float(f"{_operations(trainer.preset) / each:.3g}"),
    }
    if device.type == "cuda":
        row |= {"peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2), "waits_a_step": waits}
    return row


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _waits(trainer: Trainer) -> dict[str, int]:
    """Where a step waits for a CUDA device, by file and line; empty on others."""
    trainer.step(0.0)
    if trainer.device.type != "cuda":
        return {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            trainer.step(0.0)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return dict(Counter(f"{Path(w.filename).name}:{w.lineno}" for w in caught).most_common(30))


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="throughput", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a packed file")
    parser.add_argument("--preset", default="mini", choices=presets())
    parser.add_argument("--batch", type=int, nargs="+", default=[32])
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each batch; 0: sizes alone")
    options = parser.parse_args(arguments)
    try:
        device = chosen_device(options.device)
        corpus = build(list(read_pack(options.data).train))
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    half = options.precision == "bf16" or (
        options.precision == "auto" and device.type == "cuda" and has_native_bf16(device)
    )
    network = presets()[options.preset].network
    features = torch.randn(len(corpus.sentences), network.text_tokens, network.text_dim, dtype=torch.float16)
    for batch in options.batch:
        try:
            row = measure(corpus, features, Setting(options.preset, batch, device, half, options.seconds))
        except torch.OutOfMemoryError:
            row = {"preset": options.preset, "batch": batch, "problem": "out of memory"}
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
