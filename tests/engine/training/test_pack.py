import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training import corpus, pack
from genmo_blender.engine.training.blows import with_punches
from genmo_blender.motion import rotations
from genmo_blender.protocol.failures import StorageFailure

SAID = ("id", "captions", "tags", "split", "source", "stylised")
DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tests' motion with one clip held out."""
    folder = tmp_path_factory.mktemp("data") / "motion"
    shutil.copytree(DATA, folder)
    content = json.loads((folder / "clips.json").read_text())
    content["clips"][0]["split"] = "val"
    (folder / "clips.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def packed(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "motion.pack.npz"
    pack.write_pack(path, [folder])
    return path


def test_a_pack_holds_the_locked_clips_of_both_splits_and_their_captions(folder, packed):
    read = pack.read_pack(packed)
    assert read.data_sha256 == corpus.fingerprint([folder])
    for split, clips in (("train", read.train), ("val", read.val)):
        locked = [with_punches(corpus.locked(c)) for c in corpus.load_clips([folder], split)]
        assert len(clips) == len(locked) > 0
        for one, other in zip(clips, locked, strict=True):
            assert all(getattr(one, name) == getattr(other, name) for name in SAID)
            assert np.abs(one.transl - other.transl).max() < 6e-6  # metres
            difference = rotations.multiply(rotations.conjugate(one.rotations), other.rotations)
            assert 2 * np.abs(difference[..., 1:]).max() < 1e-4  # radians
            assert np.all(np.sum(one.rotations[1:] * one.rotations[:-1], -1) >= 0)


def test_numpy_and_json_alone_read_a_pack(packed):
    with np.load(packed, allow_pickle=False) as archive:
        meta = json.loads(str(archive["meta"]))
        frames = sum(c["frames"] for c in meta["clips"])
        assert archive["rotations"].shape == (66, frames) and archive["rotations"].dtype == np.int16
        assert archive["transl"].shape == (3, frames) and archive["transl"].dtype == np.int32


def test_a_folder_is_locked_once_and_read_from_the_cache_afterwards(folder, tmp_path, monkeypatch):
    first = pack.prepared([folder], tmp_path)

    def never(clip):
        raise AssertionError("locked again")

    monkeypatch.setattr(pack, "locked", never)
    again = pack.prepared([folder], tmp_path)
    assert all(np.array_equal(a.rotations, b.rotations) for a, b in zip(first.train, again.train, strict=True))
    assert len(list(tmp_path.iterdir())) == 1


def test_other_data_has_another_cache(folder, tmp_path):
    pack.prepared([folder], tmp_path)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    content = json.loads((other / "clips.json").read_text())
    content["clips"][1]["captions"][0]["text"] = "a person hops"
    (other / "clips.json").write_text(json.dumps(content))
    said = {c.text for clip in pack.prepared([other], tmp_path).train for c in clip.captions}
    assert "a person hops" in said
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_a_pack_trains_as_its_folder_does(folder, packed, tmp_path):
    one, other = pack.prepared([folder], tmp_path), pack.prepared([packed], tmp_path)
    assert one.data_sha256 == other.data_sha256
    a, b = corpus.build(list(one.train)), corpus.build(list(other.train))
    assert a.sentences == b.sentences and np.array_equal(a.pose, b.pose)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_half_written_pack_is_refused_with_a_sentence(packed, tmp_path, share):
    whole = packed.read_bytes()
    path = tmp_path / "half.pack.npz"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(StorageFailure, match="not prepared motion"):
        pack.read_pack(path)


def test_a_missing_pack_and_another_npz_are_refused_with_sentences(tmp_path):
    with pytest.raises(StorageFailure, match="There is no file"):
        pack.prepared([tmp_path / "none.pack.npz"], tmp_path)
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(StorageFailure, match="not prepared motion"):
        pack.read_pack(tmp_path / "other.npz")


def test_data_without_a_held_out_split_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(StorageFailure, match="no clips of split “val”"):
        pack.write_pack(tmp_path / "x.pack.npz", [DATA])
    assert not list(tmp_path.iterdir())
