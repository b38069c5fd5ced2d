"""From enabling the extension to its first motion, where nothing else is installed: `first_motion.py OUT`, in Blender.

Run in a fresh Blender whose user folders hold the extension, installed and never enabled (see enabling.py).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import bpy

from . import stage
from .shots import FIRST, FPS, SEED

SECONDS = 4


def main() -> None:
    import addon_utils  # on the path only once bpy is imported

    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    if addon_utils.enable(stage.EXTENSION, default_set=True) is None:
        raise SystemExit(f"Blender {bpy.app.version_string} did not enable the extension.")
    target = stage.shot(FIRST[:1], SECONDS)
    if bpy.ops.genmo.generate(takes=1, seed=SEED) != {"FINISHED"}:
        raise SystemExit(stage.session().message)
    seconds = time.perf_counter() - began
    recipe = json.loads(target.animation_data.action["genmo_recipe"])
    if not recipe["engine"].startswith("lite ") or recipe["frames"] != [1, 1 + SECONDS * FPS]:
        raise SystemExit(f"This was no first motion of the built-in model: {recipe['engine']}, {recipe['frames']}.")
    stage.write(options.out, {"seconds": seconds, "job": recipe["job_report"]})


if __name__ == "__main__":
    main()
