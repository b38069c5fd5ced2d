"""The extension's zip: complete, lean, the same every time."""

import ast
import os
import zipfile
from pathlib import Path

import pytest

from tools.packaging import contents, manifest, write_zip
from tools.shell import ROOT, Stop


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small checkout with what a real one has and what must stay out."""
    made = {
        "blender_manifest.toml": 'id = "genmo_motion"\nversion = "1.2.3"\nwheels = ["./wheels/a-1-py3-none-any.whl"]\n',
        "LICENSE": "free",
        "build.py": "",
        "genmo_blender/__init__.py": "",
        "genmo_blender/engine/network/blocks.py": "",
        "genmo_blender/engine/prompt_rules.json": "{}",
        "genmo_blender/engine/__pycache__/blocks.pyc": "",
        "assets/body.npz": "b",
        "assets/text_encoder/vocabulary.txt": "v",
        "assets/text_encoder/.gitattributes": "",
        "wheels/a-1-py3-none-any.whl": "w",
        "wheels/README.md": "",
        "tests/test_a.py": "",
        "tools/evaluator/text_motion.safetensors": "",
    }
    for name, text in made.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "house"


def test_the_package_is_the_root_beside_manifest_assets_and_wheels(house: Path, tmp_path: Path) -> None:
    archive = write_zip(house, tmp_path / "out")
    assert archive.name == "genmo_motion-1.2.3.zip"
    assert zipfile.ZipFile(archive).namelist() == [
        "LICENSE",
        "__init__.py",
        "assets/body.npz",
        "assets/text_encoder/vocabulary.txt",
        "blender_manifest.toml",
        "engine/network/blocks.py",
        "engine/prompt_rules.json",
        "wheels/a-1-py3-none-any.whl",
    ]
    assert os.listdir(tmp_path / "out") == [archive.name]


def test_the_same_files_give_the_same_bytes_whatever_their_age(house: Path, tmp_path: Path) -> None:
    first = write_zip(house, tmp_path / "one").read_bytes()
    for path in house.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    (house / "genmo_blender/__init__.py").chmod(0o755)
    assert write_zip(house, tmp_path / "two").read_bytes() == first


def test_a_wheel_that_is_named_but_missing_is_refused_by_name(house: Path) -> None:
    (house / "wheels/a-1-py3-none-any.whl").unlink()
    with pytest.raises(Stop, match="a-1-py3-none-any.whl"):
        contents(house)


def test_this_checkout_packs_every_source_file_and_no_test() -> None:
    packed = contents(ROOT)
    sources = {path.relative_to(ROOT / "genmo_blender").as_posix() for path in (ROOT / "genmo_blender").rglob("*.py")}
    assert sources <= packed.keys()
    assert not [name for name in packed if "test" in Path(name).parts[0] or name.endswith(".pyc")]


def test_the_extension_and_the_project_agree_on_the_version_and_never_call_themselves_blender() -> None:
    about = manifest(ROOT)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{about["version"]}"' in project
    assert "blender" not in about["name"].lower()
    assert all(about["permissions"].values())


def test_the_package_imports_without_blender_and_without_anything_heavy() -> None:
    tree = ast.parse((ROOT / "genmo_blender/__init__.py").read_text(encoding="utf-8"))
    imported = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [node.module for node in imported if isinstance(node, ast.ImportFrom)] == ["__future__"] * len(imported)
