"""Which importer reads a folder, and how its clips reach training."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training import corpus, pack
from genmo_blender.engine.training.importers import folders
from genmo_blender.engine.training.samples import Caption
from genmo_blender.protocol.failures import RequestFailure, StorageFailure

from .motions import DATA
from .test_aistpp import NAMES, dance
from .test_amass import smplh
from .test_keypoints import write

BVH = Path(__file__).parents[3] / "data" / "bvh"


def make(kind, at):
    """A small data set with motion of two performers, where its kind has motion."""
    at.mkdir()
    if kind == "motion shards":
        shutil.copytree(DATA, at, dirs_exist_ok=True)
    elif kind == "HumanML3D":
        (at / "texts").mkdir()
        rows = []
        for n in (1, 2):
            smplh(at / "KIT" / str(n) / "walk_poses.npz")
            rows.append(f"./pose_data/KIT/{n}/walk_poses.npy,0,40,00000{n}.npy\n")
            (at / "texts" / f"00000{n}.txt").write_text("a person walks#x#0.0#0.0\n")
        (at / "index.csv").write_text("source_path,start_frame,end_frame,new_name\n" + "".join(rows))
    elif kind == "AIST++":
        for name in NAMES[:2]:
            dance(at / f"{name}.pkl")
    elif kind == "BEAT2":
        smplh(at / "smplxflame_30" / "1_wayne_0_1_1.npz", fps=30.0)
        smplh(at / "smplxflame_30" / "2_scott_0_1_1.npz", fps=30.0)
    elif kind == "BVH":
        shutil.copytree(BVH, at, dirs_exist_ok=True)
    elif kind == "AMASS":
        smplh(at / "KIT" / "1" / "walk_poses.npz")
        smplh(at / "KIT" / "2" / "walk_poses.npz")
    else:
        write(at / "one.json")
        write(at / "two.npz")
    return at


KINDS = [importer.name for importer in folders.IMPORTERS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_known_by_what_lies_in_it_and_gives_clips(kind, tmp_path):
    found = folders.importer_of(make(kind, tmp_path / "data"))
    assert found.name == kind
    clips = found.load(tmp_path / "data")
    assert len(clips) >= 2 and len({c.id for c in clips}) == len(clips)
    assert bool(found.note) == (kind in ("HumanML3D", "AIST++", "BEAT2", "AMASS"))


def test_what_is_no_data_is_refused_with_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.json").write_text("{}")
    for name, words in (("empty", "is empty"), ("other", "holds no motion"), ("nowhere", "is not a folder")):
        with pytest.raises(RequestFailure, match=words) as caught:
            folders.importer_of(tmp_path / name)
        assert name in caught.value.sentence and "AMASS" in caught.value.remedy and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_that_decides_the_clips_decides_the_fingerprint(kind, tmp_path):
    data = make(kind, tmp_path / "data")
    before = corpus.fingerprint([data])
    assert before == corpus.fingerprint([data])
    (data / "README").write_text("read nothing here")
    assert corpus.fingerprint([data]) == before
    for path in folders.importer_of(data).files(data):
        whole = path.read_bytes()
        path.write_bytes(whole + b" ")
        assert corpus.fingerprint([data]) != before
        path.write_bytes(whole)
    assert corpus.fingerprint([data]) == before


def test_a_file_more_in_a_sub_folder_makes_another_cache(tmp_path):
    data = make("AMASS", tmp_path / "data")
    pack.prepared([data], tmp_path / "cache")
    smplh(data / "KIT" / "3" / "more_poses.npz")
    (data / "KIT" / "3" / "more_poses.txt").write_text("a person walks\n")
    clips = pack.prepared([data], tmp_path / "cache")
    assert len(clips.train) + len(clips.val) == 3 and len(list((tmp_path / "cache").iterdir())) == 2


def test_motion_of_all_kinds_is_prepared_once_and_read_from_the_cache(tmp_path, monkeypatch):
    data = [make(kind, tmp_path / f"data {i}") for i, kind in enumerate(KINDS)]
    first = pack.prepared(data, tmp_path / "cache")

    def never(*_):
        raise AssertionError("imported again")

    monkeypatch.setattr(corpus, "all_clips", never)
    monkeypatch.setattr(pack, "all_clips", never)
    again = pack.prepared(data, tmp_path / "cache")
    assert {c.source for c in again.train} >= {"HumanML3D", "AIST++", "BEAT2", "BVH", "AMASS"}
    assert again.notes == first.notes and len(again.notes) == 3
    for one, other in zip(first.train + first.val, again.train + again.val, strict=True):
        assert one.id == other.id and np.array_equal(one.rotations, other.rotations)


def test_footage_and_what_belongs_to_clips_survive_packing(tmp_path):
    footage, talk = make("2D footage", tmp_path / "2d"), make("BEAT2", tmp_path / "talk")
    (footage / "one.txt").write_text("a person squats\n")
    (talk / "wave16k").mkdir()
    (talk / "wave16k" / "1_wayne_0_1_1.wav").write_bytes(b"RIFF")
    packed = tmp_path / "all.pack.npz"
    pack.write_pack(packed, [footage, talk])
    read = pack.read_pack(packed)
    wanted = {c.id: c for c in folders.importer_of(footage).load(footage)}
    assert {c.id for c in read.footage} == {"one", "two"} and {c.split for c in read.footage} == {"train", "val"}
    for clip in read.footage:
        assert np.array_equal(clip.keypoints.points, wanted[clip.id].keypoints.points)
        assert clip.keypoints.size == (1280, 720) and clip.frames == 60 and len(clip.transl) == 0
    assert next(c for c in read.footage if c.id == "one").captions == (Caption("a person squats", 0, 60, "trial"),)
    assert {c.id for c in (*read.train, *read.val)} == {"1_wayne_0_1_1", "2_scott_0_1_1"}
    assert {Path(c.voice).name for c in (*read.train, *read.val)} == {"1_wayne_0_1_1.wav", ""}


def test_footage_alone_is_nothing_to_train_on(tmp_path):
    with pytest.raises(StorageFailure, match="no clips of split “train”"):
        pack.write_pack(tmp_path / "x.pack.npz", [make("2D footage", tmp_path / "2d")])


def test_a_pack_of_an_earlier_version_says_so(tmp_path):
    packed = tmp_path / "all.pack.npz"
    pack.write_pack(packed, [make("AMASS", tmp_path / "data")])
    arrays = dict(np.load(packed))
    meta = json.loads(str(arrays["meta"]))
    np.savez(packed, **arrays | {"meta": np.array(json.dumps(meta | {"format": 1}))})
    with pytest.raises(StorageFailure, match="its format is 1, not 2"):
        pack.read_pack(packed)
