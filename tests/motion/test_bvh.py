from pathlib import Path

import numpy as np
import pytest

from genmo_blender.motion import bvh, kinematics, rotations
from genmo_blender.motion.skeleton import canonical
from tests.motion.bvh_files import MIXAMO, bvh_text

FILES = Path(__file__).parents[1] / "data" / "bvh"
WALK = (FILES / "cmu_07_01_motionbuilder_style.bvh").read_text()
SMALL = """HIERARCHY
ROOT Bip01 Pelvis
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT tip
  {
    OFFSET 0 2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 1 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
10 20 30 0 0 0 0 0 0
10 20 30 90 90 0 0 0 0
"""


def test_a_small_file_by_hand():
    read = bvh.read(SMALL)
    assert read.names == ("Bip01 Pelvis", "tip") and read.parents == (-1, 0) and read.frame_time == 0.04
    assert np.allclose(read.rest(), [[0, 0, 0], [0, 2, 0]]) and np.allclose(read.ends[1], [0, 1, 0])
    _, points = read.world()
    assert np.allclose(points[0], [[10, 20, 30], [10, 22, 30]])
    # The first channel is outermost: about X first (0, 2, 0) -> (0, 0, 2), which a turn about Z leaves alone.
    assert np.allclose(points[1], [[10, 20, 30], [10, 20, 32]])


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "ZYX", "YXZ", "YZX", "XZY"])
def test_what_is_written_is_read_in_every_order_of_rotations(order):
    rng = np.random.default_rng(5)
    local = rotations.normalise(rng.normal(size=(4, 22, 4)))
    path = rng.normal(size=(4, 3))
    read = bvh.read(bvh_text(local, path, 30, MIXAMO, order=order))
    _, points = read.world()
    number = [read.names.index(name) for name in MIXAMO]
    assert np.allclose(points[:, number], kinematics.joint_positions(canonical(), local, path), atol=1e-4)


def test_real_files_have_all_their_joints_and_frames():
    for name, joints, frames in (("cmu_07_01_m", 31, 161), ("cmu_131_01", 31, 121), ("makehuman", 75, 14)):
        read = bvh.read(next(FILES.glob(f"{name}*.bvh")).read_text())
        assert read.rotations.shape == (frames, joints, 4)


def cut(text, share):
    return text[: int(share * len(text))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "HIERARCHY"),
        (cut(WALK, 0.02), "HIERARCHY"),
        (cut(WALK, 0.5), "of its 161 frames"),
        (SMALL.replace("30 0 0 0", "30 nan 0 0"), "not numbers"),
        (SMALL.replace("OFFSET 0 2 0", "OFFSET 0 nan 0"), "not numbers"),
        (SMALL.replace("3 Zrotation", "3 Wrotation"), "unknown channel Wrotation"),
        (SMALL.replace("10 20 30 0 0 0 0 0 0", "10 20 30 0"), "9 numbers each"),
        (SMALL.replace("Frames: 2", "Frames: 7"), "2 of its 7 frames"),
        (SMALL.replace("}\nMOTION", "\nMOTION"), "do not close"),
        (SMALL.replace("Frames: 2\n", ""), "how many frames"),
    ],
)
def test_what_is_no_whole_file_is_refused_in_words(text, words):
    with pytest.raises(ValueError, match=words):
        bvh.read(text)
