"""How the parts of `build.py test` add up to one exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import blender, pause
from tools.pause import training_paused
from tools.shell import ROOT, Stop, quietly, sifted, through
from tools.testing import BLENDER_TESTS, NOTHING_COLLECTED, closing, heading, marked, on_own_paths, read_arguments


@pytest.mark.parametrize(
    ("results", "narrowed", "status"),
    [
        ({"check": 0, "engine": 0}, False, 0),
        ({"check": 1, "engine": 0}, False, 1),
        ({"check": 0, "engine": 139}, True, 1),
        ({"engine": 0, "blender": NOTHING_COLLECTED}, False, 1),
        ({"engine": 0, "blender": NOTHING_COLLECTED}, True, 0),
        ({"engine": NOTHING_COLLECTED}, True, 1),
    ],
)
def test_one_failed_or_empty_part_fails_the_whole(results: dict[str, int], narrowed: bool, status: int) -> None:
    assert closing(results, narrowed) == status


def test_a_part_that_cannot_start_has_failed() -> None:
    def step() -> int:
        raise Stop("Nothing is installed.")

    assert heading("engine", step) == 1


def test_what_follows_the_dashes_goes_to_pytest() -> None:
    options = read_arguments(["engine", "--long", "--", "-k", "frames", "--", "x"])
    assert (options.parts, options.long, options.pytest) == (["engine"], True, ["-k", "frames", "--", "x"])


def test_each_part_gets_its_own_paths_and_all_other_arguments() -> None:
    asked: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        asked.append(arguments)
        return 0

    typed = ["tests/tools", "-k", "keys", "tests/blender/conftest.py::one"]
    assert on_own_paths(typed, "tests", run) == on_own_paths(typed, BLENDER_TESTS, run) == 0
    assert on_own_paths(["-q"], BLENDER_TESTS, run) == 0
    assert on_own_paths(["tests/tools"], BLENDER_TESTS, run) == NOTHING_COLLECTED
    assert asked == [
        ["tests/tools", "-k", "keys"],
        ["tests/blender/conftest.py::one", "-k", "keys"],
        [BLENDER_TESTS, "-q"],
    ]


@pytest.mark.parametrize(
    ("long", "others", "words"),
    [
        (False, [], ["-m", "not long"]),
        (True, [], []),
        (False, ["not torch"], ["-m", "not long and not torch"]),
        (True, ["torch"], ["-m", "torch"]),
    ],
)
def test_parts_choose_tests_by_their_marks(long: bool, others: list[str], words: list[str]) -> None:
    assert marked(long, *others) == words


def test_blender_without_torch_knows_no_engine_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENMO_ENGINE_PYTHON", "/an/engine")
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", "/mine")
    monkeypatch.setattr(blender, "ready", lambda environment: Path("/made") / environment.name)
    without = blender.blender_environment(tmp_path, tmp_path / "a.zip", torch=False)
    assert "GENMO_ENGINE_PYTHON" not in without and "BLENDER_USER_SCRIPTS" not in without
    assert without["BLENDER_USER_RESOURCES"] == str(tmp_path) and without["PATH"] == os.environ["PATH"]
    assert blender.blender_environment(tmp_path, tmp_path / "a.zip")["GENMO_ENGINE_PYTHON"] == "/made/engine"


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(Stop, match="no part 'motor'"):
        read_arguments(["motor"])


def test_training_waits_for_a_file_named_by_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause.Path, "home", lambda: tmp_path)
    monkeypatch.delenv("GENMO_PAUSED_BY", raising=False)  # set when build.py runs this
    with training_paused() as mark:
        assert mark == tmp_path / ".cache/genmo_blender/pause" / str(os.getpid())
        assert mark.is_file()
        assert os.environ["GENMO_PAUSED_BY"] == mark.name
    assert not mark.exists()
    assert "GENMO_PAUSED_BY" not in os.environ


def test_a_failed_step_shows_the_end_of_its_log(tmp_path: Path) -> None:
    code = "print('because of this'); raise SystemExit(3)"
    with pytest.raises(Stop, match="(?s)Trying failed; .*because of this"):
        quietly([sys.executable, "-c", code], "Trying", tmp_path / "log")


def test_a_sifted_programs_status_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import os, sys; print('ours: a'); print('b', flush=True); os.kill(os.getpid(), 9)"
    assert sifted([sys.executable, "-c", code], os.environ, tmp_path, tmp_path / "logs" / "log", ["ours: "]) == 137
    assert capsys.readouterr().out.splitlines()[0] == "ours: a"
    assert (tmp_path / "logs" / "log").read_text() == "ours: a\nb\n"


def test_a_program_that_is_not_there_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="could not be started"):
        quietly([tmp_path / "nothing"], "Trying", tmp_path / "log")
    with pytest.raises(Stop, match="could not be started"):
        through([tmp_path / "nothing"])
    with pytest.raises(Stop, match="could not be started"):
        sifted([tmp_path / "nothing"], {}, tmp_path, tmp_path / "log", [])


def test_a_program_ended_by_a_signal_does_not_count_as_passed() -> None:
    assert through([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 137


@pytest.mark.parametrize(("typed", "status"), [([], 2), (["--help"], 0), (["fly"], 2), (["test", "motor"], 1)])
def test_build_py_answers_without_a_traceback(typed: list[str], status: int) -> None:
    done = subprocess.run([sys.executable, "build.py", *typed], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "usage" in done.stdout + done.stderr or done.stderr.startswith("build.py: ")
