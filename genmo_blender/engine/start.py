"""Started by path: ``python -I -X utf8 <folder>/engine/start.py serve``.

Blender calls the package ``bl_ext.<repository>.<id>`` and its folder may have any name, so this file gives the folder
above it the package's own name before anything of it is imported. It must not import the package's siblings itself.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys

PACKAGE = "genmo_blender"


def name_package() -> None:
    """Make the folder that holds ``engine/`` importable as `PACKAGE`; Blender's face of it is not run."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.machinery.ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [folder]
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)


if __name__ == "__main__":
    name_package()
    sys.exit(importlib.import_module(f"{PACKAGE}.engine.__main__").main(sys.argv[1:]))
