"""The Python environments under .build/: made from hashed locks, stamped with their hashes, remade when one changes.

| environment | locks | for |
| --- | --- | --- |
| engine | torch, engine (+ torch-cuda where pip chose the CUDA build), engine-tests for the tests | torch |
| bpy-4.5, bpy-5.0 | the same names | Blender as a module, and pytest |
| check | check | ruff and mypy |

pip does the installing and honours the user's configuration: no index is named here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .shell import BUILD, Stop, log_of, quietly, say
from .system import need_blender_libraries, need_venv

LOCKS = Path(__file__).parent / "locks"
PYTHON = (3, 11)  # the Python of Blender 4.5 and 5.0, whose modules exist for no other


@dataclass(frozen=True)
class Environment:
    """A folder under .build/ and the locks that are installed into it, in order."""

    name: str
    locks: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return BUILD / self.name

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


ENGINE = Environment("engine", ("torch", "engine"))
ENGINE_TESTS = Environment("engine", ("torch", "engine", "engine-tests"))
CHECK = Environment("check", ("check",))
BLENDER = {version: Environment(f"bpy-{version}", (f"bpy-{version}",)) for version in ("4.5", "5.0")}
NEWEST_BLENDER = "5.0"


def ready(environment: Environment) -> Path:
    """Returns the interpreter of an environment, made first where it is missing or its locks have changed.

    Raises Stop when something is missing that we may not install.
    """
    if environment in BLENDER.values():
        need_blender_libraries()
    with only_one(environment.name):
        if not is_current(environment):
            create(environment)
        for lock in environment.locks:
            if not (environment.folder / "locks" / lock).is_file():
                install_lock(environment, lock)
        check_complete(environment)
    return environment.python


def is_current(environment: Environment) -> bool:
    """Whether the environment exists and nothing in it was installed from a lock that reads differently now."""
    stamps = sorted((environment.folder / "locks").glob("*"))
    known = all((LOCKS / f"{stamp.name}.txt").is_file() for stamp in stamps)
    return (
        bool(stamps)
        and environment.python.is_file()
        and known
        and all(stamp.read_text() == fingerprint(stamp.name) for stamp in stamps)
    )


def fingerprint(lock: str) -> str:
    """The hash of a lock's text."""
    return hashlib.sha256((LOCKS / f"{lock}.txt").read_bytes()).hexdigest()


def create(environment: Environment) -> None:
    """Makes an empty environment with pip, in place of an older or half-made one."""
    base = base_python()
    need_venv()
    shutil.rmtree(environment.folder, ignore_errors=True)
    log_of(environment.name).unlink(missing_ok=True)
    command = [base, "-m", "venv", str(environment.folder)]
    quietly(command, f"Making the Python environment {environment.name}", log_of(environment.name))


def base_python() -> str:
    """The Python 3.11 that environments are made of: the running one, or the one on the PATH."""
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    wanted = f"python{PYTHON[0]}.{PYTHON[1]}"
    found = shutil.which(wanted)
    if found is None:
        raise Stop(f"Blender's modules need {wanted}, and it is not on the PATH: install it and try again.")
    return found


def install_lock(environment: Environment, lock: str) -> None:
    """Installs one lock and stamps it. Dependencies come from the locks alone."""
    source: list[str | Path] = []
    if lock == "torch":
        source = ["--no-index", "--find-links", download_torch(environment)]
    command = [*pip(environment, "install"), "--no-deps", "--require-hashes", *source, "-r", LOCKS / f"{lock}.txt"]
    quietly(command, f"Installing {lock} into {environment.name}", log_of(environment.name))
    if lock == "torch":
        shutil.rmtree(environment.folder / "download")
        if torch_is_cuda(environment):
            say("pip's configuration offers torch's CUDA build, not a CPU one: NVIDIA's libraries, 3 GB, come with it.")
            install_lock(environment, "torch-cuda")
    stamp = environment.folder / "locks" / lock
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(fingerprint(lock))


def pip(environment: Environment, action: str) -> list[str | Path]:
    """The command of an environment's own pip."""
    return [environment.python, "-m", "pip", action, "--no-input", "--disable-pip-version-check"]


def download_torch(environment: Environment) -> Path:
    """Lets pip choose torch's wheel by the user's configuration; returns its folder. Hashes are checked later.

    Asked for hashes at once, pip would prefer a registry's file, whose hash it sees, to a CPU build in a folder.
    """
    requirement = re.findall(r"^torch==\S+", (LOCKS / "torch.txt").read_text(), re.MULTILINE)[0]
    folder = environment.folder / "download"
    command = [*pip(environment, "download"), "--no-deps", "--only-binary", ":all:", "-d", folder, requirement]
    quietly(command, f"Getting {requirement}", log_of(environment.name))
    return folder


def torch_is_cuda(environment: Environment) -> bool:
    """Whether pip's choice of torch was the CUDA build, which needs NVIDIA's libraries as packages.

    That is what the public registry serves for Linux; a CPU build is used where pip's configuration offers one.
    """
    found = [item for item in packages(environment) if item.name == "torch"]
    return any("nvidia-" in requirement for item in found for requirement in item.requires or ())


def packages(environment: Environment) -> list[importlib.metadata.Distribution]:
    """What is installed in an environment."""
    sites = [environment.folder / "Lib" / "site-packages", *environment.folder.glob("lib/python3*/site-packages")]
    return list(importlib.metadata.distributions(path=[str(site) for site in sites]))


def check_complete(environment: Environment) -> None:
    """Lets pip check once that the locks left no dependency out. Raises Stop when they did."""
    stamps = "\n".join(stamp.read_text() for stamp in sorted((environment.folder / "locks").glob("*")))
    checked = environment.folder / "complete"
    if not checked.is_file() or checked.read_text() != stamps:
        quietly(pip(environment, "check"), f"Checking {environment.name}", log_of(environment.name))
        checked.write_text(stamps)


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Keeps two build.py of one checkout from making the same environment at the same time; the second one waits.

    Raises Stop where the checkout cannot be written to.
    """
    try:
        BUILD.mkdir(exist_ok=True)
    except OSError as error:
        raise Stop(f"{BUILD} cannot be made ({error.strerror}): work in a checkout that you may write to.") from error
    with open(BUILD / f"{name}.lock", "w") as handle:
        if os.name == "posix":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
