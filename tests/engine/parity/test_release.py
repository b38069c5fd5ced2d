"""Our numbers are the release's: every array of every open case, within its tolerance."""

from importlib import import_module
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.parity import CASE_MODULES, run
from genmo_blender.engine.parity.framework import ParityFolder

CASES = Path(__file__).parents[2] / "data" / "parity"


@pytest.mark.parametrize("module", CASE_MODULES)
def test_every_array_of_the_release_is_met(module: str) -> None:
    lines: list[str] = []
    # Whatever is made without a device lies where nothing can be computed: on a graphics card it would lie beside it.
    with torch.device("meta"):
        assert run(CASES, [module], lines.append) == 0, "\n".join(lines)


def test_every_file_of_the_release_belongs_to_one_case() -> None:
    folder = ParityFolder(CASES)
    modules = (import_module(f"genmo_blender.engine.parity.{module}") for module in CASE_MODULES)
    files = sorted(folder.file(case.file).name for module in modules for case in module.CASES)
    assert files == sorted(path.name for path in CASES.iterdir() if path.name != "README.md")
