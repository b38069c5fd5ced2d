"""Started by path: ``python -I -X utf8 <folder>/lite/start.py [--bytecode DIR] serve``.

Blender calls the package ``bl_ext.<repository>.<id>`` and its folder may have any name, so this file gives the folder
above it the package's own name before anything of it is imported. It must not import the package's siblings itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGE = "genmo_blender"
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def name_package() -> ModuleType:
    """Make the folder that holds this room importable as `PACKAGE`, whose face for Blender is not run; gives what
    begins a process, imported without leaving byte code behind."""
    spec = ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [FOLDER]
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return importlib.import_module(f"{PACKAGE}.protocol.bootstrap")
    finally:
        sys.dont_write_bytecode = written


if __name__ == "__main__":
    sys.exit(name_package().run(PACKAGE, FOLDER, "lite", sys.argv[1:]))
