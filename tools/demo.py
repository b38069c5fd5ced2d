"""The demo's entry: reads prompts, prepares Blender with the extension, lets tools/demo_scene.py direct the shot in it.

The job that demo_scene.py gets as a JSON file, its only argument:

    {"prompts": [{"text": "a person walks forward", "start": 0.0, "end": 4.0}, ...],   seconds, in order of start
     "length": 8.0,                                                                    seconds
     "seed": 1,
     "out": "/absolute/folder",                           exists; demo.* are written there, and moved when all are there
     "lite": true}                                        only with --lite: no engine is set up

What Blender prints goes to .build/logs/demo.log; lines that begin with one of SHOWN are printed too.
"""

from __future__ import annotations

import argparse
import functools
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.prompt_ranges import parse_prompt, range_length
from genmo_blender.protocol.requests import MAX_SEED, MAX_TAKES, GenerateRequest, validate

from .blender import run_in_blender
from .environments import NEWEST_BLENDER
from .packaging import package
from .shell import BUILD, ROOT, Stop, log_of, say, sifted

DEFAULT_PROMPTS = ("0-4: a person walks forward", "4-8: a person waves with the right hand")
RESULTS = ("demo.blend", "demo.mp4", "demo.png", "demo.json")
SHOWN = ("demo: ", "Warning: ")
"""How lines begin that are for the user: the scene's own, and what the extension's operators warn of."""
SCENE = ROOT / "tools" / "demo_scene.py"


def read_arguments(arguments: Sequence[str]) -> dict:
    """The command line as demo_scene.py's job. Raises Stop with a sentence for what cannot be generated."""
    parser = argparse.ArgumentParser(prog="build.py demo", description="From prompts to a kept take, in Blender.")
    parser.add_argument(
        "--prompt", action="append", metavar='"START-END: sentence"', help="decimal seconds; may be given several times"
    )
    parser.add_argument("--length", type=float, metavar="SECONDS", help="the motion's length; the last prompt's end")
    parser.add_argument("--seed", type=int, default=1, help=f"0 to {MAX_SEED - MAX_TAKES}; same seed, same motion")
    parser.add_argument("--out", type=Path, default=ROOT / "out", metavar="DIR", help="where the results go; out/")
    parser.add_argument("--lite", action="store_true", help="with the built-in model alone: no torch is fetched")
    options = parser.parse_args(arguments)
    try:
        spans = sorted((parse_prompt(text) for text in options.prompt or DEFAULT_PROMPTS), key=lambda span: span.start)
        length = range_length(spans, options.length)
        validate(GenerateRequest(length, tuple(spans), options.seed))
    except RequestFailure as failure:
        raise Stop(str(failure)) from failure
    job = {
        "prompts": [{"text": span.text, "start": span.start, "end": span.end} for span in spans],
        "length": length,
        "seed": options.seed,
        "out": str(options.out.resolve()),
    }
    return {**job, "lite": True} if options.lite else job


def make_demo(arguments: Sequence[str]) -> int:
    """Runs the demo and returns the exit status. Raises Stop when a result is missing afterwards."""
    job = read_arguments(arguments)
    out = Path(job["out"])
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any((out / name).exists() and not (out / name).is_file() for name in RESULTS):
            raise Stop(f"{out} holds a folder where a result belongs: choose another folder with --out.")
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise Stop(f"{out} cannot be written to ({error.strerror}): choose another folder with --out.") from error
    archive = package()
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-", dir=BUILD) as folder:
        path, made = Path(folder) / "job.json", Path(folder) / "out"
        made.mkdir()
        path.write_text(json.dumps({**job, "out": str(made)}, ensure_ascii=False, indent=1), encoding="utf-8")
        run = functools.partial(sifted, log=log_of("demo"), marks=SHOWN)
        status = run_in_blender(NEWEST_BLENDER, archive, [SCENE, path], torch="lite" not in job, run=run)
        if status != 0:
            return status
        missing = [name for name in RESULTS if not (made / name).is_file()]
        if missing:
            raise Stop(f"The demo ended without writing {', '.join(missing)}; what it said is in {log_of('demo')}.")
        for name in RESULTS:  # only now, so that a demo that fails leaves the last one's results
            shutil.move(made / name, out / name)
    for name in RESULTS:
        say(f"{out / name}: {(out / name).stat().st_size / 1e3:.0f} kB")
    return 0
