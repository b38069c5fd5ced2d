import numpy as np
import pytest

from genmo_blender.engine.training.importers import beat2
from genmo_blender.engine.training.samples import Caption
from genmo_blender.protocol.failures import StorageFailure
from genmo_blender.sound import music

from ...conditions.sounds import clicks, write_wave
from .motions import same_motion, smpl_arrays

GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.0
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2.0
        intervals: size = 3
        intervals [1]:
            xmin = 0.0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.0
            text = "well"
        intervals [3]:
            xmin = 1.0
            xmax = 99.0
            text = "then"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 2.0
        intervals: size = 1
        intervals [1]:
            xmin = 0.0
            xmax = 2.0
            text = "W"
"""


@pytest.fixture
def folder(tmp_path):
    for name in (beat2.MOTION, beat2.VOICE, beat2.WORDS):
        (tmp_path / name).mkdir()
    poses, trans = smpl_arrays(30.0, z_up=False, joints=55)
    for name in ("1_wayne_0_1_1", "1_wayne_0_2_2", "2_scott_0_1_1"):
        arrays = {"poses": poses, "trans": trans, "betas": np.zeros(300), "expressions": np.zeros((len(poses), 100))}
        np.savez(tmp_path / beat2.MOTION / f"{name}.npz", mocap_frame_rate=30, model="smplx2020", **arrays)
    write_wave(tmp_path / beat2.VOICE / "1_wayne_0_1_1.wav", clicks(100.0, 2.0), music.RATE)
    (tmp_path / beat2.WORDS / "1_wayne_0_1_1.TextGrid").write_text(GRID)
    return tmp_path


def test_talks_come_with_their_voice_and_words(folder):
    clips = beat2.load(folder)
    assert [c.id for c in clips] == ["1_wayne_0_1_1", "1_wayne_0_2_2", "2_scott_0_1_1"]
    assert all(same_motion(c, degrees=0.01) and not c.captions for c in clips)
    assert clips[0].voice.endswith("1_wayne_0_1_1.wav") and not clips[1].voice
    frames = clips[0].frames
    assert clips[0].words == (Caption("well", 15, 30, "spoken"), Caption("then", 30, frames, "spoken"))
    assert clips[1].words == ()
    assert clips[0].split == clips[1].split != clips[2].split  # a speaker is in one split


def test_the_list_says_what_is_held_out(folder):
    (folder / beat2.LIST).write_text("id,type\n1_wayne_0_1_1,val\n1_wayne_0_2_2,additional\n")
    assert [c.split for c in beat2.load(folder)] == ["val", "train", "unlisted"]
    assert {p.suffix for p in beat2.files(folder)} == {".npz", ".wav", ".TextGrid", ".csv"}
    (folder / beat2.LIST).write_text("name;split\n")
    with pytest.raises(StorageFailure, match="train_test_split.csv.*not BEAT2's list"):
        (folder / beat2.LIST).write_text("name,split\n1_wayne_0_1_1,val\n")
        beat2.load(folder)


def test_a_transcript_in_utf_16_is_read_and_another_file_named(folder):
    path = folder / beat2.WORDS / "1_wayne_0_1_1.TextGrid"
    path.write_bytes(GRID.encode("utf-16"))
    assert [w.text for w in beat2.load(folder)[0].words] == ["well", "then"]
    path.write_text("hello")
    with pytest.raises(StorageFailure, match="TextGrid.*tier of words"):
        beat2.load(folder)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StorageFailure, match="not a TextGrid"):
        beat2.load(folder)


def test_broken_motion_is_named(folder):
    path = folder / beat2.MOTION / "2_scott_0_1_1.npz"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(StorageFailure, match="2_scott_0_1_1.npz.*half-written"):
        beat2.load(folder)
