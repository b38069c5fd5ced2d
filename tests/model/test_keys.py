"""Keys on the frames of the model, and the way to where the network's windows begin and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo_blender.model.config import NetworkConfig
from genmo_blender.model.keys import as_told, key_frames, moved_on, on_keys, refuse_unheard
from genmo_blender.motion import rotations as rot
from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.keys import KeyedPoses
from genmo_blender.protocol.requests import Attachment, GenerateRequest, MusicSpan, StartState

ROWS = ("root_orient", "pose_body", "trans", "joint_mask")
RNG = np.random.default_rng(4)


def poses(time, mask=None) -> KeyedPoses:
    count = len(time)
    turn = np.array([0.05, 2.0, -0.1]) + RNG.normal(size=(count, 3)) * 0.1
    return KeyedPoses.read(
        {
            "time": np.array(time),
            "root_orient": turn,
            "pose_body": RNG.normal(size=(count, 63)) * 0.3,
            "trans": RNG.normal(size=(count, 3)) * 0.2 + [4.0, 1.3, -7.0],
            "joint_mask": np.ones((count, 22), dtype=bool) if mask is None else mask,
        }
    )


def test_a_key_goes_to_the_nearest_frame_and_the_last_one_stays_inside():
    found = key_frames(GenerateRequest(2.0, keys=poses([0.01, 0.984, 1.99])))
    assert found is not None and np.flatnonzero(found.roots).tolist() == [0, 30, 60]


def test_where_two_keys_meet_on_a_frame_the_nearer_one_holds_joint_by_joint():
    mask = np.ones((3, 22), dtype=bool)
    mask[1, 4:] = mask[2, 4:] = False
    keys = poses([0.99, 1.0, 1.012], mask)
    found = key_frames(GenerateRequest(2.0, keys=keys))
    assert found is not None and np.flatnonzero(found.roots).tolist() == [30]
    q = rot.from_rotation_vector(keys.pose_body.reshape(3, 21, 3))
    np.testing.assert_allclose(found.rotations[30, 1:4], q[1, :3])
    np.testing.assert_allclose(found.rotations[30, 4:], q[0, 3:])
    np.testing.assert_allclose(found.path[30], keys.trans[1])


@pytest.mark.parametrize("fps", [15, 24, 30, 60])
def test_a_row_of_keys_is_told_at_the_times_of_the_frames_at_any_rate(fps):
    """Turning evenly about one axis, going straight: exact between two keys, in whatever steps they come."""
    time = np.arange(round(fps / 3) + 1) / fps
    mask = np.ones((len(time), 22), dtype=bool)
    mask[:, 9] = False
    given = {
        "time": time,
        "root_orient": time[:, None] * [0.0, 1.5, 0.0],
        "pose_body": np.tile(time[:, None] * [0.8, 0.0, 0.0], 21),
        "trans": time[:, None] * [0.3, 0.0, 1.0],
        "joint_mask": mask,
    }
    found = key_frames(GenerateRequest(2.0, keys=KeyedPoses.read(given)))
    assert found is not None and np.flatnonzero(found.roots).tolist() == list(range(11))
    assert not found.known[:, 9].any()
    at = np.arange(11)[:, None] / 30.0
    np.testing.assert_allclose(rot.to_rotation_vector(found.rotations[:11, 4]), at * [0.8, 0.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(rot.to_rotation_vector(found.rotations[:11, 0]), at * [0.0, 1.5, 0.0], atol=1e-7)
    np.testing.assert_allclose(found.path[:11], at * [0.3, 0.0, 1.0], atol=1e-7)


def test_keys_that_are_no_motion_say_nothing_about_the_frames_between():
    found = key_frames(GenerateRequest(2.0, keys=poses([0.0, 0.1, 0.5])))
    assert found is not None and np.flatnonzero(found.roots).tolist() == [0, 3, 15]


@pytest.mark.parametrize("start", [None, StartState((3.0, 0.0, -6.0), -0.7)])
@pytest.mark.parametrize("times", [[0.0, 1.0], [0.5, 1.5]])
def test_what_the_network_is_told_comes_back_where_the_keys_are(start, times):
    request = GenerateRequest(2.0, keys=poses(times), start=start)
    world = key_frames(request)
    assert world is not None and (world.start is not None) == (start is not None and times[0] > 0)
    told = as_told(world, 64)
    assert told.path.shape == (64, 3) and not told.known[61:].any()
    first = 0 if told.start is not None else int(np.argmax(told.roots))
    np.testing.assert_allclose(told.path[first, [0, 2]], 0.0, atol=1e-12)
    assert 2 * np.arctan2(told.rotations[first, 0, 2], told.rotations[first, 0, 0]) == pytest.approx(0.0, abs=1e-12)
    moved = told.path[:61] + [0.3, -0.2, 0.1]  # the answer's own origin
    rotations, path = on_keys(told.rotations[:61], moved, world)
    np.testing.assert_allclose(path[world.roots], world.path[world.roots], atol=1e-9)
    apart = np.abs(np.sum(rotations[world.known] * world.rotations[world.known], axis=-1))
    np.testing.assert_allclose(apart, 1.0, atol=1e-9)
    if world.start is not None:
        np.testing.assert_allclose(path[0, [0, 2]], [3.0, -6.0], atol=1e-9)
        assert rot.heading(rotations[0, 0]) == pytest.approx(-0.7)


def test_keys_without_a_root_are_told_in_the_axes_of_the_start():
    mask = np.zeros((1, 22), dtype=bool)
    mask[0, 16:20] = True
    world = key_frames(GenerateRequest(2.0, keys=poses([1.0], mask), start=StartState((1.0, 0.0, 2.0), 1.0)))
    assert world is not None and world.start is None
    told = as_told(world, 64)
    assert told.start == (0.0, 0.0, 0.0) and not told.roots.any() and not told.path.any()
    np.testing.assert_array_equal(told.rotations[30, 16:20], world.rotations[30, 16:20])


def test_a_network_without_an_ear_for_it_refuses_music_but_never_keys():
    mini, official = NetworkConfig.mini(), NetworkConfig.official()
    assert mini.strips == ("keys", "music") and official.strips == ("music",)
    keyed = GenerateRequest(2.0, keys=poses([1.0]))
    refuse_unheard(keyed, mini)
    refuse_unheard(keyed, official)
    song = GenerateRequest(2.0, music=(MusicSpan("a", 0.0, 2.0),), attachments=(Attachment("a.wav", "a", 1),))
    refuse_unheard(song, official)
    with pytest.raises(RequestFailure, match="hears no music"):
        refuse_unheard(song, NetworkConfig.official_regression())


def test_a_key_between_frames_is_passed_at_the_speed_of_the_motion():
    frames, speed = 31, 0.2  # radians a frame
    at = np.array([10.4, 20.0])
    q = rot.from_rotation_vector(np.arange(frames)[:, None, None] * speed * np.eye(22, 3)[None] * [1.0, 0, 0])
    path = np.arange(frames)[:, None] * [0.0, 0.0, 0.05]
    poses = rot.to_rotation_vector(rot.from_rotation_vector(at[:, None, None] * speed * np.eye(22, 3) * [1.0, 0, 0]))
    keys = KeyedPoses.read(
        {
            "time": at / 30,
            "root_orient": poses[:, 0],
            "pose_body": poses[:, 1:].reshape(2, 63),
            "trans": at[:, None] * [0.0, 0.0, 0.05],
            "joint_mask": np.ones((2, 22)),
        }
    )
    request = GenerateRequest(1.0, keys=keys)
    told = key_frames(request)
    own = moved_on(told, request, q, path)
    assert np.array_equal(own.known, told.known)
    for frame in (10, 20):
        apart = rot.to_rotation_vector(rot.multiply(rot.conjugate(own.rotations[frame]), q[frame]))
        assert np.linalg.norm(apart, axis=-1).max() < 1e-9
        np.testing.assert_allclose(own.path[frame], path[frame], atol=1e-9)
    # keys that follow one another as frames do are a motion already
    row = np.array([10.4, 11.4, 12.4])
    dense = replace(keys, time=row / 30, **{n: getattr(keys, n)[[0, 0, 0]] for n in ROWS})
    one = replace(request, keys=dense)
    assert np.array_equal(moved_on(key_frames(one), one, q, path).rotations, key_frames(one).rotations)
    # told to the network, it is simply early
    late = rot.to_rotation_vector(rot.multiply(rot.conjugate(told.rotations[10, 0]), q[10, 0]))
    assert abs(np.linalg.norm(late) - 0.4 * speed) < 1e-9
    assert np.array_equal(own.rotations[20], told.rotations[20])
