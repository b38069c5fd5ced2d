"""Started by path: ``python -I -X utf8 <folder>/engine/start.py [--bytecode DIR] serve``.

Blender calls the package ``bl_ext.<repository>.<id>`` and its folder may have any name, so this file gives the folder
above it the package's own name before anything of it is imported. It must not import the package's siblings itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from typing import Any

PACKAGE = "genmo_blender"
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def name_package() -> None:
    """Make the folder that holds ``engine/`` importable as `PACKAGE`; Blender's face of it is not run."""
    spec = ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [FOLDER]
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)


def keep_bytecode_in(folder: str) -> None:
    """Write byte code of the package below ``folder``: its own may be read-only, or be upgraded while we run.

    ``-X pycache_prefix`` would do so for torch too, and compile all of it anew at the first start (5 s of work).
    """

    class Loader(SourceFileLoader):
        def get_data(self, path: str) -> bytes:
            return super().get_data(elsewhere(path))

        def set_data(self, path: str, data: Any, **options: int) -> None:
            super().set_data(elsewhere(path), data, **options)

    def elsewhere(path: str) -> str:
        return os.path.join(folder, os.path.relpath(path, FOLDER)) if path.endswith(".pyc") else path

    def finder(path: str) -> FileFinder:
        if path != FOLDER and not path.startswith(FOLDER + os.sep):
            raise ImportError("not of this package", path=path)
        return FileFinder(path, (Loader, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, finder)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    name_package()
    if arguments[:1] == ["--bytecode"]:
        keep_bytecode_in(arguments[1])
        arguments = arguments[2:]
    sys.exit(importlib.import_module(f"{PACKAGE}.engine.__main__").main(arguments))
