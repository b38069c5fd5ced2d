"""What is made goes on from the frames beside it with their speed, keys to the bit, feet where they stand."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.planting import SOLES, sole_heights
from genmo_blender.motion.seams import SPAN, joined
from genmo_blender.motion.skeleton import canonical

T = 80
FLOATS = np.zeros((T, 6))


def swaying(frames=T):
    """Arms, spine and head sway; the pelvis goes ahead evenly, half a metre above where it could stand."""
    time = np.arange(frames)[:, None, None] / 30.0
    sway = 0.5 * np.sin(2.0 * np.pi * time + np.arange(22)[None, :, None]) * np.array([0.3, 0.8, 0.5])
    path = np.arange(frames)[:, None] * [0.0, 0.0, 0.03] + [0.0, 1.5, 0.0]
    return rot.continuous(rot.from_rotation_vector(sway)), path


def keys(rotations, path, *frames):
    known = np.zeros((len(path), 22), bool)
    known[list(frames)] = True
    return KeyFrames(rotations, path, known)


def jolted():
    """A motion known at both ends whose middle meets it in place but not in speed: it is another sway."""
    rotations, path = swaying()
    given = keys(rotations, path, *range(20), *range(60, T))
    other = rot.from_rotation_vector(0.3 * np.sin(np.arange(T) * 0.6)[:, None, None] * np.ones((22, 3)))
    share = np.clip(np.minimum(np.arange(T) - 19, 60 - np.arange(T)) / 6, 0.0, 1.0)[:, None, None]
    turns = rot.slerp(rotations, rot.multiply(rotations, other), np.broadcast_to(share[..., 0], (T, 22)))
    return (rot.continuous(turns), path + 0.05 * share[..., 0]), given


def jerk(rotations, path):
    return np.linalg.norm(np.diff(joint_positions(canonical(), rotations, path), n=3, axis=0), axis=-1).mean(-1)


def test_jolts_beside_known_frames_go_known_frames_stay_to_the_bit_and_the_middle_stays():
    (rotations, path), given = jolted()
    found, way = joined(rotations, path, FLOATS, given)
    for seam in (slice(16, 20), slice(57, 61)):
        assert jerk(found, way)[seam].max() < 0.4 * jerk(rotations, path)[seam].max()
    known = given.roots
    assert np.array_equal(np.abs(found[known]), np.abs(given.rotations[known]))
    assert np.array_equal(way[known], given.path[known])
    middle = slice(20 + SPAN, 60 - SPAN)
    assert np.abs(found[middle, 12:] - rotations[middle, 12:]).max() < 1e-12


def test_time_backwards_is_treated_alike():
    (rotations, path), given = jolted()
    forth, way = joined(rotations, path, FLOATS, given)
    back, yaw = joined(
        rotations[::-1], path[::-1], FLOATS, KeyFrames(*(x[::-1] for x in (given.rotations, path, given.known)))
    )
    np.testing.assert_allclose(way, yaw[::-1], atol=1e-9)
    assert np.abs(np.abs(np.sum(forth * back[::-1], axis=-1)) - 1).max() < 1e-9


@pytest.mark.parametrize("frames", [(), (0, T - 1), (20, 40), tuple(range(T))])
def test_without_a_row_of_known_frames_nothing_changes(frames):
    rotations, path = swaying()
    found, way = joined(rotations, path, FLOATS, keys(rotations, path, *frames))
    assert np.abs(np.abs(np.sum(found * rotations, axis=-1)) - 1).max() < 1e-12
    np.testing.assert_allclose(way, path, atol=1e-12)


@pytest.mark.parametrize("frames", [2, 3, 5, 9, 14])
def test_short_motions_are_no_exception(frames):
    (rotations, path), given = jolted()
    cut = slice(20 - frames // 2 - 1, 20 - frames // 2 - 1 + frames)
    short = KeyFrames(given.rotations[cut], given.path[cut], given.known[cut])
    found, way = joined(rotations[cut], path[cut], FLOATS[cut], short)
    assert found.shape == (frames, 22, 4) and np.isfinite(found).all() and np.isfinite(way).all()
    np.testing.assert_allclose(way[short.roots], path[cut][short.roots], atol=1e-12)


def test_a_joint_that_is_known_alone_leaves_the_others_alone():
    (rotations, path), given = jolted()
    known = np.zeros((T, 22), bool)
    known[:20, 16] = True
    found, way = joined(rotations, path, FLOATS, KeyFrames(given.rotations, given.path, known))
    others = np.arange(22) != 16
    assert np.abs(found[:, others] - rotations[:, others]).max() < 1e-9
    np.testing.assert_allclose(way, path, atol=1e-12)
    assert np.abs(found[20 : 20 + SPAN, 16] - rotations[20 : 20 + SPAN, 16]).max() > 1e-3


def standing_on_both():
    """Upright with bent knees; the pelvis sways, first as it is known, then otherwise; both feet stand still."""
    from genmo_blender.motion.legs import move_feet

    rotations = np.tile(rot.IDENTITY, (T, 22, 1))
    bent = rot.from_rotation_vector(np.array([[-0.4, 0.0, 0.0], [0.8, 0.0, 0.0], [-0.4, 0.0, 0.0]]))
    for joints in ((1, 4, 7), (2, 5, 8)):
        rotations[:, list(joints)] = bent
    path = np.zeros((T, 3))
    path[:, 1] = -sole_heights(joint_positions(canonical(), rotations, path)).min()
    frame = np.arange(T)
    sway = np.where(frame < 20, 0.03 * np.sin(frame * 0.2), 0.03 * np.sin(20 * 0.2) + 0.03 * np.sin((frame - 20) * 0.5))
    moved = sway[:, None] * [1.0, 0.0, 0.0]
    return move_feet(rotations, path + moved, np.repeat(-moved[:, None], 2, axis=1))


def test_feet_that_stand_keep_their_place_and_none_sinks():
    rotations, path = standing_on_both()
    given = keys(rotations, path, *range(20))
    before = joint_positions(canonical(), rotations, path)
    found, way = joined(rotations, path, np.ones((T, 6)), given)
    after = joint_positions(canonical(), found, way)
    assert np.abs(way - path).max() > 1e-3  # the pelvis gave way
    assert np.abs(after[:, SOLES] - before[:, SOLES]).max() < 1e-3
    # in the air a foot may move, but not under the floor
    found, way = joined(rotations, path, FLOATS, given)
    assert sole_heights(joint_positions(canonical(), found, way)).min() > -0.001
