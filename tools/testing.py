"""`build.py test`: the checks, the tests in the engine's environment, those inside Blender with the installed zip.

Inside Blender nothing needs torch but the tests marked so, which are a part of their own.
"""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from .blender import run_in_blender
from .check import run_checks
from .environments import BLENDER, CHECK, ENGINE_TESTS, NEWEST_BLENDER, ready
from .packaging import package
from .pause import training_paused
from .shell import ROOT, Stop, say, through

NOTHING_COLLECTED = 5  # pytest's exit status when no test ran
BLENDER_TESTS = "tests/blender"
WINDOW_TESTS = "tests/ui"
PARTS = ("check", "engine", "blender", "torch")


def run_tests(arguments: Sequence[str]) -> int:
    """Runs every part, also after one has failed, and returns 0 when all passed. Training runs wait meanwhile."""
    options = read_arguments(arguments)
    pytest = options.pytest
    steps: dict[str, Callable[[], int]] = {
        "check": lambda: run_checks(ready(CHECK), ready(ENGINE_TESTS)),
        "engine": lambda: run_engine_tests([*marked(options.long), *pytest]),
    }
    for version in BLENDER:
        steps[f"blender {version}"] = functools.partial(
            run_blender_tests, version, [*marked(options.long, "not torch"), *pytest]
        )
    steps["torch"] = lambda: run_blender_tests(NEWEST_BLENDER, [*marked(options.long, "torch"), *pytest], torch=True)
    if options.ui:
        steps = {"ui": lambda: run_window_tests([*marked(options.long), *pytest])}
    chosen = [name for name in steps if not options.parts or name.split()[0] in options.parts or options.ui]
    with training_paused():
        results = {name: heading(name, steps[name]) for name in chosen}
    return closing(results, narrowed=bool(options.pytest))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; what follows `--` goes to pytest."""
    ours, dashes, pytest = list(arguments), "--" in arguments, []
    if dashes:
        cut = ours.index("--")
        ours, pytest = ours[:cut], ours[cut + 1 :]
    parser = argparse.ArgumentParser(prog="build.py test", usage="%(prog)s [PART ...] [--long] [--ui] [-- PYTEST ARGS]")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--long", action="store_true", help="training runs and other tests of many minutes too")
    parser.add_argument("--ui", action="store_true", help="instead: tests/ui in a real window of Blender 5.2 (as root)")
    options = parser.parse_args(ours)
    for part in options.parts:
        if part not in PARTS:
            raise Stop(f"There is no part {part!r} of the tests: choose from {', '.join(PARTS)}.")
    options.pytest = pytest
    return options


def marked(long: bool, *others: str) -> list[str]:
    """Pytest's arguments that choose tests by their marks: long ones only where they were asked for."""
    chosen = " and ".join([*([] if long else ["not long"]), *others])
    return ["-m", chosen] if chosen else []


def heading(name: str, step: Callable[[], int]) -> int:
    """Runs one part under its name; a part that cannot start has failed, and the others still run."""
    say(f"--- {name}")
    try:
        return step()
    except Stop as stop:
        say(f"{stop}")
        return 1


def closing(results: dict[str, int], narrowed: bool) -> int:
    """Says how every part ended and returns the exit status.

    A part in which no test ran has failed, unless arguments for pytest chose tests of other parts only.
    """
    empty = [name for name, status in results.items() if status == NOTHING_COLLECTED]
    forgiven = narrowed and len(empty) < len(results)
    failed = [name for name, status in results.items() if status and not (forgiven and name in empty)]
    for name, status in results.items():
        said = "failed" if name in failed else "no test chosen" if status else "passed"
        say(f"{name}: {said}" + (f" (exit status {status})" if name in failed else ""))
    return 1 if failed else 0


def run_engine_tests(pytest: Sequence[str]) -> int:
    """Everything that needs no Blender, in the engine's environment."""
    python = ready(ENGINE_TESTS)
    folders = [f"--ignore={folder}" for folder in (BLENDER_TESTS, WINDOW_TESTS)]
    env = dict(os.environ, GENMO_ENGINE_PYTHON=str(python))
    return on_own_paths(pytest, "tests", lambda own: through([python, "-m", "pytest", *folders, *own], env))


def run_blender_tests(version: str, pytest: Sequence[str], torch: bool = False) -> int:
    """tests/blender in one Blender with the zip of this checkout installed in it, with torch at hand or without."""
    return on_own_paths(
        pytest,
        BLENDER_TESTS,
        lambda own: run_in_blender(version, package(), ["-m", "pytest", *own], ROOT, torch),
    )


def run_window_tests(pytest: Sequence[str]) -> int:
    """tests/ui: pytest runs here and drives a real Blender in a window through tools/window.py."""
    from .window import ready_root

    root: Path = ready_root()
    python = ready(ENGINE_TESTS)
    env = dict(os.environ, GENMO_UI_ROOT=str(root), GENMO_EXTENSION_ZIP=str(package()), GENMO_ENGINE_PYTHON=str(python))
    return on_own_paths(pytest, WINDOW_TESTS, lambda own: through([python, "-m", "pytest", *own], env))


def on_own_paths(pytest: Sequence[str], folder: str, run: Callable[[list[str]], int]) -> int:
    """Runs a part on those of the paths among pytest's arguments that are its own; on its folder when none is given."""
    paths = [word for word in pytest if word.startswith("tests") and (ROOT / word.partition("::")[0]).exists()]
    own = [path for path in paths if part_of(path) == folder]
    if paths and not own:
        return NOTHING_COLLECTED
    return run([*(own or [folder]), *(word for word in pytest if word not in paths)])


def part_of(path: str) -> str:
    """The folder of the part that a test's path belongs to."""
    return next((folder for folder in (BLENDER_TESTS, WINDOW_TESTS) if Path(path).is_relative_to(folder)), "tests")
