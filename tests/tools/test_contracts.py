"""The house's rules find what breaks them, and only that."""

from pathlib import Path

import pytest

from tools.contracts import LONGEST_FILE, LONGEST_FUNCTION, findings


def breaches(root: Path, name: str, text: str) -> list[str]:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return list(findings(root, [Path(name)]))


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("genmo_blender/motion/a.py", "from ..protocol import requests", "motion may not import protocol"),
        ("genmo_blender/motion/a.py", "from .. import protocol", "motion may not import protocol"),
        ("genmo_blender/protocol/a.py", "from ..prompts.checks import normalise", "protocol may not import prompts"),
        ("genmo_blender/motion/a.py", "import torch", "motion may not import torch"),
        ("genmo_blender/engine/body/a.py", "from ...addon.keying import write", "engine may not import addon"),
        ("genmo_blender/engine/a.py", "import bpy", "engine may not import bpy"),
        ("genmo_blender/addon/a.py", "def late():\n    from ..engine import service", "addon may not import engine"),
        ("genmo_blender/addon/a.py", "import torch.nn", "addon may not import torch"),
        ("genmo_blender/lite/a.py", "from ..engine.network import config", "lite may not import engine"),
        ("genmo_blender/__init__.py", "import bpy", "genmo_blender may not import bpy"),
        ("genmo_blender/engine/a.py", "from genmo_blender.motion import axes", "only relative imports"),
        ("genmo_blender/engine/a.py", "import genmo_blender", "only relative imports"),
        ("genmo_blender/cellar/a.py", "import json", "cellar is no room"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, name: str, line: str, said: str) -> None:
    (found,) = breaches(tmp_path, name, line + "\n")
    assert found.startswith(f"{name}:")
    assert said in found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("genmo_blender/__init__.py", "def register():\n    from . import addon\n"),
        (
            "genmo_blender/motion/a.py",
            "from __future__ import annotations\nimport json\nimport numpy\nfrom . import b\n",
        ),
        ("genmo_blender/engine/body/a.py", "import torch\nfrom ...motion import axes\nfrom ..body import b\n"),
        ("genmo_blender/addon/operators/a.py", "import bpy\nfrom ...protocol import frames\nfrom .. import jobs\n"),
        ("tests/engine/a.py", "import torch\nfrom genmo_blender.engine import network\n"),
    ],
)
def test_what_the_rooms_allow_is_not_found(tmp_path: Path, name: str, text: str) -> None:
    assert breaches(tmp_path, name, text) == []


def test_a_long_file_is_found(tmp_path: Path) -> None:
    assert breaches(tmp_path, "tools/a.py", "x = 1\n" * LONGEST_FILE) == []
    (found,) = breaches(tmp_path, "tools/a.py", "x = 1\n" * (LONGEST_FILE + 1))
    assert f"{LONGEST_FILE + 1} lines" in found


def test_a_long_function_is_found(tmp_path: Path) -> None:
    body = "    x = 1\n"
    assert breaches(tmp_path, "tests/a.py", "def f():\n" + body * (LONGEST_FUNCTION - 1)) == []
    (found,) = breaches(tmp_path, "tests/a.py", "def f():\n" + body * LONGEST_FUNCTION)
    assert "f has 81 lines" in found


@pytest.mark.parametrize("place", ["/wor" + "k/main", "/hom" + "e/somebody/x", "C:\\Us" + "ers\\x", "/roo" + "t/x"])
@pytest.mark.parametrize("name", ["docs/a.md", "tools/a.py", "build"])
def test_a_path_of_one_machine_is_found(tmp_path: Path, place: str, name: str) -> None:
    (found,) = breaches(tmp_path, name, f"# see {place}\n")
    assert found.startswith(f"{name}:1:")


def test_binary_files_and_ordinary_paths_are_left_alone(tmp_path: Path) -> None:
    assert breaches(tmp_path, "docs/a.md", "See genmo_blender/engine and ~/.cache; work/main is a folder.\n") == []
    (tmp_path / "blob").write_bytes(b"\xff\xfe/wor" + b"k/main")
    assert list(findings(tmp_path, [Path("blob")])) == []
