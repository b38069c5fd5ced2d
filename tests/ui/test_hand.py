"""Keyed poses, direction and clean-up in a real window of Blender 5.2 (`build.py test --ui`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.window import drive_from_environment

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "out" / "ui-hand"
PICTURES = ("20-blocking", "21-between", "21-panels", "22-directed", "23-pinned", "24-held", "25-clean-up", "26-panels")


@pytest.fixture(scope="module")
def results() -> dict:
    """What the driven window has noted."""
    for old in OUT.glob("*.*"):
        old.unlink()
    assert drive_from_environment(HERE / "drive_hand.py", OUT, screen="1280x1600x24") == 0
    noted = json.loads((OUT / "results.json").read_text(encoding="utf-8"))
    assert noted["error"] == ""
    return noted


def test_selected_keys_are_filled_between_and_stay(results):
    assert results["in-between"] == ["FINISHED"] and results["own keys stay"]
    assert results["keys between"] > 1000
    assert "Your keys at 4 times are kept" in results["between says"]


def test_a_kept_in_between_lands_in_the_own_action(results):
    said, same = results["kept"]
    assert said.startswith("Kept ") and same


def test_the_hand_is_at_its_pin(results):
    assert results["path"] == ["FINISHED"] and results["another take"]
    assert results["hand from its pin"] < 0.01


def test_feet_are_locked(results):
    assert results["feet"].startswith("Feet of Character: slide")


def test_every_panel_and_overlay_drew(results):
    assert results["failed"] == []
    assert [name for name in PICTURES if not (OUT / f"{name}.png").stat().st_size > 10_000] == []
    assert "Traceback" not in (OUT / "blender.log").read_text(encoding="utf-8", errors="replace")
