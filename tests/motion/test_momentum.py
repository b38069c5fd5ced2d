"""Going on from keyed poses at the speed at which they were reached."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.momentum import FADES, carried

T = 60


def turning(speed, frames=T):
    """All joints turn evenly about their own axes, ``speed`` radians a frame; the pelvis goes ahead as evenly."""
    axes = np.random.default_rng(0).standard_normal((22, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    time = np.arange(frames)[:, None, None]
    return rot.from_rotation_vector(speed * time * axes), np.arange(frames)[:, None] * [0.0, 0.0, 0.04]


def keys(rotations, path, *frames):
    known = np.zeros((len(path), 22), bool)
    known[list(frames)] = True
    return KeyFrames(rotations, path, known)


def test_it_leaves_a_pose_as_fast_as_it_was_reached_and_meets_the_keys_to_the_bit():
    rotations, path = turning(0.02)
    given = keys(rotations, path, *range(10), T - 1)
    lazy = rotations.copy(), path.copy()
    lazy[0][10:-1], lazy[1][10:-1] = rotations[9], path[9]  # an answer that stops
    found, way = carried(*lazy, given)
    step = np.linalg.norm(rot.to_rotation_vector(rot.multiply(rot.conjugate(found[9]), found[10])), axis=-1)
    assert (step > 0.7 * 0.02).all() and way[10, 2] - way[9, 2] > 0.7 * 0.04
    assert np.array_equal(found[:10], rotations[:10]) and np.array_equal(found[-1], rotations[-1])
    assert np.array_equal(way[:10], path[:10]) and np.array_equal(way[-1], path[-1])
    # long after it is the answer that counts
    late = 9 + int(4 * FADES)
    assert np.abs(way[late] - lazy[1][late]).max() < 0.06 * np.abs(path[late] - lazy[1][late]).max() + 0.01


def test_both_ends_of_a_gap_and_time_backwards_are_treated_alike():
    rotations, path = turning(0.03)
    given = keys(rotations, path, *range(10), *range(T - 10, T))
    lazy = rotations.copy(), path.copy()
    lazy[0][10:-10], lazy[1][10:-10] = rotations[30], path[30]
    forth, way = carried(*lazy, given)
    back, yaw = carried(lazy[0][::-1], lazy[1][::-1], KeyFrames(rotations[::-1], path[::-1], given.known[::-1]))
    np.testing.assert_allclose(way, yaw[::-1], atol=1e-12)
    assert np.abs(np.abs(np.sum(forth * back[::-1], axis=-1)) - 1).max() < 1e-12


@pytest.mark.parametrize("frames", [(0, T - 1), (20,), (), (0, 30, T - 1), tuple(range(T))])
def test_without_a_known_speed_nothing_changes(frames):
    rotations, path = turning(0.05)
    answer = rot.normalise(rotations + 0.1), path + 1.0
    found, way = carried(*answer, keys(rotations, path, *frames))
    assert np.array_equal(found, answer[0]) and np.array_equal(way, answer[1])


def test_each_joint_has_gaps_of_its_own_and_signs_of_quaternions_do_not_matter():
    rotations, path = turning(0.02)
    known = np.zeros((T, 22), bool)
    known[:10, 5] = known[-1, 5] = True
    answer = np.repeat(rotations[:1], T, axis=0)
    found, way = carried(answer, path, KeyFrames(rotations, path, known))
    others = [j for j in range(22) if j != 5]
    assert np.array_equal(found[:, others], answer[:, others]) and np.array_equal(way, path)
    assert np.abs(found[10:-1, 5] - answer[10:-1, 5]).max() > 0.01
    flipped = rotations * np.where(np.arange(T) % 2, -1.0, 1.0)[:, None, None]
    again, _ = carried(answer, path, KeyFrames(flipped, path, known))
    np.testing.assert_allclose(again, found, atol=1e-12)
