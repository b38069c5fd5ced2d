import pickle

import numpy as np
import pytest

from genmo_blender.engine.training import songs
from genmo_blender.engine.training.importers import aistpp
from genmo_blender.protocol.failures import StorageFailure
from genmo_blender.sound import music

from ...conditions.sounds import clicks, write_wave
from .motions import same_motion, smpl_arrays

NAMES = ("gBR_sBM_cAll_d04_mBR0_ch01", "gBR_sFM_cAll_d05_mBR1_ch03", "gHO_sBM_cAll_d19_mHO5_ch02")


def dance(path, **change):
    poses, trans = smpl_arrays(60.0, z_up=False, joints=24)
    content = {"smpl_loss": 1.5, "smpl_poses": poses, "smpl_scaling": np.array([93.5]), "smpl_trans": trans * 93.5}
    path.write_bytes(pickle.dumps({k: v for k, v in (content | change).items() if v is not None}, protocol=2))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "motions").mkdir()
    (tmp_path / "wavs").mkdir()
    for name in NAMES:
        dance(tmp_path / "motions" / f"{name}.pkl")
    write_wave(tmp_path / "wavs" / "mBR0.wav", clicks(110.0, 8.0), music.RATE)
    return tmp_path


def test_dances_come_at_30_in_metres_with_their_songs(folder):
    clips = aistpp.load(folder)
    assert [c.id for c in clips] == list(NAMES)
    assert all(same_motion(c) and c.tags == ("dance",) for c in clips)
    assert [c.music for c in clips] == [str((folder / "wavs" / "mBR0.wav").resolve()), "", ""]
    assert sorted(c.split for c in clips) == ["train", "train", "val"]


def test_a_dance_hears_the_song_it_was_danced_to(folder, tmp_path):
    clips = aistpp.load(folder)
    table = songs.song_table(clips, None, "train", tmp_path / "cache")
    assert table.offset.tolist() == [0, 1, 1, 1] and table.dance.tolist() == [True, False, False]
    features = songs.load_song(folder / "wavs" / "mBR0.wav").features[: clips[0].frames]
    assert np.allclose(table.features.numpy(), music.standardised(features).astype(np.float16))
    (folder / "wavs" / "mBR0.wav").unlink()
    with pytest.raises(StorageFailure, match="There is no song .*mBR0.wav"):
        songs.song_table(clips, None, "train", tmp_path / "other")


def test_lists_say_what_is_held_out_and_what_is_ignored(folder):
    (folder / "splits").mkdir()
    (folder / "splits" / "crossmodal_train.txt").write_text(f"{NAMES[0]}\n")
    (folder / "splits" / "crossmodal_val.txt").write_text(f"{NAMES[1]}\n")
    assert [c.split for c in aistpp.load(folder)] == ["train", "val", "unlisted"]
    (folder / "ignore_list.txt").write_text(f"{NAMES[1]}\n")
    assert [c.id for c in aistpp.load(folder)] == [NAMES[0], NAMES[2]]
    assert {p.suffix for p in aistpp.files(folder)} == {".pkl", ".wav", ".txt"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"smpl_poses": None}, "no dance of AIST"),
        ({"smpl_scaling": "large"}, "no dance of AIST"),
        ({"smpl_poses": np.full((10, 72), np.nan), "smpl_trans": np.zeros((10, 3))}, "not numbers"),
        ({"smpl_poses": np.zeros((10, 51)), "smpl_trans": np.zeros((10, 3))}, "not those of one SMPL body"),
    ],
)
def test_what_is_no_dance_is_named(folder, change, words):
    dance(folder / "motions" / f"{NAMES[1]}.pkl", **change)
    with pytest.raises(StorageFailure, match=words) as caught:
        aistpp.load(folder)
    assert NAMES[1] in caught.value.sentence and "\n" not in str(caught.value)


def test_a_half_written_dance_is_named(folder):
    path = folder / "motions" / f"{NAMES[2]}.pkl"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(StorageFailure, match=f"{NAMES[2]}.*half-written"):
        aistpp.load(folder)
