"""How a process of ours begins that was started by path: ``start.py [--bytecode DIR] COMMAND ...`` of its room."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from typing import Any


def run(package: str, folder: str, room: str, arguments: Sequence[str]) -> int:
    """The command line of a room of the ``package`` in ``folder``; returns the exit code."""
    if arguments[:1] == ["--bytecode"]:
        keep_bytecode(folder, arguments[1])
        arguments = arguments[2:]
    code: int = importlib.import_module(f"{package}.{room}.__main__").main(list(arguments))
    return code


def keep_bytecode(package_folder: str, folder: str) -> None:
    """Write byte code of the package below ``folder``: its own may be read-only, or be upgraded while we run.

    ``-X pycache_prefix`` would do so for all libraries too, and compile them anew at the first start (5 s for torch).
    """

    class Loader(SourceFileLoader):
        def get_data(self, path: str) -> bytes:
            return super().get_data(elsewhere(path))

        def set_data(self, path: str, data: Any, **options: int) -> None:
            super().set_data(elsewhere(path), data, **options)

    def elsewhere(path: str) -> str:
        return os.path.join(folder, os.path.relpath(path, package_folder)) if path.endswith(".pyc") else path

    def finder(path: str) -> FileFinder:
        if path != package_folder and not path.startswith(package_folder + os.sep):
            raise ImportError("not of this package", path=path)
        return FileFinder(path, (Loader, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()  # folders that were looked into already get the new finder too
