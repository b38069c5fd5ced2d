"""The demo's command line."""

from pathlib import Path

import pytest

from tools.demo import read_arguments
from tools.shell import Stop


def test_the_default_scene_has_at_least_two_prompts_and_ends_with_the_last() -> None:
    job = read_arguments([])
    assert len(job["prompts"]) >= 2
    assert job["length"] == max(prompt["end"] for prompt in job["prompts"])
    assert Path(job["out"]).name == "out"


def test_prompts_are_read_and_put_in_order(tmp_path: Path) -> None:
    typed = ["--prompt", "2.5-6: a person sits down", "--prompt", "0-2.5: a person walks", "--seed", "7"]
    job = read_arguments([*typed, "--out", str(tmp_path), "--length", "5"])
    assert job == {
        "prompts": [
            {"text": "a person walks", "start": 0.0, "end": 2.5},
            {"text": "a person sits down", "start": 2.5, "end": 6.0},
        ],
        "length": 5.0,
        "seed": 7,
        "out": str(tmp_path),
    }


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--prompt", "walk"], "“walk” has no range that can be read"),
        (["--prompt", "0-4:"], "has no words"),
        (["--prompt", "4-0: walk"], "ends before it starts"),
        (["--prompt", "0-0.1: walk"], "range is too short"),
        (["--prompt", "0-4: walk", "--length", "-1"], "no length"),
        (["--prompt", "5-9: walk", "--length", "4"], "after the range's end"),
        (["--seed", "-1"], "A seed lies between"),
    ],
)
def test_what_cannot_be_generated_is_refused_with_a_sentence(typed: list[str], said: str) -> None:
    with pytest.raises(Stop) as stopped:
        read_arguments(typed)
    assert said in str(stopped.value)
