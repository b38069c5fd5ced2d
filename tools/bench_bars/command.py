"""`build.py bench --bars`: runs the parts, prints the table, writes the report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from ..packaging import package
from ..shell import ROOT, Stop, is_root, log_of, say
from . import built_in, parts
from .bars import Measured, judge_all, table
from .parts import Bench, Samples, workplace

PARTS = {**parts.PARTS, **built_in.PARTS}
BUNDLED = ROOT / "assets" / "genmo_mini.safetensors"


def measure_bars(arguments: Sequence[str]) -> int:
    """Measures; 0 when every part ran, whether its bars are met or not. Raises Stop when nothing can be measured."""
    options = read_arguments(arguments)
    chosen = dict(PARTS) if not options.parts and not options.window_only else {n: PARTS[n] for n in options.parts}
    if options.window:
        from .window_part import window

        chosen["window"] = window
    log_of("bars").parent.mkdir(parents=True, exist_ok=True)
    log_of("bars").unlink(missing_ok=True)
    samples: Samples = {}
    failed: dict[str, str] = {}
    loads: dict[str, list[float]] = {}
    with workplace() as work:
        bench = Bench(package(), options.model, work)
        for name, part in chosen.items():
            before = os.getloadavg()[0]
            try:
                samples.update(part(bench))
            except Stop as stop:
                failed[name] = str(stop)
                say(f"{name}: {stop}")
            loads[name] = [round(before, 2), round(os.getloadavg()[0], 2)]
    measured = judge_all(samples)
    record = report(measured, failed, loads, bench)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    say(table(measured))
    missed = sum(not one.met for one in measured)
    say(f"{len(measured) - missed} of {len(measured)} bars met; everything is in {options.out}.")
    for name, why in failed.items():
        say(f"not measured: {name}: {why.splitlines()[0]}")
    return 1 if failed else 0


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. Raises Stop with the sentence of what cannot be measured here."""
    parser = argparse.ArgumentParser(prog="build.py bench --bars")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--window", action="store_true", help="the real window of Blender 5.2 too (as root)")
    parser.add_argument("--window-only", action="store_true", help="the real window and no other part but those named")
    parser.add_argument("--model", type=Path, help="a checkpoint in place of the bundled one")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bars.json", metavar="FILE")
    options = parser.parse_args(arguments)
    for part in options.parts:
        if part not in PARTS:
            raise Stop(f"There is no part {part!r} of the bars: choose from {', '.join(PARTS)}.")
    if not Path("/proc/self/status").is_file():
        raise Stop("The bars are measured on Linux: processes and memory are watched through /proc.")
    options.window |= options.window_only
    if options.window and not is_root():
        raise Stop("The real window needs root, to make a system for Blender 5.2: run it with sudo, or leave --window.")
    if options.model is None and not BUNDLED.is_file():
        raise Stop(f"{BUNDLED.relative_to(ROOT)} is not there: train it, or name a checkpoint with --model.")
    if options.model is not None and not options.model.is_file():
        raise Stop(f"{options.model} is not there: name an existing checkpoint with --model.")
    options.model = str(options.model.resolve()) if options.model else ""
    return options


def report(measured: list[Measured], failed: dict[str, str], loads: dict[str, list[float]], bench: Bench) -> dict:
    """The JSON report: where and when, every bar, what failed, and what else was told."""
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": {"system": platform.platform(), "processor": processor(), "cores": os.cpu_count()},
        "model": Path(bench.model).name if bench.model else BUNDLED.name,
        "load_before_and_after": loads,
        "bars": [one.to_dict() for one in measured],
        "not_measured": failed,
        "details": bench.details,
    }


def processor() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
