"""A motion written in another convention comes back; real recordings look like people."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.training.importers import shards
from genmo_blender.motion import bvh, kinematics, rotations
from genmo_blender.motion.frames import Y_TO_Z_UP
from genmo_blender.motion.humanoid import find_humanoid
from genmo_blender.motion.retargeting import calibrate, reference_pose, retarget
from genmo_blender.motion.skeleton import canonical
from tests.motion.bvh_files import BIPED, MIXAMO, UNREAL, bvh_text

DATA = Path(__file__).parents[1] / "data"
NONE = (1.0, 0.0, 0.0, 0.0)
ARMS = {16: 18, 17: 19, 18: 20, 19: 21}
LEGS = {1: 4, 2: 5, 4: 7, 5: 8}


@pytest.fixture(scope="module")
def walk():
    """A walk that begins upright, 60 frames."""
    clips = [c for c in shards.load(DATA / "motion") if c.frames >= 60 and "walk" in c.tags]
    clip = max(clips, key=lambda c: np.linalg.norm(c.transl[59] - c.transl[0]))
    return clip.rotations[:60].astype(np.float64), clip.transl[:60].astype(np.float64)


def back(text):
    file = bvh.read(text)
    person = find_humanoid(file.names, file.parents)
    world, positions = file.world()
    made = calibrate(person, reference_pose(person, file.rest(), world, positions), file.ends)
    return retarget(made, world, positions), made


def angles(a, b):
    """Degrees (T, 22) between world rotations of local ones."""
    a, b = (kinematics.world_rotations(canonical(), q) for q in (a, b))
    return np.degrees(
        np.linalg.norm(rotations.to_rotation_vector(rotations.multiply(rotations.conjugate(a), b)), axis=-1)
    )


def rest_with(bones):
    """Turns (22, 4) of each bone, joints without one following those above."""
    out = np.tile(rotations.IDENTITY, (22, 1))
    offsets = canonical().offsets
    for joint, (child, direction) in bones.items():
        out[joint] = rotations.between(offsets[child], np.array(direction, dtype=np.float64))
    out[20], out[21] = out[18], out[19]
    return out


HANGING = rest_with({j: (child, (0.0, -1.0, 0.0)) for j, child in ARMS.items()})
A_POSE = rest_with({j: (child, (1.0 if j % 2 == 0 else -1.0, -1.0, 0.0)) for j, child in ARMS.items()})
EXACT = {
    "as it is": (MIXAMO, None, NONE, 1.0, "ZXY"),
    "hanging arms, centimetres": (UNREAL, HANGING, NONE, 100.0, "XYZ"),
    "A pose, inches, Z up": (BIPED, A_POSE, Y_TO_Z_UP, 39.37, "ZYX"),
    "facing -X": (MIXAMO, A_POSE, rotations.about_y(-np.pi / 2), 1.0, "YXZ"),
    "Z up, facing +X": (MIXAMO, None, rotations.multiply(np.array([0.5, 0.5, 0.5, 0.5]), np.array(NONE)), 1.0, "ZXY"),
}


@pytest.mark.parametrize("case", EXACT)
def test_a_motion_comes_back_from_other_rest_poses_axes_and_units(walk, case):
    names, rest, turn, unit, order = EXACT[case]
    local, path = walk
    (q, where), _ = back(bvh_text(local, path, 30, names, rest, turn, unit, order))
    assert angles(q, local).max() < 0.1
    assert np.abs(where - path).max() < 1e-3


def test_units_do_not_matter_but_proportions_scale_the_path(walk):
    local, path = walk
    (one, there), small = back(bvh_text(local, path, 30, MIXAMO, unit=1.0))
    (other, here), large = back(bvh_text(local, path, 30, MIXAMO, unit=254.0))
    assert np.allclose(one, other, atol=1e-4) and np.allclose(there, here, atol=1e-4)
    assert small.scale == pytest.approx(254.0 * large.scale, rel=1e-5)


def test_ankles_come_to_their_scaled_places_on_legs_of_other_proportions(walk):
    local, path = walk
    file = bvh.read(bvh_text(local, path, 30, MIXAMO))
    longer = np.ones((22, 1))
    for name, factor in (("Leg", 1.15), ("Foot", 0.95), ("UpLeg", 0.9)):
        longer[[file.names.index(side + name) for side in ("Left", "Right")]] = factor
    file = replace(file, offsets=file.offsets * longer, places=file.places * longer)
    person = find_humanoid(file.names, file.parents)
    world, positions = file.world()
    made = calibrate(person, reference_pose(person, file.rest(), world, positions), file.ends)
    q, where = retarget(made, world, positions)
    joints = kinematics.joint_positions(canonical(), q, where)
    wanted = made.scale * positions[:, [person.left.foot, person.right.foot]]
    off = np.linalg.norm(joints[:, [7, 8]] - wanted, axis=-1)
    assert np.median(off) < 1e-3 and off.max() < 0.02
    assert made.scale < 1


def test_legs_spread_at_rest_take_their_feet_along(walk):
    local, path = walk
    # Acclaim's rest: each leg as a whole turned by 20 degrees, the foot with it.
    rest = np.tile(rotations.IDENTITY, (22, 1))
    for sign, joints in ((1, (1, 4, 7, 10)), (-1, (2, 5, 8, 11))):
        rest[list(joints)] = rotations.from_rotation_vector(np.array([0.0, 0.0, sign * np.radians(20)]))
    (q, where), _ = back(bvh_text(local, path, 30, MIXAMO, rest))
    assert angles(q, local).max() < 1.0  # the least rotation twists a shin by 0.7
    assert np.abs(where - path).max() < 2e-3


def test_a_rest_pose_that_nobody_stands_in_is_replaced_by_an_upright_frame(walk):
    """All bones along one axis at zero rotation, as some studios' recordings have them."""
    local, path = walk
    offsets = canonical().offsets
    rest = np.tile(rotations.IDENTITY, (22, 1))
    for j, parent in enumerate(canonical().parents[1:], 1):
        rest[parent] = rotations.between(offsets[j], np.array([1.0, 0.0, 0.0]))
    (q, where), _ = back(bvh_text(local, path, 30, MIXAMO, rest))
    # The frame's own bend stays in the calibration; limbs point where they did, in the axes of that frame's facing.
    turn = rotations.multiply(q[:, 0], rotations.conjugate(local[:, 0]))
    joints, wanted = (kinematics.joint_positions(canonical(), *motion) for motion in ((q, where), (local, path)))
    joints, wanted = (
        joints - joints[:, :1],
        rotations.rotate(
            np.broadcast_to(rotations.about_y(rotations.heading(turn)[0]), (60, 22, 4)), wanted - wanted[:, :1]
        ),
    )
    assert np.linalg.norm(joints - wanted, axis=-1).max() < 0.12
    assert np.linalg.norm(joints - wanted, axis=-1).mean() < 0.04


def test_lying_down_at_rest_and_in_motion_is_refused(walk):
    local, path = (x.copy() for x in walk)
    local[:, [4, 5]] = rotations.from_rotation_vector(np.array([2.2, 0.0, 0.0]))
    rest = rest_with({j: (child, (0.0, 0.0, 1.0)) for j, child in LEGS.items()})
    with pytest.raises(ValueError, match="stands upright"):
        back(bvh_text(local, path, 30, MIXAMO, rest))


def test_exchanged_sides_and_bones_without_length_are_refused(walk):
    local, path = walk
    exchanged = [n.replace("Left", "?").replace("Right", "Left").replace("?", "Right") for n in MIXAMO]
    with pytest.raises(ValueError, match="left and right are exchanged"):
        back(bvh_text(local, path, 30, exchanged))
    with pytest.raises(ValueError, match="no length|stands upright"):
        back(bvh_text(local, path, 30, MIXAMO, unit=0.0))


@pytest.mark.parametrize(
    ("name", "first"),
    [("cmu_07_01_motionbuilder_style", 1), ("cmu_131_01_3dsmax_style", 0), ("makehuman_walk_zup", 0)],
)
def test_real_recordings_bend_the_way_people_do(name, first):
    file = bvh.read((DATA / "bvh" / f"{name}.bvh").read_text())
    person = find_humanoid(file.names, file.parents)
    world, positions = file.world()
    made = calibrate(person, reference_pose(person, file.rest(), world, positions), file.ends)
    q, path = retarget(made, world[first:], positions[first:])
    joints = kinematics.joint_positions(canonical(), q, path)
    ahead = rotations.rotate(q[:, 0], np.broadcast_to([0.0, 0.0, 1.0], (len(q), 3)))
    left = rotations.rotate(q[:, 0], np.broadcast_to([1.0, 0.0, 0.0], (len(q), 3)))
    assert (joints[:, 15, 1] - joints[:, [7, 8], 1].max(1)).min() > 1.1  # head above the feet
    assert np.sum((joints[:, 16] - joints[:, 17]) * left, -1).min() > 0.2
    for hip, knee, ankle, toe in ((1, 4, 7, 10), (2, 5, 8, 11)):
        thigh, shin, foot = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee], joints[:, toe]
        bend = rotations.normalise(shin) - rotations.normalise(thigh)
        assert np.sum(bend * ahead, -1).max() < 0.1  # knees never bend forward
        assert np.median(np.sum((foot - joints[:, ankle]) * ahead, -1)) > 0.1  # toes ahead of ankles
    for shoulder, elbow, wrist in ((16, 18, 20), (17, 19, 21)):
        arm, fore = joints[:, elbow] - joints[:, shoulder], joints[:, wrist] - joints[:, elbow]
        bend = rotations.normalise(fore) - rotations.normalise(arm)
        assert np.median(np.sum(bend * ahead, -1)) > 0.0  # forearms are carried forward


def test_planted_feet_of_a_real_walk_are_flat_and_the_walk_goes_on():
    file = bvh.read((DATA / "bvh" / "cmu_07_01_motionbuilder_style.bvh").read_text())
    person = find_humanoid(file.names, file.parents)
    world, positions = file.world()
    made = calibrate(person, reference_pose(person, file.rest(), world, positions), file.ends)
    q, path = retarget(made, world[1:], positions[1:])
    joints = kinematics.joint_positions(canonical(), q, path)
    turns = kinematics.world_rotations(canonical(), q)
    for ankle, toe in ((7, 10), (8, 11)):
        speed = np.linalg.norm(np.gradient(joints[:, [ankle, toe]], axis=0), axis=-1) * 120
        planted = (speed < 0.2).all(axis=1)
        assert planted.sum() > 20
        up = rotations.rotate(turns[planted, ankle], np.broadcast_to([0.0, 1.0, 0.0], (planted.sum(), 3)))
        assert np.degrees(np.arccos(np.median(up[:, 1]))) < 9.0  # 22 where the spread of the legs is left in
    # 3.6 m in 316 frames, half of them here, along the way it faces
    assert 1.4 < path[-1, 2] - path[0, 2] < 2.2 and abs(path[-1, 0] - path[0, 0]) < 0.2
