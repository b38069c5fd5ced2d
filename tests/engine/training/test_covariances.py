"""How training motion hangs together over time (engine/training/covariances.py)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training import covariances
from genmo_blender.engine.training.importers import shards
from genmo_blender.motion.expected import Covariances

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def measured():
    return covariances.measured(shards.load(DATA), lags=20, numbers=12)


def test_they_are_those_of_a_process(measured):
    """Whatever frames are asked, no combination of numbers has a variance below zero."""
    frames, everything = np.arange(20), slice(0, None)
    matrix = measured.matrix(frames, everything, frames, everything)
    assert np.allclose(matrix, matrix.T)
    least, most = np.linalg.eigvalsh(matrix)[[0, -1]]
    assert least > -1e-9 * most and most > 0


def test_left_and_right_are_alike(measured):
    """The mirror image is measured too: nothing is stepped to one side on the whole, nor turned."""
    assert abs(measured.mean[66]) < 1e-6 and abs(measured.mean[68]) < 1e-6
    assert measured.mean[67] > 0 and 0.5 < measured.mean[65] < 1.2
    left, right = measured.turn[0], measured.turn[1]
    assert np.allclose(left, right * [1, 1, -1, -1], atol=1e-4)


def test_the_command_writes_what_prediction_reads(tmp_path, capsys):
    folder, out = tmp_path / "motion", tmp_path / "covariances.npz"
    shutil.copytree(DATA, folder)
    content = json.loads((folder / "clips.json").read_text())
    content["clips"][0]["split"] = "val"  # training needs one that is held out
    (folder / "clips.json").write_text(json.dumps(content))
    assert covariances.main(["--data", str(folder), "--out", str(out), "--cache", str(tmp_path)]) == 0
    assert "frames" in capsys.readouterr().out
    read = Covariances.load(out)
    assert read.basis.shape == (66, covariances.NUMBERS) and len(read.by_lag) == covariances.LAGS
    assert np.linalg.eigvalsh(read.by_lag[0]).min() > 0


def test_without_motion_there_is_one_sentence(tmp_path, capsys):
    options = ["--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "x.npz"), "--cache", str(tmp_path)]
    assert covariances.main(options) == 1
    told = capsys.readouterr().err
    assert "nothing" in told and told.count("\n") == 1
