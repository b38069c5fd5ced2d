"""What must come from the system's own packages: installed as root on a Debian, named in a sentence otherwise."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable

from .shell import Stop, is_root, log_of, quietly

# The shared libraries that Blender's module links to or opens, and Debian's packages of them. Without libEGL a render
# with Workbench ends the whole process instead of failing.
BLENDER_LIBRARIES = {
    "libXrender.so.1": "libxrender1",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libGL.so.1": "libgl1",
    "libSM.so.6": "libsm6",
    "libEGL.so.1": "libegl1",
}


def loads(library: str) -> bool:
    """Whether the dynamic linker finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def need_blender_libraries() -> None:
    """Makes sure that Blender's module can be imported and can render. Raises Stop naming what is missing."""
    if not sys.platform.startswith("linux"):
        return
    missing = [package for library, package in BLENDER_LIBRARIES.items() if not loads(library)]
    install(missing, "Blender's Python module")
    still = [library for library in BLENDER_LIBRARIES if not loads(library)]
    if still:
        raise Stop(f"Blender's Python module needs {', '.join(still)}, which the system still does not find.")


def need_venv() -> None:
    """Makes sure that this Python can make environments with pip in them."""
    if importlib.util.find_spec("ensurepip") is None:
        install([f"python{sys.version_info.major}.{sys.version_info.minor}-venv"], "Making Python environments")
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip") is None:
            raise Stop("This Python has no ensurepip and cannot make environments: install its venv package.")


def need_programs(programs: dict[str, str], purpose: str) -> None:
    """Makes sure that programs are on the PATH; `programs` maps each name to the Debian package that brings it."""
    install([package for program, package in programs.items() if shutil.which(program) is None], purpose)


def install(packages: Iterable[str], purpose: str) -> None:
    """Installs Debian packages as root. Raises Stop with the command to type when we are not root."""
    wanted = sorted(set(packages))
    if not wanted:
        return
    names = " ".join(wanted)
    if shutil.which("apt-get") is None:
        raise Stop(f"{purpose} needs what Debian calls {names}: install that with your system's package manager.")
    if not is_root():
        raise Stop(f"{purpose} needs system packages: run `sudo apt-get install {names}` and try again.")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    quietly(["apt-get", "update"], "Reading the list of system packages", log_of("apt"), env)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
    quietly(command, f"Installing {names}", log_of("apt"), env)
