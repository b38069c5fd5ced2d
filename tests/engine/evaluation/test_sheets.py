"""Contact sheets for the docs: twenty directions, one picture each, and a page that shows them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.evaluation.sheets import CHOSEN, FROZEN, directions
from genmo_blender.protocol.requests import GenerateRequest, validate
from tests.engine.test_pipeline import checkpoint

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "animators" / "takes.md"


def test_there_are_ten_of_our_choice_and_ten_of_the_frozen_prompts() -> None:
    assert len(CHOSEN) == len(FROZEN) == 10 and len({d.name for d in directions()}) == 20
    for direction in directions():
        validate(GenerateRequest(direction.seconds, direction.spans()))


def test_the_page_shows_every_sheet_with_its_prompts_and_they_are_small() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"\]\(\.\./pictures/takes/(\w+)\.jpg\)", text)
    assert shown == [d.name for d in directions()]
    for direction in directions():
        assert all(prompt in text for prompt, _ in direction.texts)
    sizes = [(DOCS / "pictures" / "takes" / f"{name}.jpg").stat().st_size for name in shown]
    assert 0 < sum(sizes) < 2_000_000


def test_the_command_draws_what_is_asked_for(tmp_path, capsys) -> None:
    save_checkpoint(tmp_path / "tiny.safetensors", checkpoint())
    names = [CHOSEN[0].name, f"rule_{FROZEN[0]}"]
    arguments = ["sheets", "--model", str(tmp_path / "tiny.safetensors"), "--steps", "2", "--takes", "1"]
    assert main([*arguments, "--out", str(tmp_path / "é"), "--only", *names]) == 0
    assert [(tmp_path / "é" / f"{name}.jpg").read_bytes()[:3] for name in names] == [b"\xff\xd8\xff"] * 2
    assert "keep the rule" in capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path), "--only", "cartwheel"]) == 1
    assert "No sheet is called cartwheel" in capsys.readouterr().err


@pytest.mark.parametrize("takes", ["0", "99"])
def test_a_number_of_takes_that_cannot_be_made_is_refused(takes: str, tmp_path, capsys) -> None:
    assert main(["sheets", "--out", str(tmp_path), "--takes", takes]) == 1
    assert "takes are not possible" in capsys.readouterr().err
