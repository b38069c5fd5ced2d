import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training.importers import bvh
from genmo_blender.engine.training.samples import Caption
from genmo_blender.motion import rotations
from genmo_blender.protocol.failures import StorageFailure
from tests.motion.bvh_files import MIXAMO, bvh_text

from .motions import same_motion, sole_height, walk

FILES = Path(__file__).parents[3] / "data" / "bvh"


@pytest.fixture
def folder(tmp_path):
    """Two performers, one of them twice."""
    text = bvh_text(walk().rotations, walk().transl, 30, MIXAMO, unit=100)
    for name in ("ann/1.bvh", "ann/2.BVH", "bob/1.bvh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_motion_comes_back_and_a_performer_is_held_out(folder):
    (folder / "bob" / "1.txt").write_text("a person walks\nhe slows down#x#1.0#1.5\n")
    clips = bvh.load(folder)
    assert [c.id for c in clips] == ["ann/1", "ann/2", "bob/1"] and all(same_motion(c) for c in clips)
    assert clips[0].split == clips[1].split != clips[2].split
    frames = clips[2].frames
    assert clips[2].captions == (
        Caption("a person walks", 0, frames, "trial"),
        Caption("he slows down", 30, 45, "motion"),
    )
    assert len(bvh.files(folder)) == 4


def test_real_files_of_three_conventions_stand_on_the_floor_at_30(tmp_path):
    shutil.copytree(FILES, tmp_path / "bvh")
    clips = {c.id.split("_")[1]: c for c in bvh.load(tmp_path / "bvh")}
    # The first frame of 07_01 is a T pose: 160 of 161 frames at 120 a second are left.
    assert {name: c.frames for name, c in clips.items()} == {"07": 40, "131": 31, "walk": 17}
    for clip in clips.values():
        assert abs(sole_height(clip)) < 0.04
        steps = rotations.multiply(rotations.conjugate(clip.rotations[:-1]), clip.rotations[1:])
        assert np.degrees(np.linalg.norm(rotations.to_rotation_vector(steps), axis=-1)).max() < 40
        heading = np.degrees(rotations.heading(clip.rotations[:, 0].astype(np.float64)))
        assert np.abs(heading).max() < 45


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[: len(t) // 2], "of its"),
        (lambda t: t[:700], "HIERARCHY"),
        (lambda t: "", "HIERARCHY"),
        (lambda t: t.replace("LeftUpLeg", "Wheel"), "left thigh"),
        (lambda t: t.replace("Frame Time: 0.03333333", "Frame Time: 0"), "0 frames a second"),
        (lambda t: t.replace("Frame Time: 0.03333333", "Frame Time: 0.5"), "2 frames a second"),
        (lambda t: t.replace("Frame Time: 0.03333333", "Frame Time: soon"), "soon"),
        (lambda t: t[: t.rindex("\n", 0, -2)] + "\n" + "nan " * 69 + "\n", "not numbers"),
        (lambda t: t.replace("OFFSET", "OFFSET x"), "x"),
    ],
)
def test_what_is_no_motion_of_a_person_is_named(folder, change, words):
    path = folder / "bob" / "1.bvh"
    path.write_text(change(path.read_text()))
    with pytest.raises(StorageFailure, match=words) as caught:
        bvh.load(folder)
    assert "bob/1.bvh" in caught.value.sentence and caught.value.remedy and "\n" not in str(caught.value)
