"""The parts that measure a fresh install, in which no engine is set up; and how long either engine loads the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..environments import BLENDER, ENGINE, NEWEST_BLENDER, ready
from ..shell import ROOT, log_of, quietly
from .bars import VERSIONS
from .parts import RUNS, WARM_RUNS, Bench, Samples

NO_SOCKETS = ROOT / "tools" / "no_sockets.py"


def built_in(bench: Bench) -> Samples:
    """The same ten seconds by the built-in model, with no engine."""
    warm, told = [], []
    for run in range(RUNS):
        with bench.fresh_user(torch=False) as (_, env):
            options = [*bench.model_options, *(["--warm", str(WARM_RUNS)] if run == 0 else [])]
            told.append(bench.blender(NEWEST_BLENDER, "shot", env, "Generating 10 s, built-in model", *options))
        warm += told[-1]["warm"]
    bench.details["shots, built-in"] = told
    differing = sum(one["digest"] != told[0]["digest"] for one in told[1:])
    return {"built-in, 10 s": warm, "determinism, built-in": [float(differing)]}


def load(bench: Bench) -> Samples:
    """The bundled model in fresh processes: by the engine in its Python, by the built-in engine in Blender's."""
    samples: Samples = {}
    out = bench.work / "load.json"
    for name, room, environment in (("engine", "engine", ENGINE), ("built-in", "lite", BLENDER[NEWEST_BLENDER])):
        command: list[str | Path] = [ready(environment), "-m", "tools.bench_bars.load", out, room, *bench.model_options]
        told = []
        for _run in range(RUNS):
            with bench.fresh_user() as (_, env):
                quietly(command, f"Loading, {name}", log_of("bars"), env)
            told.append(json.loads(out.read_text(encoding="utf-8")))
        samples[f"load, {name}"] = [one["model"] + one["encoder"] for one in told]
        bench.details[f"load, {name}"] = told
    return samples


def first_motion(bench: Bench) -> Samples:
    """Fresh installs without an engine, each in a Blender that the kernel ends if it, or its engine, opens a socket."""
    samples: Samples = {}
    for version in VERSIONS:
        python, out = ready(BLENDER[version]), bench.work / "first_motion.json"
        for _run in range(RUNS):
            with bench.fresh_user(torch=False) as (_, env):
                install: list[str | Path] = [python, "-m", "tools.bench_bars.enabling", out, "--install", bench.archive]
                quietly(install, f"Installing, Blender {version}", log_of("bars"), env)
                command: list[str | Path] = [python, NO_SOCKETS, python, "-m", "tools.bench_bars.first_motion", out]
                quietly(command, f"Enabling, first motion, Blender {version}", log_of("bars"), env)
            told = json.loads(out.read_text(encoding="utf-8"))
            samples.setdefault(f"first motion, Blender {version}", []).append(told["seconds"])
            bench.details.setdefault(f"first motion, Blender {version}", []).append(told)  # type: ignore[attr-defined]
    return samples


PARTS: dict[str, Callable[[Bench], Samples]] = {"built-in": built_in, "load": load, "first-motion": first_motion}
