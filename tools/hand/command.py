"""`build.py bench --hand PACK`: the half without Blender in the engine's Python, then the half in Blender."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..blender import run_in_blender
from ..environments import BLENDER, ENGINE, NEWEST_BLENDER, ready
from ..packaging import package
from ..shell import ROOT, through

PLAIN = ("between", "feet", "takes", "loops", "reduced", "speed", "pace")
SCENE = ("keys", "ends", "paths", "pins")


def measure_hand(arguments: Sequence[str]) -> int:
    """Print both tables; 0 when all that was asked was measured, whether or not bars are met."""
    parser = argparse.ArgumentParser(prog="build.py bench --hand")
    parser.add_argument("pack", type=Path, help="prepared motion (`engine pack`); its validation clips are used")
    parser.add_argument("--parts", nargs="*", choices=[*PLAIN, *SCENE], default=[*PLAIN, *SCENE])
    parser.add_argument("--bpy", choices=sorted(BLENDER), default=NEWEST_BLENDER, help="which Blender")
    options = parser.parse_args(arguments)
    plain, scene = ([p for p in options.parts if p in of] for of in (PLAIN, SCENE))
    with tempfile.TemporaryDirectory(prefix="genmo-hand-") as folder:
        clips = Path(folder, "clips.npz")
        half = [ready(ENGINE), "-m", "tools.hand.plain", options.pack.resolve(), "--clips", clips, "--parts", *plain]
        code = through(half, dict(os.environ, OMP_NUM_THREADS="1"), ROOT)
        if code or not scene:
            return code
        half = ["-m", "tools.hand.in_scene", clips, "--parts", *scene]
        return run_in_blender(options.bpy, package(), half, cwd=ROOT, torch=False)
