"""Long motion in one pass, with a real engine process and no Blender: memory, time, and calm at the borders of texts.

Each length is measured as the first job of an engine of its own, whose model is loaded and whose prompts are cached.
Memory is the peak during the job above what that engine held idle; Linux alone tells it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from genmo_blender.addon.engine_command import engine_environment, local_command
from genmo_blender.addon.engine_process import EngineProcess
from genmo_blender.addon.jobs import Jobs
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.skeleton import canonical
from genmo_blender.protocol.motions import MotionResult
from genmo_blender.protocol.requests import CROSSFADE, MODEL_FPS, GenerateRequest, TextSpan, with_crossfades

from ..shell import ROOT
from .borders import border_ratio
from .shots import ROW, SEED

SECONDS_A_PROMPT = 5.0
SHORT, LONG = 20, 300


def request(seconds: float, each: float) -> GenerateRequest:
    """Prompts of ``each`` seconds, one after another over ``seconds``."""
    count = round(seconds / each)
    spans = [TextSpan(ROW[i % len(ROW)], i * each, (i + 1) * each) for i in range(count)]
    return GenerateRequest(seconds, with_crossfades(spans, CROSSFADE), seed=SEED)


def carried_out(jobs: Jobs, wanted: GenerateRequest) -> tuple[MotionResult, float]:
    """The result and the seconds until it came. Raises RuntimeError when the job failed."""
    began = time.perf_counter()
    job = jobs.submit("bench", wanted)
    while True:
        for changed in jobs.poll():
            if changed.id == job.id and changed.ended:
                if changed.result is None:
                    raise RuntimeError(str(changed.failure))
                return changed.result, time.perf_counter() - began
        time.sleep(0.02)


def memory(pid: int, field: str) -> float:
    """MB of a process: VmRSS now, VmHWM at its peak since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def forget_peak(pid: int) -> None:
    """Let VmHWM start anew from what the process holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def loaded_engine(folder: Path, options: tuple[str, ...]) -> Iterator[Jobs]:
    """An engine that has loaded its model and waits. Raises RuntimeError when it cannot."""
    command = local_command(Path(sys.executable), ROOT / "genmo_blender", folder, options)
    jobs = Jobs(EngineProcess(command, folder / "engine.log", folder, engine_environment(os.environ)))
    try:
        jobs.engine.start()
        while jobs.engine.status != "ready":
            jobs.poll()
            if jobs.engine.trouble is not None:
                raise RuntimeError(str(jobs.engine.trouble))
            time.sleep(0.02)
        yield jobs
    finally:
        jobs.stop()


def measured(folder: Path, options: tuple[str, ...], seconds: float) -> tuple[dict[str, float], MotionResult]:
    """One job: seconds, MB idle, MB at the peak above them; and its result."""
    with loaded_engine(folder, options) as jobs:
        pid = engine_pid(folder)
        idle = memory(pid, "VmRSS")
        forget_peak(pid)
        result, spent = carried_out(jobs, request(seconds, SECONDS_A_PROMPT))
        peak = memory(pid, "VmHWM")
    return {"seconds": spent, "idle_mb": idle, "above_mb": peak - idle}, result


def engine_pid(folder: Path) -> int:
    """The engine that works in ``folder``. Raises LookupError when there is none."""
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.resolve(strict=True) == folder.resolve():
                return int(path.parent.name)
        except OSError:
            continue
    raise LookupError("the engine is not running")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    options = ("--model", arguments.model) if arguments.model else ()
    with tempfile.TemporaryDirectory() as folder, loaded_engine(Path(folder), options) as jobs:
        carried_out(jobs, replace(request(0.5 * len(ROW), 0.5), steps=1))  # the prompts are cached now
    runs: dict[str, list[dict[str, float]]] = {str(SHORT): [], str(LONG): []}
    for _ in range(arguments.runs):
        for seconds in (SHORT, LONG):
            with tempfile.TemporaryDirectory() as folder:
                told, result = measured(Path(folder), options, seconds)
            runs[str(seconds)].append(told)
    take = result.takes[0]
    joints = joint_positions(canonical(), take.rotations.astype(np.float64), take.transl.astype(np.float64))
    edges = np.arange(SECONDS_A_PROMPT, LONG, SECONDS_A_PROMPT)
    ratio = border_ratio(joints, (edges * MODEL_FPS).round().astype(int))
    arguments.out.write_text(json.dumps({"runs": runs, "borders": ratio}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
