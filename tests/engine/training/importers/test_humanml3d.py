import numpy as np
import pytest

from genmo_blender.engine.training.importers import humanml3d
from genmo_blender.engine.training.paraphrases import mirror_words
from genmo_blender.engine.training.samples import Caption, mirrored
from genmo_blender.protocol.failures import StorageFailure

from .motions import same_motion, walk
from .test_amass import smplh, smplx

HEAD = "source_path,start_frame,end_frame,new_name\n"
WORDS = (
    "a person walks, swinging the left arm.#a/DET person/NOUN walk/VERB#0.0#0.0\nhe turns#he/PRON turn/VERB#0.5#1.0\n"
)


@pytest.fixture
def folder(tmp_path):
    """Two cuts of SMPL-H motion, one of SMPL-X, one that is not there and one of HumanAct12."""
    smplh(tmp_path / "amass" / "KIT" / "3" / "kick high_poses.npz")
    smplx(tmp_path / "amass" / "HDM05" / "bk" / "HDM_bk_01-01_stageii.npz", still=180)
    (tmp_path / "index.csv").write_text(
        HEAD
        + "./pose_data/KIT/3/kick high_poses.npy,10,30,000000.npy\n"
        + "./pose_data/KIT/3/kick high_poses.npy,0,40,000001.npy\n"
        + "./pose_data/MPI_HDM05/bk/HDM_bk_01-01_poses.npy,2,30,000002.npy\n"
        + "./pose_data/SFU/0005/walk_poses.npy,0,99,000003.npy\n"
        + "./pose_data/humanact12/P01G01R01F0001.npy,0,-1,000004.npy\n"
    )
    texts = tmp_path / "texts"
    texts.mkdir()
    for n in range(5):
        (texts / f"00000{n}.txt").write_text(WORDS)
        (texts / f"M00000{n}.txt").write_text(WORDS.replace("left", "right"))
    return tmp_path


def test_clips_are_cut_where_the_index_says(folder):
    clips = {c.id: c for c in humanml3d.load(folder)}
    assert set(clips) == {"000000", "000001", "000002"}
    # Frames 10 to 30 at 20 a second are every sixth of 120, from 0.5 s on.
    assert same_motion(clips["000000"], first=15, length=30)
    assert same_motion(clips["000001"], first=0, length=60)
    # HDM05's first 60 frames are left out before the index counts.
    assert same_motion(clips["000002"], first=3, length=42)


def test_captions_keep_their_range_within_the_cut(folder):
    captions = next(c for c in humanml3d.load(folder) if c.id == "000000").captions
    assert captions == (
        Caption("a person walks, swinging the left arm", 0, 30, "trial"),
        Caption("he turns", 15, 30, "motion"),
    )


def test_the_mirrored_texts_are_what_training_makes_itself(folder):
    clip = humanml3d.load(folder)[0]
    assert "right arm" in mirrored(clip, mirror_words).captions[0].text
    assert "right" in (folder / "texts" / "M000000.txt").read_text()


def test_the_lists_say_what_is_held_out_and_else_a_subject_is(folder):
    assert sorted(c.split for c in humanml3d.load(folder)) in (["train", "train", "val"], ["train", "val", "val"])
    (folder / "train.txt").write_text("000000\nM000000\n")
    (folder / "test.txt").write_text("000001\n")
    assert [c.split for c in humanml3d.load(folder)] == ["train", "test", "unlisted"]


def test_a_second_is_as_long_as_the_file_s_rate_makes_it(tmp_path):
    smplh(tmp_path / "KIT" / "3" / "x_poses.npz", fps=50.0)  # every second frame: 25 a second that are called 20
    (tmp_path / "index.csv").write_text(HEAD + "./pose_data/KIT/3/x_poses.npy,0,40,000000.npy\n")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "000000.txt").write_text("he stops#x#1.0#2.0\n")
    (clip,) = humanml3d.load(tmp_path)
    assert clip.frames == 48 and clip.captions == (Caption("he stops", 24, 48, "motion"),)


def test_tags_come_from_the_words(folder):
    (folder / "texts" / "000000.txt").write_text("someone climbs the stairs#x#0.0#0.0\n")
    (folder / "texts" / "000001.txt").write_text("a dancing man#x#nan#nan\n")
    tags = {c.id: c.tags for c in humanml3d.load(folder)}
    assert tags == {"000000": ("climb", "stairs"), "000001": ("dance",), "000002": ()}


def refused(folder, *words):
    with pytest.raises(StorageFailure) as caught:
        humanml3d.load(folder)
    assert all(word in caught.value.sentence for word in words) and caught.value.remedy
    assert "\n" not in str(caught.value)


def test_an_index_without_its_motion_or_texts_and_a_broken_one(folder):
    for text in (folder / "texts").glob("*.txt"):
        text.unlink()
    refused(folder, "None of the motion", "index.csv")
    (folder / "index.csv").write_text("something,else\n1,2\n")
    refused(folder, "index.csv", "not HumanML3D's index")
    (folder / "index.csv").write_text(HEAD + "./pose_data/KIT/3/x_poses.npy,zero,40,000000.npy\n")
    refused(folder, "index.csv", "not HumanML3D's index")


def test_a_cut_beyond_the_end_and_a_text_of_another_kind(folder):
    (folder / "texts" / "000001.txt").write_text("one#two#three\n")
    refused(folder, "000001.txt", "caption#words#start#end")
    (folder / "texts" / "000001.txt").write_bytes(b"\xff\xfe\x00walks#x#0#0")
    refused(folder, "000001.txt", "not a text")
    (folder / "texts" / "000001.txt").write_text(WORDS)
    beyond = 20 * walk().frames
    (folder / "index.csv").write_text(
        HEAD + f"./pose_data/KIT/3/kick high_poses.npy,{beyond},{beyond + 9},000001.npy\n"
    )
    refused(folder, "kick high_poses.npz", "not those of one SMPL body")


def test_only_a_folder_with_an_index_is_ours(folder, tmp_path):
    assert folder / "texts" / "000003.txt" in humanml3d.files(folder)
    assert not humanml3d.files(folder / "texts") and np.all([p.is_file() for p in humanml3d.files(folder)])
