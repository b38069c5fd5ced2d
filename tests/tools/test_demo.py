"""The demo's command line, and what it prints; Blender itself is another program here."""

import json
import sys
from pathlib import Path

import pytest

from tools import demo
from tools.demo import RESULTS, SHOWN, make_demo, read_arguments
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


def test_the_built_in_model_is_asked_for_by_a_switch() -> None:
    assert read_arguments(["--lite"]) == {**read_arguments([]), "lite": True}


PLAYED = """
import json, pathlib, sys
job = json.loads(pathlib.Path(sys.argv[1]).read_text())
print("00:08.911  render           | Video append frame 1")
print("demo: directing", flush=True)
print("EGL Error (0x3009): EGL_BAD_MATCH", file=sys.stderr, flush=True)
print("Warning: Only about the first 30 words count.", flush=True)
if job["seed"] == 13:
    sys.exit("Hero is in Edit Mode.")
for name in RESULTS:
    (pathlib.Path(job["out"]) / name).write_text(json.dumps(job))
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether torch was asked for, for each start of what stands in for Blender."""
    asked: list[bool] = []

    def run_in_blender(version, archive, arguments, torch, run):  # type: ignore[no-untyped-def]
        asked.append(torch)
        script = f"RESULTS = {RESULTS!r}\n{PLAYED}"
        return run([sys.executable, "-c", script, arguments[1]], {}, tmp_path)

    monkeypatch.setattr(demo, "run_in_blender", run_in_blender)
    monkeypatch.setattr(demo, "package", lambda: tmp_path / "a.zip")
    monkeypatch.setattr(demo, "log_of", lambda name: tmp_path / f"{name}.log")
    return asked


def test_only_our_own_lines_are_printed_and_the_rest_goes_to_a_log(
    started: list[bool], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert make_demo(["--out", str(out), "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["demo: directing", "Warning: Only about the first 30 words count."]
    assert [line.split(":")[0] for line in lines[2:]] == [str(out / name) for name in RESULTS]
    log = (tmp_path / "demo.log").read_text()
    assert "Video append frame 1" in log and "EGL Error" in log and all(mark in log for mark in SHOWN)
    assert started == [True] and json.loads((out / "demo.json").read_text())["seed"] == 7


def test_a_failure_is_printed_with_the_end_of_the_log_and_leaves_no_results(
    started: list[bool], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_demo(["--lite", "--out", str(tmp_path / "out"), "--seed", "13"]) == 1
    said = capsys.readouterr().out
    assert said.rstrip().endswith("Hero is in Edit Mode.") and str(tmp_path / "demo.log") in said
    assert started == [False] and not list((tmp_path / "out").iterdir())
