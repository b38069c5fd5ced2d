"""A whole shot as an animator makes it, in a real window of Blender 5.2 (`build.py test --ui`)."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from tools.window import drive_from_environment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "out" / "ui"
PICTURES = (
    "01-empty",
    "02-strips",
    "03-generating",
    "04-take",
    "05-next-take",
    "06-kept",
    "07-cancelled",
    "08-waits",
    "09-built-in",
)


@pytest.fixture(scope="module")
def results() -> dict:
    """What the driven shot has noted; its engine is a real process outside the window's system."""
    python = os.environ["GENMO_ENGINE_PYTHON"]
    switches = ["--step-seconds", "0.3", "--steps", "20"]
    engine = ["chroot", "/outside", python, str(ROOT / "tests" / "scripted_engine.py"), *switches]
    for name in PICTURES:
        (OUT / f"{name}.png").unlink(missing_ok=True)
    (OUT / "results.json").unlink(missing_ok=True)
    assert drive_from_environment(HERE / "drive_shot.py", OUT, [shlex.join(engine)]) == 0
    noted = json.loads((OUT / "results.json").read_text(encoding="utf-8"))
    assert noted["error"] == ""
    return noted


def test_the_character_is_found_by_search_and_prompts_are_typed_in_the_panel(results):
    assert results["character"]
    assert results["texts"] == ["a person walks forward", "a person waves with the left hand"]


def test_two_takes_arrive_and_play(results):
    assert results["before"] == 0
    assert len(results["waiting"]) == 2 and results["playing"]


def test_generate_is_one_undo_step(results):
    assert results["after undo"] == [0, [], False]
    assert results["redone"]


def test_the_next_take_is_another(results):
    assert results["another take"] and results["shown"] == results["waiting"][1]


def test_keep_is_one_undo_step(results):
    assert results["kept"] == [results["waiting"][1]] and results["waiting after keep"] == []
    assert results["waiting after undo"] == results["waiting"]
    assert results["kept again"]


def test_cancel_changes_nothing(results):
    assert results["unchanged by cancel"]
    assert results["message"] == "Cancelled. Character is unchanged."


def test_takes_wait_while_the_animator_drags(results):
    assert results["dragging"]
    still_dragging, nothing_written, message = results["waits for the drag"]
    assert still_dragging and nothing_written
    assert message == "Takes for Character are ready. They arrive when Move has ended."
    assert results["arrived after the drag"] == 1


def test_the_built_in_model_answers_where_no_engine_is_named(results):
    assert results["fresh"] == "Ready · built-in model"
    assert results["built-in"] == ["Ready · built-in model · CPU", 1]


def test_every_picture_was_taken(results):
    assert [name for name in PICTURES if not (OUT / f"{name}.png").stat().st_size > 10_000] == []
