"""Reduce Keys: what is promised holds for any motion, and what is measured is what Blender would show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.reducing.body import body_of, pose
from genmo_blender.motion.reducing.measure import dense, figures
from genmo_blender.motion.reducing.reduce import Allowed, Contacts, reduce_keys
from genmo_blender.motion.skeleton import canonical
from tests.motion.reducing.motions import BODY, FPS, motion


@settings(max_examples=12, deadline=None)
@given(
    frames=st.integers(1, 60),
    seed=st.integers(0, 10**6),
    size=st.sampled_from([0.0, 0.01, 0.4, 2.0]),
    distance=st.sampled_from([0.5, 5.0, 50.0]),
)
def test_no_point_is_farther_off_than_was_asked(frames: int, seed: int, size: float, distance: float) -> None:
    q, path = motion(frames, seed, size)
    standing = np.random.default_rng(seed).random((frames, 1)) < 0.7
    contacts = Contacts((3,), standing)
    found = figures(BODY, q, path, FPS, contacts, reduce_keys(BODY, q, path, FPS, contacts, Allowed(distance)))
    # Keys are float32, as Blender keeps them.
    assert found.worst <= distance + 0.002
    assert found.slide <= 0.1 + 0.01


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), bone=st.integers(0, 5), data=st.data())
def test_keys_of_the_animator_stay_with_their_values(seed: int, bone: int, data: st.DataObject) -> None:
    q, path = motion(40, seed)
    times = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=5, unique=True))
    reduced = reduce_keys(BODY, q, path, FPS, own={bone: times})
    keys = reduced.bones[bone]
    for time in times:
        at = np.flatnonzero(keys.frames == time)
        assert len(at) == 1
        assert np.array_equal(keys.values[at[0]], q[time, bone].astype(np.float32))
        assert keys.types[at[0]] == "KEYFRAME"
    if bone == 0:
        assert np.isin(times, reduced.path.frames).all()


def test_first_and_last_frame_are_keyed_as_they_were() -> None:
    q, path = motion(50, 1)
    reduced = reduce_keys(BODY, q, path, FPS)
    for j, keys in enumerate(reduced.bones):
        assert keys.frames[0] == 0 and keys.frames[-1] == 49
        assert np.array_equal(keys.values[[0, -1]], q[[0, -1], j].astype(np.float32))
    assert np.array_equal(reduced.path.values[[0, -1]], path[[0, -1]].astype(np.float32))


def test_what_does_not_move_has_one_key_and_keeps_still() -> None:
    q, path = motion(50, 2)
    q[:, 4] = q[0, 4]
    q[:, 2, 2:] = 0.0
    q[:, 2] = rot.normalise(q[:, 2])
    path[:] = path[0]
    reduced = reduce_keys(BODY, q, path, FPS)
    assert len(reduced.bones[4].frames) == 1 and len(reduced.path.frames) == 1
    assert reduced.bones[2].changes.tolist() == [True, True, False, False]
    assert not reduced.bones[2].values[:, 2:].any()


def test_channels_of_a_bone_share_their_keys_and_handles_are_aligned() -> None:
    q, path = motion(60, 3)
    keys = reduce_keys(BODY, q, path, FPS).bones[1]
    assert keys.values.shape == (len(keys.frames), 4) and keys.left.shape == keys.right.shape == (
        len(keys.frames),
        4,
        2,
    )
    points = np.stack([keys.frames[:, None] + 0 * keys.values, keys.values], axis=-1).astype(float)
    before, after = points - keys.left, keys.right - points
    assert (before[..., 0] > 0).all() and (after[..., 0] > 0).all()
    assert np.abs(before[..., 1] / before[..., 0] - after[..., 1] / after[..., 0]).max() < 1e-4
    gaps = np.diff(keys.frames)[:, None]
    assert (after[:-1, :, 0] <= 0.5 * gaps + 1e-4).all() and (before[1:, :, 0] <= 0.5 * gaps + 1e-4).all()


def test_root_and_path_are_one_control() -> None:
    q, path = motion(60, 4)
    reduced = reduce_keys(BODY, q, path, FPS)
    assert np.array_equal(reduced.bones[0].frames, reduced.path.frames)


def test_a_foot_has_keys_at_both_ends_of_its_bar() -> None:
    q, path = motion(60, 5)
    standing = np.zeros((60, 2), dtype=bool)
    standing[10:25, 0] = standing[14:31, 1] = standing[45:, 0] = True
    reduced = reduce_keys(BODY, q, path, FPS, Contacts((2, 3), standing))
    assert np.isin([10, 30, 45], reduced.bones[2].frames).all()


def test_a_smooth_motion_takes_few_keys() -> None:
    q, path = motion(240, 6)
    path = np.outer(np.arange(240) / FPS, [0.0, 0.0, 1.0])
    found = figures(BODY, q, path, FPS, None, reduce_keys(BODY, q, path, FPS))
    assert found.worst <= 5.0 and found.share < 0.2


def test_the_same_motion_gives_the_same_keys() -> None:
    q, path = motion(60, 7)
    one, two = (dense(reduce_keys(BODY, q, path, FPS), np.linspace(0, 59, 200)) for _ in range(2))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


def test_the_body_is_posed_as_elsewhere() -> None:
    skeleton = canonical()
    rng = np.random.default_rng(0)
    q, path = rot.normalise(rng.normal(size=(5, 22, 4))), rng.normal(size=(5, 3))
    body = body_of(skeleton.parents, skeleton.offsets)
    heads = pose(body, np.moveaxis(q, 1, 0), path).heads
    assert np.allclose(np.moveaxis(heads, 0, 1), joint_positions(skeleton, q, path))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rotations": np.zeros((5, 6, 4))}, "no rotation"),
        ({"path": np.full((5, 3), np.nan)}, "no rotation or no place"),
        ({"path": np.zeros((4, 3))}, "at each frame"),
        ({"fps": 0.0}, "frame rate"),
        ({"contacts": Contacts((3,), np.zeros((4, 1), bool))}, "one column"),
        ({"own": {9: [0]}}, "key of the animator"),
        ({"own": {1: [5]}}, "key of the animator"),
        ({"allowed": Allowed(0.0)}, "above zero"),
    ],
)
def test_bad_input_gets_a_sentence(change: dict, sentence: str) -> None:
    q, path = motion(5, 0)
    given = {"rotations": q, "path": path, "fps": FPS, **change}
    with pytest.raises(ValueError, match=sentence):
        reduce_keys(BODY, **given)


def test_bones_that_are_no_tree_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="no tree"):
        body_of((-1, 2, 0), np.zeros((3, 3)))


def test_tips_are_watched_as_they_are_given() -> None:
    tips = np.array([[0.0, 0.2, 0.0], [0.1, 0.05, 0.0], [0.0, 0.1, 0.07]])
    body = body_of(BODY.parents, BODY.offsets, tips={3: tips})
    assert np.array_equal(body.points.reshape(-1, 4, 3)[3], [[0.0, 0.0, 0.0], *tips])
    assert np.array_equal(
        body.points.reshape(-1, 4, 3)[[0, 1, 2, 4, 5]], BODY.points.reshape(-1, 4, 3)[[0, 1, 2, 4, 5]]
    )


def test_a_body_in_its_bones_own_axes_is_the_same_body() -> None:
    rng = np.random.default_rng(3)
    axes = rot.normalise(rng.normal(size=(BODY.bones, 4)))  # of each bone at rest, in the world
    parents = np.array(BODY.parents)
    above = np.where(parents[:, None] < 0, [1.0, 0.0, 0.0, 0.0], axes[parents])
    root = rot.to_matrix(axes[0])
    offsets = rot.rotate(rot.conjugate(above), BODY.offsets)
    own = body_of(BODY.parents, offsets, rot.multiply(rot.conjugate(above), axes), root)
    q, path = motion(40, 8)
    turned = rot.multiply(rot.multiply(rot.conjugate(axes), q), axes)
    one = pose(BODY, np.moveaxis(q, 1, 0), path)
    two = pose(own, np.moveaxis(turned, 1, 0), path @ root)
    assert np.allclose(one.heads, two.heads)
    # Points off a bone's axis lie to other sides of it; heads and ends are the same.
    assert np.allclose(one.points.reshape(-1, 4, 40, 3)[:, :2], two.points.reshape(-1, 4, 40, 3)[:, :2])
    found = figures(own, turned, path @ root, FPS, None, reduce_keys(own, turned, path @ root, FPS))
    plain = figures(BODY, q, path, FPS, None, reduce_keys(BODY, q, path, FPS))
    assert found.worst <= 5.002 and found.share <= 1.15 * plain.share
