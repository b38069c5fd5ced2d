"""One bench of engines a test; nothing it started outlives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.addon_logic.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "é 漢 user"
    folder.mkdir()
    bench = Bench(folder)
    yield bench
    for engine in bench.engines:
        engine.stop(0.0)
