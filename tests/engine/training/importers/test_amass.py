import numpy as np
import pytest

from genmo_blender.engine.training.importers import amass
from genmo_blender.protocol.failures import StorageFailure

from .motions import same_motion, smpl_arrays


def smplh(path, fps=120.0, **change):
    """A file of the SMPL-H release."""
    path.parent.mkdir(parents=True, exist_ok=True)
    poses, trans = smpl_arrays(fps, z_up=True)
    arrays = {"poses": poses, "trans": trans, "mocap_framerate": np.float64(fps), "gender": np.array("male")}
    arrays |= {"betas": np.ones(16), "dmpls": np.zeros((len(poses), 8))} | change
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def smplx(path, fps=60.0, still=0):
    """A file of the SMPL-X release, ``still`` frames at first: some arrays are pickled, and nobody may touch them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    poses, trans = (np.pad(x, [(still, 0), (0, 0)], mode="edge") for x in smpl_arrays(fps, z_up=True, joints=55))
    arrays = {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66], "trans": trans, "mocap_frame_rate": fps}
    np.savez(path, surface_model_type="smplx", latent_labels=np.array(["a", None], dtype=object), **arrays)


def test_both_releases_give_the_motion_y_up_on_the_floor_at_30(tmp_path):
    smplh(tmp_path / "KIT" / "3" / "kick_poses.npz")
    smplx(tmp_path / "ACCAD" / "Female1_c3d" / "A1_-_Stand_stageii.npz")
    np.savez(tmp_path / "KIT" / "3" / "shape.npz", betas=np.zeros(16))
    np.savez(tmp_path / "KIT" / "3" / "neutral_stagei.npz", betas=np.zeros(16))
    clips = amass.load(tmp_path)
    assert [c.id for c in clips] == ["ACCAD/Female1_c3d/A1_-_Stand_stageii", "KIT/3/kick_poses"]
    assert all(same_motion(c) for c in clips)
    assert {c.split for c in clips} == {"train", "val"} and not any(c.captions for c in clips)


@pytest.mark.parametrize("fps", [59.94, 60.0, 250.0])
def test_every_frame_rate_comes_out_at_30(tmp_path, fps):
    path = smplh(tmp_path / "A" / "1" / "x_poses.npz", fps)
    (clip,) = amass.load(tmp_path)
    assert path in amass.files(tmp_path)
    poses, _ = smpl_arrays(fps, z_up=True)
    assert clip.frames == int((len(poses) - 1) / fps * 30 + 1e-6) + 1
    assert same_motion(clip, degrees=2.0)  # 59.94 falls between frames


def refused(folder, words, name):
    with pytest.raises(StorageFailure) as caught:
        amass.load(folder)
    assert words in caught.value.sentence and name in caught.value.sentence and caught.value.remedy
    assert "\n" not in str(caught.value)


def nan(poses):
    poses = poses.copy()
    poses[3, 7] = np.nan
    return poses


POSES, TRANS = smpl_arrays(120.0, z_up=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"poses": nan(POSES)}, "not numbers"),
        ({"trans": np.full_like(TRANS, np.inf)}, "not numbers"),
        ({"poses": POSES[:, :63]}, "not those of one SMPL body"),
        ({"poses": POSES[:-5]}, "not those of one SMPL body"),
        ({"poses": POSES[:1], "trans": TRANS[:1]}, "not those of one SMPL body"),
        ({"poses": np.array([["a"] * 66] * len(TRANS))}, "poses are not numbers"),
        ({"mocap_framerate": 0.0}, "0 frames a second"),
        ({"mocap_framerate": 5.0}, "5 frames a second"),
        ({"mocap_framerate": np.nan}, "nan frames a second"),
        ({"mocap_framerate": None}, "holds no frame rate"),
        ({"mocap_framerate": np.array("fast")}, "frame rate is not a number"),
        ({"poses": np.array([1, None], dtype=object)}, "no .npz of numbers"),
    ],
)
def test_what_is_no_motion_is_named(tmp_path, change, words):
    smplh(tmp_path / "A" / "1" / "bad_poses.npz", **change)
    refused(tmp_path, words, "bad_poses.npz")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_half_written_file_is_named(tmp_path, share):
    smplh(tmp_path / "A" / "1" / "whole_poses.npz")
    path = smplh(tmp_path / "A" / "2" / "half_poses.npz")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(tmp_path, "half-written", "half_poses.npz")


def test_a_lone_half_written_file_is_named_too(tmp_path):
    path = smplh(tmp_path / "A" / "2" / "half_poses.npz")
    path.write_bytes(path.read_bytes()[:1000])
    refused(tmp_path, "half-written", "half_poses.npz")


def test_a_folder_without_motion_is_not_ours(tmp_path):
    np.savez(tmp_path / "x.npz", quat=np.zeros(3), trans=np.zeros(3))
    assert not amass.files(tmp_path)
