"""The parts of the measurement: each starts its scripts in the Python they need and returns samples for bars.py."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..blender import RUNNER, blender_environment
from ..environments import BLENDER, ENGINE, NEWEST_BLENDER, ready
from ..shell import BUILD, ROOT, Stop, log_of, quietly, say
from .bars import VERSIONS

Samples = dict[str, list[float]]
RUNS = 3
WARM_RUNS = 5
ENABLING_RUNS = 5
SHARES = tuple(f"{(k + 0.5) / 8:g}" for k in range(8))
"""Moments of a whole job at which it is cancelled: every stage is met."""
LOADING = ("0.1", "1", "2")
PATIENCE = 300.0


@dataclass
class Bench:
    """What all parts share. ``details`` collects what goes into the report beside the bars."""

    archive: Path
    model: str
    work: Path
    details: dict[str, object] = field(default_factory=dict)

    @property
    def model_options(self) -> list[str]:
        return ["--model", self.model] if self.model else []

    @contextmanager
    def fresh_user(self, torch: bool = True) -> Iterator[tuple[Path, dict[str, str]]]:
        """A user folder with nothing in it, and the environment of a Blender (and its engine) that belongs there.

        Without ``torch`` no engine is named, so that the built-in model answers.
        """
        with tempfile.TemporaryDirectory(prefix="user-", dir=self.work, ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            env = blender_environment(home / "blender", self.archive, torch)
            env |= {"HOME": folder, "PYTHONPATH": str(ROOT)}
            for name in ("PYTHONDONTWRITEBYTECODE", "XDG_CACHE_HOME"):
                env.pop(name, None)
            yield home, env

    def blender(self, version: str, script: str, env: dict[str, str], doing: str, *options: str) -> dict:
        """Runs a script of this package in Blender with the zip installed; returns what it has measured."""
        python, out = ready(BLENDER[version]), self.work / f"{script}.json"
        out.unlink(missing_ok=True)
        command: list[str | Path] = [python, RUNNER, self.archive, "-m", f"tools.bench_bars.{script}", out, *options]
        quietly(command, f"{doing}, Blender {version}", log_of("bars"), env)
        return json.loads(out.read_text(encoding="utf-8"))

    def engine(self, script: str, env: dict[str, str], doing: str, *options: str | Path) -> None:
        """Runs a script of this package in the engine's environment."""
        quietly([ready(ENGINE), "-m", f"tools.bench_bars.{script}", *options], doing, log_of("bars"), env)


def keying(bench: Bench) -> Samples:
    """300 frames x 55 joints, in both Blenders."""
    samples: Samples = {}
    for version in VERSIONS:
        with bench.fresh_user() as (_, env):
            told = bench.blender(version, "keying", env, "Keying")
        pairs = zip(told["resampling"], told["writing"], strict=True)
        samples[f"keying, Blender {version}"] = [1e3 * (a + b) for a, b in pairs]
        bench.details[f"keying, Blender {version}"] = told
    return samples


def shot(bench: Bench) -> Samples:
    """Ten seconds from two prompts, each time by a fresh install; and whether all runs gave the same curves."""
    cold, warm, digests = [], [], []
    samples: Samples = {}
    for run in range(RUNS):
        with bench.fresh_user() as (_, env):
            options = [*bench.model_options, *(["--warm", str(WARM_RUNS)] if run == 0 else [])]
            told = bench.blender(NEWEST_BLENDER, "shot", env, "Generating 10 s", *options)
        cold.append(told["cold"])
        warm += told["warm"]
        digests.append(told["digest"])
        samples.setdefault(f"apply, Blender {NEWEST_BLENDER}", []).extend(told["apply"])
        bench.details.setdefault("shots", []).append(told)  # type: ignore[attr-defined]
    with bench.fresh_user() as (_, env):
        told = bench.blender("4.5", "shot", env, "Generating 10 s", *bench.model_options, "--warm", "2")
    samples["apply, Blender 4.5"] = told["apply"]
    samples["generation cold"], samples["generation warm"] = cold, warm
    samples["determinism"] = [float(sum(digest != digests[0] for digest in digests[1:]))]
    return samples


def cancel(bench: Bench) -> Samples:
    """Cancel while loading and at eight moments of a job with the bundled model."""
    with bench.fresh_user() as (_, env):
        options = [*bench.model_options, "--loading", *LOADING, "--shares", "--moments", *SHARES]
        told = bench.blender(NEWEST_BLENDER, "cancel", env, "Cancelling", *options)
    bench.details["cancel, bundled"] = told
    return cancel_samples(told["cancels"], "bundled")


def cancel_full_size(bench: Bench) -> Samples:
    """Cancel at full size, random weights: while loading, in blocks of 10 s of motion, and in longer blocks of 60 s."""
    model = bench.work / "full_size.safetensors"
    told: list[dict] = []
    try:
        with bench.fresh_user() as (home, env):
            features = home / ".cache" / "genmo_motion" / "prompts"
            bench.engine("weights", env, "Writing full-size random weights", model, "--features", features)
            for seconds in ("10", "60"):
                options = ["--model", str(model), "--seconds", seconds, "--moments", "2", "7", "15"]
                options += ["--loading", *LOADING] if seconds == "10" else []
                doing = f"Cancelling {seconds} s at full size"
                told += bench.blender(NEWEST_BLENDER, "cancel", env, doing, *options)["cancels"]
    finally:
        model.unlink(missing_ok=True)
    bench.details["cancel, full size"] = told
    return cancel_samples(told, "full size")


def cancel_samples(told: list[dict], label: str) -> Samples:
    """Samples of the cancels that came in time. Raises Stop when none did."""
    met = [one for one in told if not one["late"]]
    if not met:
        raise Stop(f"Every job ({label}) was over before it was cancelled.")
    return {f"cancel {what}, {label}": [one[what] for one in met] for what in ("felt", "ended")}


def silence(bench: Bench) -> Samples:
    """A stopped engine."""
    with bench.fresh_user() as (_, env):
        told = bench.blender(NEWEST_BLENDER, "silence", env, "Stopping the engine", *bench.model_options)
    bench.details["silence"] = told["sentence"]
    return {"silence": told["told"]}


def length(bench: Bench) -> Samples:
    """Five minutes in one pass against twenty seconds."""
    out = bench.work / "length.json"
    with bench.fresh_user() as (_, env):
        bench.engine("length", env, "Generating 20 s and 300 s", out, *bench.model_options)
    told = json.loads(out.read_text(encoding="utf-8"))
    bench.details["length"] = told["runs"]
    pairs = list(zip(told["runs"]["20"], told["runs"]["300"], strict=True))
    return {
        "length, memory": [(b["above_mb"] / 300) / (a["above_mb"] / 20) for a, b in pairs],
        "length, time": [(b["seconds"] / 300) / (a["seconds"] / 20) for a, b in pairs],
        "text borders": [told["borders"]],
    }


def enabling(bench: Bench) -> Samples:
    """Enabling in fresh Blenders that had the zip installed before; the first one, which compiles, does not count."""
    samples: Samples = {}
    for version in VERSIONS:
        python, out = ready(BLENDER[version]), bench.work / "enabling.json"
        command: list[str | Path] = [python, "-m", "tools.bench_bars.enabling", out]
        with bench.fresh_user() as (_, env):
            quietly([*command, "--install", bench.archive], f"Installing, Blender {version}", log_of("bars"), env)
            told = []
            for _run in range(ENABLING_RUNS + 1):
                quietly(command, f"Enabling, Blender {version}", log_of("bars"), env)
                told.append(json.loads(out.read_text(encoding="utf-8")))
        samples[f"enabling, Blender {version}"] = [one["seconds"] for one in told[1:]]
        samples[f"libraries, Blender {version}"] = [float(len(told[0]["packages"]))]
        bench.details[f"enabling, Blender {version}"] = {"first": told[0]["seconds"], "packages": told[0]["packages"]}
    return samples


def closing(bench: Bench) -> Samples:
    """Blender closed, and killed, in the middle of a generation."""
    closed = [outlived(bench, killed=False) for _ in range(RUNS)]
    killed = [outlived(bench, killed=True) for _ in range(RUNS)]
    return {"closing": closed, "kill -9": killed}


def outlived(bench: Bench, killed: bool) -> float:
    """Seconds from the start of Blender's end until its engine is gone; PATIENCE when it never went."""
    say(f"Waiting for the engine of a Blender that {'is killed' if killed else 'closes'}")
    out = bench.work / "closing.json"
    out.unlink(missing_ok=True)
    command: list[str | Path] = [ready(BLENDER[NEWEST_BLENDER]), RUNNER, bench.archive, "-m"]
    command += ["tools.bench_bars.closing", out, *bench.model_options, *(["--wait"] if killed else [])]
    with bench.fresh_user() as (_, env), open(log_of("bars"), "ab") as log:
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            if not wait(lambda: out.is_file() or process.poll() is not None) or not out.is_file():
                raise Stop(f"Blender did not come to generate; its last lines are in {log_of('bars')}.")
            pids = json.loads(out.read_text(encoding="utf-8"))
            began = time.monotonic()
            if killed:
                os.kill(pids["blender"], signal.SIGKILL)
            if not wait(lambda: not alive(pids["engine"])):
                os.kill(pids["engine"], signal.SIGKILL)
            gone = time.monotonic() - began
        finally:
            process.kill()
            process.wait()
    return gone


def wait(condition: Callable[[], bool]) -> bool:
    """Looks fifty times a second; False when the condition never came true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


PARTS: dict[str, Callable[[Bench], Samples]] = {
    "keying": keying,
    "shot": shot,
    "cancel": cancel,
    "full-size": cancel_full_size,
    "silence": silence,
    "length": length,
    "enabling": enabling,
    "closing": closing,
}


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for everything that measuring writes; removed afterwards."""
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bars-", dir=BUILD))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
