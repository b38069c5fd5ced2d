"""Writes tools/locks/*.txt from tools/locks/*.in: packages pinned, files hashed, no word of where they come from.

Run `python3 -m tools.make_locks` after changing an .in file; needs the program `uv` on the PATH and a package registry
that it is configured for. Only developers run this; build.py reads the finished locks with pip.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"

# uv reads the registry, where torch 2.13.0 for Linux is the CUDA build. PyTorch's own CPU build of the same release,
# torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl, is another file with another hash: torch.txt admits both.
TORCH_CPU_HASHES = ("sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",)

TORCH = re.compile(r"torch==")

# What the CUDA build of torch needs beside the packages that both builds need.
CUDA_PACKAGE = re.compile(r"(nvidia-|cuda-|triton==)")

HEADER = "# Made by tools/make_locks.py from {source}; do not edit.\n"


def compile_lock(source: Path) -> str:
    """Resolves one .in file for every platform from Python 3.11 on and returns the lock's text."""
    command = ["uv", "pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.11", "--no-header"]
    command += ["--no-annotate", "--quiet", source.name]
    return subprocess.run(command, cwd=LOCKS, check=True, capture_output=True, text=True).stdout


def entries(lock: str) -> list[str]:
    """The lock's requirements, each with its continuation lines of hashes."""
    return [entry for entry in re.split(r"\n(?=\S)", lock.strip()) if not entry.startswith("#")]


def add_torch_cpu(entry: str) -> str:
    """Adds the CPU build's hashes to torch's entry."""
    return entry + "".join(f" \\\n    --hash={digest}" for digest in TORCH_CPU_HASHES)


def write_lock(name: str, source: str, wanted: list[str]) -> None:
    """Writes tools/locks/NAME.txt."""
    (LOCKS / f"{name}.txt").write_text(HEADER.format(source=source) + "\n".join(wanted) + "\n", encoding="utf-8")
    print(f"{name}.txt: {len(wanted)} packages")


def main() -> int:
    """Writes every lock; the engine's first, because others are constrained by it."""
    if shutil.which("uv") is None:
        print("make_locks needs the program uv: install it with `pip install uv`.", file=sys.stderr)
        return 1
    names = sorted((path.stem for path in LOCKS.glob("*.in")), key=lambda name: (name != "engine", name))
    for name in names:
        found = entries(compile_lock(LOCKS / f"{name}.in"))
        write_lock(name, f"{name}.in", [e for e in found if not CUDA_PACKAGE.match(e) and not TORCH.match(e)])
        if name == "engine":
            write_lock("torch", f"{name}.in", [add_torch_cpu(entry) for entry in found if TORCH.match(entry)])
            write_lock("torch-cuda", f"{name}.in", [entry for entry in found if CUDA_PACKAGE.match(entry)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
