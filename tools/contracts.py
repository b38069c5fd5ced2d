"""The house's rules, read from the source: who may import whom, how large things grow, no path of one machine.

Imports are read from the syntax tree, those inside functions too. A room's row in ROOMS is all that it may import, so
that the ground floor stays on the standard library and numpy, which a list of forbidden imports could not promise.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "genmo_blender"
LONGEST_FILE = 600
LONGEST_FUNCTION = 80

GROUND_FLOOR = frozenset({"protocol", "motion", "prompts", "sound", "model"})
BLENDER_MODULES = frozenset({"bpy", "bpy_extras", "mathutils", "gpu", "gpu_extras", "blf", "aud", "addon_utils"})
# transformers and PIL are not in the engine's lock: what needs them says so where they are missing.
TORCH_SIDE = frozenset({"torch", "safetensors", "av", "transformers", "PIL"})


@dataclass(frozen=True)
class Room:
    """What a room may import besides itself and the standard library."""

    rooms: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()


ROOMS = {
    "protocol": Room(packages=frozenset({"numpy"})),
    "motion": Room(packages=frozenset({"numpy"})),
    "prompts": Room(packages=frozenset({"numpy"})),
    "sound": Room(frozenset({"protocol"}), frozenset({"numpy"})),
    "model": Room(frozenset({"protocol", "prompts", "motion", "sound"}), frozenset({"numpy"})),
    "lite": Room(GROUND_FLOOR, frozenset({"numpy"})),
    "engine": Room(GROUND_FLOOR, frozenset({"numpy"}) | TORCH_SIDE),
    "addon": Room(GROUND_FLOOR, frozenset({"numpy"}) | BLENDER_MODULES),
    "": Room(frozenset({"addon"})),  # genmo_blender/__init__.py, Blender's face
}

# Written so that this line does not find itself.
MACHINE_PATH = re.compile(
    r"/(?:wor[k]|roo[t]|hom[e]|User[s]|opt/wheel[s])/\w|[A-Z]:\\+User[s]\\|pyp[i]\.org|pythonhoste[d]"
)
TEXT_FILES = (".py", ".toml", ".md", ".json", ".txt", ".in", ".cfg", ".sh", "")


@dataclass(frozen=True)
class Import:
    """One imported module, as a dotted name without leading dots, and whether it was written with them."""

    line: int
    module: str
    relative: bool


def findings(root: Path, paths: list[Path]) -> Iterator[str]:
    """Every breach in the given files, which are relative to `root`, one line each: FILE:LINE: what is wrong."""
    for path in paths:
        if path.suffix not in TEXT_FILES:
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            found = MACHINE_PATH.search(line)
            if found:
                yield f"{path}:{number}: names a place of one machine or a registry ({found.group()}...)"
        if path.suffix == ".py":
            yield from source_findings(path, text)


def source_findings(path: Path, text: str) -> Iterator[str]:
    """The breaches of one Python file."""
    tree = ast.parse(text, str(path))
    lines = len(text.splitlines())
    if lines > LONGEST_FILE:
        yield f"{path}:1: {lines} lines, {LONGEST_FILE} at most: give its second idea a file of its own"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, {LONGEST_FUNCTION} at most"
    if path.parts[0] == PACKAGE:
        yield from contract_findings(path, tree)


def contract_findings(path: Path, tree: ast.Module) -> Iterator[str]:
    """The imports of one file of the package that its room does not allow."""
    name = path.parts[1] if len(path.parts) > 2 else ""
    if name not in ROOMS:
        yield f"{path}:1: {name} is no room of tools/contracts.py: say there what it may import"
        return
    room = ROOMS[name]
    for item in dict.fromkeys(imports(path, tree)):
        parts = item.module.split(".")
        if parts[0] != PACKAGE:
            if parts[0] not in sys.stdlib_module_names and parts[0] not in room.packages:
                yield f"{path}:{item.line}: {name or PACKAGE} may not import {parts[0]}"
        elif not item.relative:
            yield f"{path}:{item.line}: {item.module} by its full name: only relative imports work inside the package"
        elif len(parts) > 1 and parts[1] in ROOMS and parts[1] != name and parts[1] not in room.rooms:
            yield f"{path}:{item.line}: {name or PACKAGE} may not import {parts[1]}"


def imports(path: Path, tree: ast.Module) -> Iterator[Import]:
    """Every import of a file of the package, `from . import name` as the name's module."""
    package = path.with_suffix("").parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, False)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                outside = not node.level and node.module and not node.module.startswith(PACKAGE)
                yield Import(node.lineno, stem if outside else f"{stem}.{alias.name}", node.level > 0)
