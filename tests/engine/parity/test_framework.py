"""A parity case must not pass by being overlooked."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.parity.framework import (
    Case,
    CaseData,
    CaseResult,
    ParityFolder,
    error_ratio,
    kept_stride,
    run_case,
    run_cases,
)
from genmo_blender.protocol.failures import StorageFailure


@pytest.fixture
def folder(tmp_path: Path) -> ParityFolder:
    for stem in ("gem_small", "gem_small_reg"):
        (tmp_path / f"{stem}_secret.json").write_text("{}", encoding="utf-8")
    meta = json.dumps({"tolerance": {"atol": 0.1, "rtol": 0.0}})
    np.savez(tmp_path / "case.npz", meta=meta, x=np.arange(3.0), y=np.arange(3.0) * 2, z=np.arange(3))
    return ParityFolder(tmp_path)


def doubling(data: CaseData) -> None:
    data.check("y", data["x"] * 2)
    data.check("z", np.arange(3))


def outcome(folder: ParityFolder, run, inputs=("x",), compared=("y", "z")) -> CaseResult:
    return run_case(folder, Case("case.npz", inputs, compared, run))


def test_a_case_passes_when_everything_is_read_and_compared(folder: ParityFolder) -> None:
    result = outcome(folder, doubling)
    assert result.passed and result.compared == 2 and result.inputs == 1 and result.worst == 0.0


def test_the_word_of_a_set_comes_from_its_files(folder: ParityFolder) -> None:
    assert folder.word == "secret"
    assert folder.file("body_{word}.npz").name == "body_secret.npz"


def test_a_folder_that_is_no_set_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageFailure, match="not one set of parity cases"):
        ParityFolder(tmp_path)


@pytest.mark.parametrize(
    ("inputs", "compared", "problem"),
    [
        (("x",), ("y",), "array z is not listed"),
        (("x", "w"), ("y", "z"), "missing input array w"),
        (("x",), ("y", "z", "v_*"), "missing compared array v_\\*"),
        (("x", "y"), ("y", "z"), "listed as input and as compared"),
    ],
)
def test_a_listing_that_differs_from_the_file_fails(folder: ParityFolder, inputs, compared, problem: str) -> None:
    result = outcome(folder, doubling, inputs, compared)
    assert not result.passed
    assert any(p.startswith(problem.split("\\")[0]) or problem in p for p in result.problems)


def test_an_input_that_nobody_reads_fails(folder: ParityFolder) -> None:
    def cheat(data: CaseData) -> None:
        data.check("y", np.arange(3.0) * 2)
        data.check("z", np.arange(3))

    assert "input x was never read" in outcome(folder, cheat).problems


def test_an_output_that_nobody_compares_fails(folder: ParityFolder) -> None:
    def forgetful(data: CaseData) -> None:
        data.check("y", data["x"] * 2)

    assert "array z was never compared" in outcome(folder, forgetful).problems


@pytest.mark.parametrize("wrong", [0.11, math.nan, math.inf])
def test_a_number_outside_its_tolerance_fails(folder: ParityFolder, wrong: float) -> None:
    def off(data: CaseData) -> None:
        data.check("y", data["x"] * 2 + wrong)
        data.check("z", np.arange(3))

    assert not outcome(folder, off).passed


def test_an_exception_fails_its_case_alone(folder: ParityFolder) -> None:
    def broken(data: CaseData) -> None:
        raise RuntimeError("no such layer")

    result = outcome(folder, broken)
    assert not result.passed and "RuntimeError: no such layer" in result.problems


def test_a_missing_file_fails(folder: ParityFolder) -> None:
    result = run_case(folder, Case("other.npz", (), (), doubling))
    assert result.problems == ("file other.npz is missing",)


def test_a_file_that_no_case_reads_fails_a_complete_run(folder: ParityFolder) -> None:
    cases = [Case("case.npz", ("x",), ("y", "z"), doubling)]
    lines: list[str] = []
    assert run_cases(folder, cases, whole=True, say=lines.append) == 2  # the two JSON files
    assert run_cases(folder, cases, whole=False, say=lines.append) == 0


def test_integers_must_be_equal_and_not_a_number_may_only_meet_itself() -> None:
    loose = {"atol": 5.0, "rtol": 1.0}
    assert error_ratio(np.array([1, 2]), np.array([1, 3]), loose) == math.inf
    assert error_ratio(np.array([math.nan, 1.0]), np.array([math.nan, 1.0]), loose) == 0.0
    assert error_ratio(np.array([0.0, 1.0]), np.array([math.nan, 1.0]), loose) == math.inf
    with pytest.raises(ValueError, match="shape"):
        error_ratio(np.zeros(3), np.zeros((3, 1)), loose)


def test_rotations_are_compared_by_their_angle(folder: ParityFolder, tmp_path: Path) -> None:
    turn = np.array([[0.0, np.pi - 1e-4, 0.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    np.savez(tmp_path / "case.npz", meta=json.dumps({"tolerance": "exact"}), turn=turn)

    def other_side(limit: float) -> CaseResult:
        flipped = torch.tensor([[0.0, -np.pi, 0.0], [0.0, 0.0, 0.0]])  # almost the same rotation, the other way round
        return outcome(folder, lambda data: data.check_rotation("turn", flipped, limit), (), ("turn",))

    assert other_side(0.01).passed
    assert not other_side(0.001).passed


def test_the_kept_frames_of_an_output_are_those_that_the_file_names() -> None:
    meta = {"explain": "run B keeps every 8th frame"}
    assert kept_stride(meta, 150, 19) == 8
    assert kept_stride(meta, 150, 150) == 1
    with pytest.raises(ValueError, match="does not say"):
        kept_stride({}, 150, 19)
