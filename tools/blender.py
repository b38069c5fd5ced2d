"""Python with bpy and the installed extension, apart from the user's own Blender."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .environments import BLENDER, ENGINE, ready
from .shell import BUILD, ROOT, through

RUNNER = ROOT / "tools" / "in_blender.py"


def run_in_blender(version: str, archive: Path, arguments: Sequence[str | Path], cwd: Path | None = None) -> int:
    """Installs the extension's zip into an empty Blender, runs a script or `-m MODULE` in it, returns the exit status.

    The user's preferences and extensions are neither read nor written: everything lies in a folder that is removed
    afterwards. GENMO_ENGINE_PYTHON tells the extension which Python has torch.
    """
    python = ready(BLENDER[version])
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"blender-{version}-", dir=BUILD) as resources:
        env = blender_environment(Path(resources), archive)
        return through([python, "-P", RUNNER, archive, *arguments], env, cwd or Path.cwd())


def blender_environment(resources: Path, archive: Path) -> dict[str, str]:
    """The environment variables under which Blender's module runs here."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BLENDER_")}
    env |= {
        "BLENDER_USER_RESOURCES": str(resources),
        "GENMO_ENGINE_PYTHON": str(ready(ENGINE)),
        "GENMO_EXTENSION_ZIP": str(archive),
    }
    return env
