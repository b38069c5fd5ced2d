"""Our numbers are the release's: every array of every open case, within its tolerance."""

from pathlib import Path

import pytest

from genmo_blender.engine.parity import CASE_MODULES, run

CASES = Path(__file__).parents[2] / "data" / "parity"


@pytest.mark.parametrize("module", CASE_MODULES)
def test_every_array_of_the_release_is_met(module: str) -> None:
    lines: list[str] = []
    assert run(CASES, [module], lines.append) == 0, "\n".join(lines)
