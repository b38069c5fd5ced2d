"""What is not our motion is refused with one sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training.importers import shards
from genmo_blender.protocol.failures import StorageFailure

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(DATA, tmp_path / "motion")
    return tmp_path / "motion"


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_arrays(folder, **change):
    path = next(folder.glob("*.npz"))
    arrays = dict(np.load(path))
    np.savez(path, **{k: change[k](v) if k in change else v for k, v in arrays.items()})


def refused(folder, words):
    with pytest.raises(StorageFailure) as caught:
        shards.load(folder)
    assert words in caught.value.sentence and caught.value.remedy
    assert "\n" not in str(caught.value)


def test_the_unchanged_folder_loads(folder):
    assert len(shards.load(folder)) == len(json.loads((folder / "clips.json").read_text())["clips"])


def test_an_empty_folder(tmp_path):
    refused(tmp_path, "not a folder of motion shards")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_half_written_shard(folder, share):
    path = next(folder.glob("*.npz"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(folder, "half-written")


def test_a_half_written_list_of_clips(folder):
    text = (folder / "clips.json").read_text()
    (folder / "clips.json").write_text(text[: len(text) // 2])
    refused(folder, "half-written")


def test_a_shard_without_its_arrays(folder):
    path = next(folder.glob("*.npz"))
    np.savez(path, other=np.zeros(3))
    refused(folder, "not a folder of motion shards")


def test_a_shard_that_ends_before_its_clips_do(folder):
    change_arrays(folder, quat=lambda q: q[:-40], trans=lambda t: t[:-40])
    refused(folder, "cut short")


def test_another_skeleton(folder):
    joints = json.loads((folder / "skeleton.json").read_text())["joints"]
    change(folder / "skeleton.json", joints=[*joints[:-1], "tail"])
    refused(folder, "skeleton is not the body's 22 joints")


def test_the_body_s_joints_in_another_tree(folder):
    parents = json.loads((folder / "skeleton.json").read_text())["parents"]
    change(folder / "skeleton.json", parents=[*parents[:-1], 0])
    refused(folder, "skeleton is not the body's 22 joints")


def test_another_frame_rate(folder):
    clips = json.loads((folder / "clips.json").read_text())["clips"]
    clips[1]["fps"] = 120
    change(folder / "clips.json", clips=clips)
    refused(folder, "120 frames a second instead of 30")


def test_values_that_are_not_numbers(folder):
    def broken(path):
        path = path.copy()
        path[5] = np.nan
        return path

    change_arrays(folder, trans=broken)
    refused(folder, "not numbers")


def test_rotations_that_are_nothing(folder):
    def broken(q):
        q = q.copy()
        q[7, 3] = 0
        return q

    change_arrays(folder, quat=broken)
    refused(folder, "rotations that are nothing")
