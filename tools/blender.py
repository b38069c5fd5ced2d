"""Python with bpy and the installed extension, apart from the user's own Blender."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .environments import BLENDER, ENGINE, ready
from .shell import BUILD, ROOT, through

RUNNER = ROOT / "tools" / "in_blender.py"


class Run(Protocol):
    """Runs a program and returns its exit status, as `shell.through` does."""

    def __call__(self, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> int: ...


def run_in_blender(
    version: str,
    archive: Path,
    arguments: Sequence[str | Path],
    cwd: Path | None = None,
    torch: bool = True,
    run: Run = through,
) -> int:
    """Installs the extension's zip into an empty Blender, runs a script or `-m MODULE` in it, returns the exit status.

    The user's preferences and extensions are neither read nor written: everything lies in a folder that is removed
    afterwards. With ``torch`` the extension is told which Python has it, which is made first; without, it finds no
    engine and its built-in model answers.
    """
    python = ready(BLENDER[version])
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"blender-{version}-", dir=BUILD) as resources:
        env = blender_environment(Path(resources), archive, torch)
        return run([python, "-P", RUNNER, archive, *arguments], env, cwd or Path.cwd())


def blender_environment(resources: Path, archive: Path, torch: bool = True) -> dict[str, str]:
    """The environment variables under which Blender's module runs here; see `run_in_blender` for ``torch``."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BLENDER_")}
    env.pop("GENMO_ENGINE_PYTHON", None)
    env |= {"BLENDER_USER_RESOURCES": str(resources), "GENMO_EXTENSION_ZIP": str(archive)}
    return env | ({"GENMO_ENGINE_PYTHON": str(ready(ENGINE))} if torch else {})
