import json

import numpy as np
import pytest

from genmo_blender.engine.training.importers import keypoints
from genmo_blender.engine.training.samples import Caption
from genmo_blender.protocol.failures import StorageFailure


def points(frames, joints=17):
    rng = np.random.default_rng(3)
    out = rng.uniform(0, 700, size=(frames, joints, 3))
    out[..., 2] = rng.uniform(0.2, 1, size=(frames, joints))
    return out


def write(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"keypoints": points(60), "width": 1280, "height": 720, "fps": 30} | content
    content = {k: v for k, v in content.items() if v is not None}
    if path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_text(json.dumps({k: np.asarray(v).tolist() for k, v in content.items()}))
    return path


def test_json_and_npz_give_clips_without_3d(tmp_path):
    write(tmp_path / "a" / "one.json", focal=1400.0)
    write(tmp_path / "b" / "two.npz")
    (tmp_path / "a" / "one.txt").write_text("a person squats\n")
    one, two = keypoints.load(tmp_path)
    assert (one.id, two.id) == ("a/one", "b/two") and {one.split, two.split} == {"train", "val"}
    assert one.frames == two.frames == 60 and len(one.transl) == len(one.rotations) == 0
    assert np.allclose(one.keypoints.points, points(60), atol=1e-3) and one.keypoints.points.dtype == np.float32
    assert (one.keypoints.size, one.keypoints.focal, two.keypoints.focal) == ((1280, 720), 1400.0, 0.0)
    assert one.captions == (Caption("a person squats", 0, 60, "trial"),) and two.captions == ()


def test_other_frame_rates_come_out_at_30_and_what_is_unseen_stays_unseen(tmp_path):
    seen = points(4)
    seen[1, 5] = (np.nan, np.nan, 0.0)
    write(tmp_path / "slow.npz", keypoints=seen, fps=10)
    (clip,) = keypoints.load(tmp_path)
    got = clip.keypoints.points
    assert got.shape == (10, 17, 3)
    assert np.allclose(got[[0, 9]], seen[[0, 3]], atol=1e-3)
    assert np.allclose(got[1, 0, :2], (2 * seen[0, 0] + seen[1, 0])[:2] / 3, atol=1e-3)
    assert np.allclose(got[1, 0, 2], min(seen[0, 0, 2], seen[1, 0, 2]))
    assert not got[1:6, 5].any() and got[0, 5].all() and got[6, 5].all()


def test_blazepose_results_as_they_are_published(tmp_path):
    """A bare list of frames; the folder says what the file does not."""
    frames = points(13, 33)
    frames[..., 2] = -150.0  # a depth
    (tmp_path / "squats.blazepose_full_2d.json").write_text(json.dumps(frames.tolist()))
    assert not keypoints.files(tmp_path)
    (tmp_path / "footage.json").write_text(json.dumps({"width": 720, "height": 1280, "fps": 5}))
    (clip,) = keypoints.load(tmp_path)
    assert clip.frames == 73 and clip.keypoints.size == (720, 1280)
    assert np.allclose(clip.keypoints.points[0, :, :2], frames[0, list(keypoints.BLAZEPOSE), :2], atol=1e-3)
    assert np.all(clip.keypoints.points[..., 2] == 1)


def changed(change):
    out = points(60)
    change(out)
    return out


@pytest.mark.parametrize("ending", ["json", "npz"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keypoints": points(60, 18)}, r"\(60, 18, 3\) instead of"),
        ({"keypoints": points(60)[..., :2]}, "instead of"),
        ({"keypoints": points(1)}, "instead of"),
        ({"keypoints": changed(lambda p: p.__setitem__((5, 3, 0), np.nan))}, "not numbers"),
        ({"keypoints": changed(lambda p: p.__setitem__((5, 3, 2), 7.0))}, "beyond 0 to 1"),
        ({"fps": 0}, "0 frames a second"),
        ({"fps": None}, "0 frames a second"),
        ({"fps": "many"}, "no keypoints with"),
        ({"width": None}, "how large the picture is"),
        ({"height": -5}, "how large the picture is"),
    ],
)
def test_what_is_no_footage_is_named(tmp_path, ending, change, words):
    write(tmp_path / f"bad.{ending}", **change)
    with pytest.raises(StorageFailure, match=words) as caught:
        keypoints.load(tmp_path)
    assert f"bad.{ending}" in caught.value.sentence and caught.value.remedy and "\n" not in str(caught.value)


def test_half_written_files_are_named(tmp_path):
    write(tmp_path / "whole.json")
    for name in ("half.json", "half.npz"):
        path = write(tmp_path / name)
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(StorageFailure, match=f"{name}.*half-written"):
            keypoints.load(tmp_path)
        path.unlink()
