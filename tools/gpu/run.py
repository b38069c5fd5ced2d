"""One command for a graphics card without network: check, measure, train, bring back.

`python3 tools/gpu/run.py --data .gpu/motion.pack.npz --preset mini_256 --batch 1024` needs Python 3.11 or newer with
torch, numpy and safetensors, the tree, and the packed motion (docs/developers/training.md). Results go to the folder
that the environment variable OUT names: `report.json`, `log.jsonl`, `console.txt` and the newest two sets of weights in
parts (`parts.py` joins them), at most eight files of 15 MB. Each is written whole or not at all, so that a run that is
cut at any moment leaves what it had.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.gpu import parts  # noqa: E402

POLL = 2.0
PREPARATION = 45.0  # seconds that reading the motion and encoding its sentences may take
LAST_WRITES = 15.0
LEAST_EVALUATION = 40.0
CONSOLE_TAIL = 200_000
WEIGHTS = "genmo_mini.safetensors"


@dataclass
class Results:
    """The folder that comes back, and the report in it."""

    folder: Path
    report: dict[str, Any] = field(default_factory=dict)

    def note(self, **entries: Any) -> None:
        """Add to the report and write it."""
        self.report |= entries
        fresh = self.folder / "report.new"
        fresh.write_text(json.dumps(self.report, indent=1) + "\n", encoding="utf-8")
        os.replace(fresh, self.folder / "report.json")

    def console(self, path: Path) -> None:
        """Bring back the end of what the programs printed."""
        text = path.read_bytes()[-CONSOLE_TAIL:] if path.is_file() else b""
        (self.folder / "console.txt").write_bytes(text)

    def weights(self, source: Path) -> int:
        """Bring back weights, in the place of the older of the two sets; returns the step they are of."""
        sets, step = self.report.get("weights", []), step_of(source)
        if sets and sets[0]["step"] == step:  # written once more at the end
            return step
        name = "b" if sets and sets[0]["parts"][0].startswith("weights_a") else "a"
        self.note(weights=sets[:1])  # the set that is overwritten is no set any more
        entry = parts.split(source, self.folder, f"weights_{name}") | {"step": step}
        self.note(weights=[entry, *sets[:1]])
        return step


def step_of(weights: Path) -> int:
    """The step that a checkpoint's card tells, read from its header: eight bytes of length, then JSON."""
    with open(weights, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return int(json.loads(header["__metadata__"]["genmo"])["card"]["steps"])


def command_line() -> argparse.ArgumentParser:
    """What the run can be told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / ".gpu" / "motion.pack.npz")
    parser.add_argument("--songs", type=Path, help="packed songs (default: those beside --data, if there are any)")
    parser.add_argument("--preset", default="mini_256")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--learning-rate", type=float, help="default: the preset's")
    parser.add_argument("--init", type=Path, help="weights to go on from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--seconds", type=float, default=420.0, help="of training")
    parser.add_argument("--limit", type=float, default=580.0, help="seconds of the whole; training is cut to fit")
    parser.add_argument("--minutes", type=float, default=1.0, help="between checkpoints")
    parser.add_argument("--checks", type=float, default=60.0, help="seconds for parity and bench together; 0: none")
    parser.add_argument("--bench", type=int, nargs="+", default=[512, 1024, 2048], help="batches to measure")
    return parser


def engine(console: Path, arguments: Sequence[str | Path], seconds: float) -> tuple[int, str]:
    """Run a module of ours for at most ``seconds``; returns the exit code (124: out of time) and what it printed."""
    with open(console, "ab") as errors:
        command = [sys.executable, "-m", *map(str, arguments)]
        try:
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, timeout=max(seconds, 1.0))
            code, printed = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            code, printed = 124, late.stdout or b""
        errors.write(printed)
    return code, printed.decode(errors="replace")


def describe(device: str) -> dict[str, Any]:
    """The machine, in a child so that this process holds no memory of the card."""
    code = (
        "import json, os, platform, torch, numpy; c = torch.cuda.is_available(); print(json.dumps({"
        "'gpu': torch.cuda.get_device_name() if c else None, 'cuda': torch.version.cuda, 'torch': torch.__version__,"
        "'numpy': numpy.__version__, 'python': platform.python_version(), 'cores': os.cpu_count(),"
        "'memory_gb': round(torch.cuda.get_device_properties(0).total_memory / 1e9, 1) if c else None}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    machine = json.loads(done.stdout) if done.returncode == 0 else {"problem": done.stderr[-2000:]}
    print(json.dumps(machine), flush=True)
    return machine | {"device": device}


def check(options: argparse.Namespace, results: Results, console: Path) -> None:
    """Parity cases on the device, then training throughput, each for half of the time at most."""
    cases = "import sys; from genmo_blender.engine import parity; sys.exit(parity.run(sys.argv[1], device=sys.argv[2]))"
    half = options.checks / 2
    began = time.monotonic()
    try:
        command = [sys.executable, "-c", cases, str(ROOT / "tests" / "data" / "parity"), options.device]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=half)
        printed = done.stdout + done.stderr[-2000:]
    except subprocess.TimeoutExpired as late:
        printed = (late.stdout or b"").decode(errors="replace") + "\nout of time"
    results.note(parity={"seconds": round(time.monotonic() - began, 1), "lines": printed.splitlines()})
    each = max(1.0, (half - 20) / len(options.bench))
    arguments = ["genmo_blender.engine.training.throughput", "--data", options.data, "--preset", options.preset]
    arguments += ["--device", options.device, "--precision", options.precision, "--seconds", f"{each:g}"]
    _, printed = engine(console, [*arguments, "--batch", *map(str, options.bench)], half)
    results.note(bench=[json.loads(line) for line in printed.splitlines() if line.startswith("{")])
    print(f"parity and bench took {time.monotonic() - began:.0f} s", flush=True)


def train(options: argparse.Namespace, results: Results, console: Path, work: Path, end: float) -> None:
    """Train until the time is over, bringing back the log and every checkpoint as they come; stopped at ``end``."""
    seconds = min(options.seconds, end - time.monotonic() - PREPARATION)
    if seconds < 1:
        results.note(training="no time was left for it")
        return
    command = [sys.executable, "-m", "genmo_blender.engine", "train", "--data", options.data, "--out", work]
    songs = options.songs or options.data.with_name(options.data.name.removesuffix(".pack.npz") + ".songs.npz")
    if options.songs or songs.is_file():
        command += ["--songs", songs]
    for name in ("preset", "batch", "seed", "device", "precision", "minutes"):
        command += [f"--{name}", getattr(options, name)]
    command += ["--seconds", f"{seconds:g}"]
    if options.learning_rate is not None:
        command += ["--learning-rate", options.learning_rate]
    if options.init is not None:
        command += ["--init", options.init]
    results.note(training={"command": " ".join(map(str, command[1:])), "seconds": round(seconds)})
    with open(console, "ab") as output:
        child = subprocess.Popen([str(x) for x in command], cwd=ROOT, stdout=output, stderr=output)
        seen = 0.0
        while child.poll() is None and time.monotonic() < end:
            time.sleep(POLL)
            seen = bring_back(results, console, work, seen)
        if child.poll() is None:
            child.kill()
        code = child.wait()
    bring_back(results, console, work, seen)
    results.note(training=results.report["training"] | {"exit_code": code})


def bring_back(results: Results, console: Path, work: Path, seen: float) -> float:
    """Copy what is new; returns the time of the newest weights that were brought back."""
    log, weights = work / "log.jsonl", work / WEIGHTS
    if log.is_file():
        shutil.copyfile(log, results.folder / "log.new")
        os.replace(results.folder / "log.new", results.folder / "log.jsonl")
    results.console(console)
    if weights.is_file() and weights.stat().st_mtime > seen:
        seen = weights.stat().st_mtime
        print(f"step {results.weights(weights)}: weights brought back", flush=True)
    return seen


def evaluate(options: argparse.Namespace, results: Results, console: Path, work: Path, end: float) -> None:
    """The frozen prompt rules on what was trained, as far as time goes; the takes are cleaned on the processor."""
    left = end - time.monotonic()
    if left < LEAST_EVALUATION or not (work / WEIGHTS).is_file():
        results.note(rules="no time was left for it")
        return
    arguments: list[str | Path] = ["genmo_blender.engine", "rules", "--model", work / WEIGHTS, "--out", work / "rules"]
    code, printed = engine(console, [*arguments, "--seeds", "4", "--no-pictures"], left)
    results.note(rules={"exit_code": code, "lines": printed.splitlines()})


def main(arguments: Sequence[str]) -> int:
    """Everything in turn; returns 0 when training ended by itself."""
    options = command_line().parse_args(arguments)
    os.environ["PYTHONUNBUFFERED"] = "1"  # of the children, so that what they printed is there when they are stopped
    end = time.monotonic() + options.limit - LAST_WRITES
    folder = Path(os.environ.get("OUT", ROOT / "out" / "gpu"))
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder)
    with tempfile.TemporaryDirectory() as scratch:
        console, work = Path(scratch) / "console.txt", Path(scratch) / "run"
        results.note(machine=describe(options.device), options={k: str(v) for k, v in vars(options).items()})
        if options.checks:
            check(options, results, console)
        train(options, results, console, work, end)
        evaluate(options, results, console, work, end)
        results.console(console)
    training = results.report["training"]
    return 0 if isinstance(training, dict) and training["exit_code"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
