"""The part that needs a real window: three runs of window_scene.py in Blender 5.2, and what their lines say."""

from __future__ import annotations

import json
from pathlib import Path

from ..environments import ENGINE, ready
from ..shell import Stop, say
from ..window import drive, ready_root
from .parts import RUNS, Bench, Samples

SCENE = Path(__file__).with_name("window_scene.py")
SCREEN = "640x480x24"
"""Small, because Mesa draws it on the processor: at 1280x800 two cores redraw a Blender that does nothing else, and has
no job, only 16 times a second."""


def window(bench: Bench) -> Samples:
    """Ticks, draws, redraws, Cancel and closing by simulated input. Raises Stop when a run failed."""
    root, python = ready_root(), ready(ENGINE)
    samples: Samples = {}
    told = []
    for run in range(RUNS):
        out = bench.work / f"window-{run}"
        say(f"Driving a window of Blender 5.2, run {run + 1} of {RUNS}")
        try:
            status = drive(root, bench.archive, python, SCENE, out, [bench.model], 900.0, SCREEN)
        except TimeoutError as error:
            raise Stop(str(error)) from error
        found = out / "window.json"
        record = json.loads(found.read_text(encoding="utf-8")) if found.is_file() else {"error": log_tail(out)}
        if status != 0 or record["error"]:
            raise Stop(f"The window's run failed (exit status {status}): {record['error']}")
        told.append(record)
        lines = (out / "measure.jsonl").read_text(encoding="utf-8").splitlines()
        for key, values in run_samples(record, [json.loads(line) for line in lines]).items():
            samples.setdefault(key, []).extend(values)
    bench.details["window"] = told
    return samples


def log_tail(out: Path) -> str:
    """What Blender said last."""
    return "\n".join((out / "blender.log").read_text(errors="replace").splitlines()[-12:])


def run_samples(record: dict, lines: list[dict]) -> Samples:
    """Samples of one run: its own record, and the lines of genmo_blender/addon/measure.py."""
    return {
        "window, tick": [line["ms"] for line in lines if line["what"] == "tick"],
        "window, apply": [line["ms"] / 1e3 for line in lines if line["what"] == "apply"],
        "window, draw": [line["ms"] for line in lines if line["what"] == "draw"],
        "window, redraws": [one["draws"] / one["seconds"] for one in record["redraws"]],
        "window, cancel felt": record["cancel"],
        "window, closing": record["closing"],
        "window, kill -9": record["killed"],
    }
