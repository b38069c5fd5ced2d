"""How long a fresh process loads the bundled model, as the engine or as the built-in one: `load.py OUT ROOM`.

Libraries are imported before, and told apart: an animator waits for them once a start, and they are not the model's.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import time
from pathlib import Path

from genmo_blender.lite.__main__ import ONE_THREAD, THREADS

THREADING = {"engine": {"OMP_WAIT_POLICY": "PASSIVE"}, "lite": dict.fromkeys(THREADS, ONE_THREAD)}
"""What the two command lines set before they import a library."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("room", choices=("engine", "lite"))
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    os.environ.update(THREADING[options.room])
    times = [time.perf_counter()]
    room = importlib.import_module(f"genmo_blender.{options.room}.pipeline")
    times.append(time.perf_counter())
    pipeline = room.Pipeline.load(options.model)
    times.append(time.perf_counter())
    room.load_minilm(pipeline.text_encoder_folder)
    times.append(time.perf_counter())
    spent = (after - before for before, after in zip(times, times[1:], strict=False))
    record = dict(zip(("libraries", "model", "encoder"), spent, strict=True))
    options.out.write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main()
