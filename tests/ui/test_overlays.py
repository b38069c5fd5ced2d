"""What is drawn while one works, in a real window of Blender 5.2 (`build.py test --ui`): pixels, and what clicks do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.window import drive_from_environment

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "out" / "ui-overlays"
SOME = 150
"""Pixels: more than a flickering edge, less than the smallest thing that was drawn."""


@pytest.fixture(scope="module")
def results() -> dict:
    """What the driven window has noted."""
    for old in OUT.glob("*.*"):
        old.unlink()
    assert drive_from_environment(HERE / "drive_overlays.py", OUT) == 0
    noted = json.loads((OUT / "results.json").read_text(encoding="utf-8"))
    assert noted["error"] == ""
    return noted


@pytest.mark.parametrize("what", ["path", "ghosts", "contacts", "numbers", "lane"])
def test_each_switch_shows_and_hides_its_pixels(results, what):
    assert results[what] > SOME


def test_the_range_of_the_waiting_take_is_known(results):
    assert results["take range"] == [1, 145]


def test_a_click_in_the_lane_picks_the_strip_and_leaves_the_keys_alone(results):
    assert results["picked"] == ["a person waves with the left hand", "a person walks forward"]
    assert results["keys stay selected"]
    assert results["picked at the top"] == "a person waves with the left hand"


def test_clicks_beside_the_lane_and_where_it_is_off_are_the_dope_sheet_s(results):
    selected, picked = results["passes on beside the lane"]
    assert selected < results["keys before"] and picked == "a person walks forward"
    assert results["passes on where the lane is off"] == "a person walks forward"


def test_words_are_edited_in_the_popup(results):
    assert results["edited"] == ["a person waves with the left hand", "hi"]


def test_nothing_failed_to_draw(results):
    assert results["failed"] == []
    drawn = [json.loads(line)["what"] for line in (OUT / "measured.jsonl").read_text(encoding="utf-8").splitlines()]
    assert drawn.count("overlays") > 20 and drawn.count("lane") > 20
    assert "Traceback" not in (OUT / "blender.log").read_text(encoding="utf-8", errors="replace")
