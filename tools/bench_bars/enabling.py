"""What enabling the installed extension costs a start of Blender: run in a fresh Blender that has not enabled it.

`--install ZIP` instead installs without enabling, for the runs that follow in the same user folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import bpy

EXTENSION = "bl_ext.user_default.genmo_motion"
ALLOWED = {"numpy", "bl_ext", "bpy", "mathutils", "genmo_blender"}


def imported() -> set[str]:
    """Top-level names of all modules that are loaded."""
    return {name.split(".")[0] for name in sys.modules}


def main() -> None:
    import addon_utils  # on the path only once bpy is imported

    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--install", default="")
    options = parser.parse_args()
    if options.install:
        bpy.ops.extensions.package_install_files(filepath=options.install, repo="user_default", enable_on_install=False)
        record: dict = {}
    else:
        before = imported()
        began = time.perf_counter()
        found = addon_utils.enable(EXTENSION, default_set=True)
        seconds = time.perf_counter() - began
        if found is None:
            raise SystemExit(f"Blender {bpy.app.version_string} did not enable the extension.")
        new = imported() - before
        record = {"seconds": seconds, "packages": sorted(new - ALLOWED - set(sys.stdlib_module_names))}
        addon_utils.disable(EXTENSION)
    options.out.write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main()
