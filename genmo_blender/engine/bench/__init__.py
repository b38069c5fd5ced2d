"""`engine bench`: speed and memory of the sampler against an honest plain loop, as JSON.

For each length and both sizes: steps a second, seconds for each generated second, peak memory above the loaded idle
process, and the share of the machine's own matrix-product speed that the steps reach.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..options import above_zero, whole

LENGTHS = (4.0, 20.0, 60.0, 300.0)
# full size, exact: how many times faster than the plain loop, by seconds; without words; in bf16
SPEED_BARS = {10.0: 1.2, 60.0: 1.4}
WORDLESS_BAR = 1.9
HALF_BARS = {10.0: 2.0, 60.0: 3.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `engine bench`."""
    parser.add_argument("--seconds", type=above_zero, nargs="+", default=LENGTHS, help="lengths of motion to measure")
    parser.add_argument("--sizes", nargs="+", choices=("mini", "full"), default=("mini", "full"))
    parser.add_argument("--rounds", type=whole(1), default=3, help="runs of each, in turns")
    parser.add_argument("--threads", type=whole(1), help="processor threads (default: as torch chooses)")
    parser.add_argument("--no-bars", action="store_true", help="leave the bars of the full size away")
    parser.add_argument("--out", type=Path, help="write the JSON here as well as to standard output")


def bench(options: argparse.Namespace) -> int:
    """Measure, print and write. 0 also when a bar is missed: the figures are the result."""
    import torch

    from ..precision import has_native_bf16
    from .measure import CPU, product_speed

    if options.threads:
        torch.set_num_threads(options.threads)
    half = has_native_bf16(CPU)
    products = {"fp32": product_speed(torch.float32)}
    if half:
        products["bf16"] = product_speed(torch.bfloat16)
    report: dict[str, Any] = {
        "machine": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "native_bf16": half,
            "load_before": os.getloadavg()[0],
        },
        "matrix_product_gflops": products,
        "rows": [],
    }
    for size in options.sizes:
        for seconds in options.seconds:
            report["rows"].append(_row(size, seconds, options.rounds, half, products))
    if "full" in options.sizes and not options.no_bars:
        report["bars"] = _bars(options.rounds, half)
    report["machine"]["load_after"] = os.getloadavg()[0]
    text = json.dumps(report, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def _plan(size: str, seconds: float, words: bool = True) -> Any:
    from ...model.config import NetworkConfig
    from ...protocol.requests import STEPS
    from .measure import Plan

    if size == "mini":
        return Plan(NetworkConfig.mini(), seconds, steps=STEPS, chain_steps=STEPS, words=words)
    return Plan(NetworkConfig.official(), seconds, steps=2, chain_steps=50, words=words)


def _row(size: str, seconds: float, rounds: int, half: bool, products: dict[str, float]) -> dict[str, Any]:
    from .measure import memory_row, time_row

    plan = _plan(size, seconds)
    print(f"measuring {size} at {seconds:g} s", file=sys.stderr, flush=True)
    row = time_row(plan, rounds, half) | memory_row(plan)
    shares = {"ours_share_of_product_speed": row["ours_gflops"] / products["fp32"]}
    if half:
        shares["ours_bf16_share_of_product_speed"] = row["ours_bf16_gflops"] / products["bf16"]
    record = {k: v for k, v in asdict(plan).items() if k != "config"}
    return {"size": size, **record, **{k: float(f"{v:.4g}") for k, v in (row | shares).items()}}


def _bars(rounds: int, half: bool) -> list[dict[str, Any]]:
    from .measure import time_row

    bars = []
    for seconds, wanted in SPEED_BARS.items():
        print(f"measuring the bars at {seconds:g} s", file=sys.stderr, flush=True)
        row = time_row(_plan("full", seconds), rounds, half)
        bars.append(_bar(f"full size, exact, {seconds:g} s", row["ours_speedup"], wanted))
        if half:
            bars.append(_bar(f"full size, bf16, {seconds:g} s", row["ours_bf16_speedup"], HALF_BARS[seconds]))
    row = time_row(_plan("full", 10.0, words=False), rounds, half=False)
    return [*bars, _bar("full size, exact, nothing to guide, 10 s", row["ours_speedup"], WORDLESS_BAR)]


def _bar(name: str, measured: float, wanted: float) -> dict[str, Any]:
    return {"bar": name, "speedup": round(measured, 3), "wanted": wanted, "met": measured >= wanted}
