"""The commands of build.py, one function each: reads the command line, sets up, hands over, returns the exit status."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from . import demo as demo_command
from .environments import BLENDER, CHECK, ENGINE, NEWEST_BLENDER, ready
from .pause import training_paused
from .shell import ROOT, through


def demo(arguments: Sequence[str]) -> int:
    """From prompts to a kept take."""
    return demo_command.make_demo(arguments)


def test(arguments: Sequence[str]) -> int:
    """Checks, then all tests."""
    from .testing import run_tests

    return run_tests(arguments)


def check(arguments: Sequence[str]) -> int:
    """Lint, types, import contracts, sizes."""
    from .check import run_checks

    argparse.ArgumentParser(prog="build.py check").parse_args(arguments)
    return run_checks(ready(CHECK), ready(ENGINE))


def package(arguments: Sequence[str]) -> int:
    """The installable zip."""
    from .packaging import package as write_package

    argparse.ArgumentParser(prog="build.py package").parse_args(arguments)
    write_package()
    return 0


def engine(arguments: Sequence[str]) -> int:
    """The engine's command line in its environment; paths are relative to where build.py was called."""
    return run_engine("genmo_blender.engine", after_dashes(arguments))


def parity(arguments: Sequence[str]) -> int:
    """Compares with the reference cases of a folder."""
    parser = argparse.ArgumentParser(prog="build.py parity")
    parser.add_argument("--dir", type=Path, required=True, metavar="FOLDER")
    return run_engine("genmo_blender.engine.parity", [parser.parse_args(arguments).dir])


def bench(arguments: Sequence[str]) -> int:
    """Measures speed and memory, with --bars every wall-clock bar, with --hand what an animator's edits are worth."""
    with training_paused():
        if "--bars" in arguments:
            from .bench_bars.command import measure_bars

            return measure_bars([argument for argument in arguments if argument != "--bars"])
        if "--hand" in arguments:
            from .hand.command import measure_hand

            return measure_hand([argument for argument in arguments if argument != "--hand"])
        return run_engine("genmo_blender.engine", ["bench", *after_dashes(arguments)])


def blender(arguments: Sequence[str]) -> int:
    """A script with bpy and the installed extension."""
    from .blender import run_in_blender
    from .packaging import package as write_package

    parser = argparse.ArgumentParser(prog="build.py blender", usage="%(prog)s [--bpy VERSION] -- SCRIPT ARGS")
    parser.add_argument("--bpy", choices=sorted(BLENDER), default=NEWEST_BLENDER, help="which Blender")
    parser.add_argument("script")
    parser.add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    return run_in_blender(options.bpy, write_package(), [options.script, *options.args])


def run_engine(module: str, arguments: Sequence[str | Path]) -> int:
    """Runs a module of ours with the engine's Python, in the folder where build.py was called."""
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    return through([ready(ENGINE), "-m", module, *arguments], env, Path.cwd())


def after_dashes(arguments: Sequence[str]) -> list[str]:
    """The arguments without the `--` that may stand before them."""
    return list(arguments[1:] if arguments[:1] == ["--"] else arguments)
