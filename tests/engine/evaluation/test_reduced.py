"""The measurement of Reduce Keys, on a clip that lies beside the tests."""

import json
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.evaluation.reduced import FPS, measure, prepare
from genmo_blender.engine.training.importers import shards

CLIPS = Path(__file__).parents[2] / "data" / "motion"


def test_a_recorded_clip_is_reduced_within_what_is_allowed() -> None:
    clip = max(shards.load(CLIPS), key=lambda c: c.frames)
    motion = prepare("clip", clip.rotations, clip.transl, seconds=3.0)
    assert len(motion.path) == len(motion.standing) == int((min(clip.frames, 90) - 1) / 30 * FPS + 1e-6) + 1
    found, took = measure(motion)
    assert found.worst <= 5.002 and found.slide <= 0.11
    assert found.share < 0.5 and took > 0


def test_takes_are_read_and_a_table_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = np.zeros((160, 66), np.float32)
    np.savez(tmp_path / "still.npz", root_orient=still[:, :3], pose_body=still[:, 3:], trans=still[:, :3] + 1)
    assert main(["reduce-keys", "--takes", str(tmp_path / "still.npz"), "--out", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())[0]["keys"] == 0
    assert "made: still" in capsys.readouterr().out


def test_what_is_no_motion_gets_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.npz").write_bytes(b"no")
    assert main(["reduce-keys", "--takes", str(tmp_path / "no.npz")]) == 1
    assert "holds no motion" in capsys.readouterr().err
    assert main(["reduce-keys"]) == 1
