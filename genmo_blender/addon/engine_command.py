"""How an engine is started: its command line and the environment it gets. No bpy here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

_DROPPED_PREFIXES = ("PYTHON", "DYLD_")
_DROPPED = ("LD_LIBRARY_PATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")

ENGINE = "engine"
"""The room whose Python has torch."""
BUILT_IN = "lite"
"""The room that any Python with numpy can run, Blender's own too."""


def local_command(
    python: Path, package: Path, user_folder: Path, options: Sequence[str] = (), room: str = ENGINE
) -> tuple[str, ...]:
    """The command that serves from a ``room`` of ``package`` (the folder that holds the rooms) with another Python.

    Byte code of the package goes to ``user_folder``: the install folder may be read-only, and on Windows a file in use
    cannot be upgraded. ``options`` follow ``serve`` (``--model FILE`` ...).
    """
    start = str(package / room / "start.py")
    bytecode = str(user_folder / "bytecode")
    return (str(python), "-I", "-X", "utf8", start, "--bytecode", bytecode, "serve", *options)


def engine_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` without what belongs to Blender's own Python and libraries."""
    return {
        name: value
        for name, value in environ.items()
        if name.upper() not in _DROPPED and not name.upper().startswith(_DROPPED_PREFIXES)
    }
