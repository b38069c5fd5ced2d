"""Linear prediction between known poses (motion/expected.py)."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.model.estimated import covariances
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.expected import HELD, STEPS, Covariances, expected, numbers_of
from genmo_blender.motion.keyed import KeyFrames

T, PERIOD = 40, 30
SHOULDER = 16


def known_at(rotations, path, *frames):
    known = np.zeros((len(path), 22), bool)
    known[list(frames)] = True
    return KeyFrames(rotations, path, known)


def parts(found):
    return found.rotations, found.path, found.inside, found.otherwise


def swinging():
    """A left arm swings about one axis, the pelvis goes on evenly, half a metre a second, 0.9 m high."""
    angle = 0.6 * np.sin(2 * np.pi * np.arange(T) / PERIOD)
    q = np.zeros((T, 22, 4))
    q[..., 0] = 1.0
    q[:, SHOULDER] = rot.from_rotation_vector(angle[:, None] * [1.0, 0.0, 0.0])
    return q, np.stack([np.zeros(T), np.full(T, 0.9), np.arange(T) / 60], axis=1)


def process():
    """A process in which every number of a pose swings with `PERIOD`, and steps are all alike."""
    lag = np.cos(2 * np.pi * np.arange(60) / PERIOD)
    by_lag = np.zeros((60, HELD + STEPS, HELD + STEPS))
    by_lag[:, np.arange(HELD), np.arange(HELD)] = 0.1 * lag[:, None]
    by_lag[:, np.arange(HELD, HELD + STEPS), np.arange(HELD, HELD + STEPS)] = 1e-4
    mean = np.concatenate([np.zeros(HELD - 1), [0.9], np.zeros(STEPS)])
    turn = np.tile([1.0, 0, 0, 0], (21, 1))
    return Covariances(turn, mean, np.eye(HELD), by_lag)


def test_what_swings_goes_on_swinging_and_what_goes_goes_on():
    q, path = swinging()
    keys = known_at(q, path, *range(10), T - 1)
    nothing = np.tile(q[:1], (T, 1, 1)), np.zeros((T, 3))
    turns, way, inside, _ = parts(expected(*nothing, keys, process()))
    assert inside.tolist() == [False] * 10 + [True] * (T - 11) + [False]
    apart = rot.to_rotation_vector(rot.multiply(rot.conjugate(turns), q))[10:-1]
    assert np.linalg.norm(apart, axis=-1).max() < 0.02
    assert np.abs(way - path)[10:-1].max() < 1e-3
    # interpolation knows nothing of the swing
    between = rot.slerp(q[9, SHOULDER], q[-1, SHOULDER], np.linspace(0, 1, T - 9)[1:-1])
    lazy = rot.to_rotation_vector(rot.multiply(rot.conjugate(between), q[10:-1, SHOULDER]))
    assert np.linalg.norm(lazy, axis=-1).max() > 0.3


def test_known_frames_and_what_lies_outside_them_are_those_given():
    q, path = swinging()
    answer = rot.normalise(q + 0.1), path + 1.0
    keys = known_at(q, path, 3, 4, 5, 20, 30)
    turns, way, inside, _ = parts(expected(*answer, keys, covariances()))
    assert np.flatnonzero(inside).tolist() == [*range(6, 20), *range(21, 30)]
    assert np.array_equal(turns[~inside], answer[0][~inside]) and np.array_equal(way[~inside], answer[1][~inside])
    assert np.isfinite(turns).all() and np.allclose(np.linalg.norm(turns, axis=-1), 1)


def test_it_is_the_same_wherever_the_character_stands_and_looks():
    q, path = swinging()
    around = np.broadcast_to(rot.about_y(2.4), (T, 4))
    turned = q.copy()
    turned[:, 0] = rot.multiply(around, q[:, 0])
    moved = rot.rotate(around, path) + [12.0, 0.0, -7.0]
    frames = (*range(8), T - 2, T - 1)
    here, way, *_ = parts(expected(q, path, known_at(q, path, *frames), covariances()))
    there, gone, *_ = parts(expected(turned, moved, known_at(turned, moved, *frames), covariances()))
    here[:, 0] = rot.multiply(around, here[:, 0])
    assert np.abs(np.abs(np.sum(here * there, axis=-1)) - 1).max() < 1e-9
    np.testing.assert_allclose(rot.rotate(around, way) + [12.0, 0.0, -7.0], gone, atol=1e-9)


BESIDE, GAP = 8, 30


def turning(at_first, inside, at_last):
    """Upright, on the spot: so many degrees round in `BESIDE` frames, over the gap, and in the frames behind it."""
    steps = np.repeat([at_first / (BESIDE - 1), inside / (GAP + 1), at_last / (BESIDE - 1)], [BESIDE - 1, GAP + 1, 7])
    q = np.zeros((2 * BESIDE + GAP, 22, 4))
    q[..., 0] = 1.0
    q[:, 0] = rot.about_y(np.radians(np.append(0.0, np.cumsum(steps))))
    return q, np.tile([0.0, 0.9, 0.0], (len(q), 1))


def turned_by(rotations):
    heading = np.degrees(np.unwrap(2 * np.arctan2(rotations[:, 0, 2], rotations[:, 0, 0])))
    return heading[BESIDE + GAP] - heading[BESIDE - 1]


@pytest.mark.parametrize("beside, true, given", [(0, 0, 360), (0, -40, 320), (100, 400, 40), (-100, -390, -30)])
def test_an_answer_is_not_believed_that_turns_round_otherwise_than_all_around_it_says(beside, true, given):
    right, path = turning(beside, true, beside)
    wrong, _ = turning(beside, given, beside)
    keys = known_at(right, path, *range(BESIDE), *range(BESIDE + GAP, len(path)))
    found = expected(wrong, path, keys, covariances())
    assert found.inside.sum() == GAP and np.array_equal(found.otherwise, found.inside)
    assert turned_by(found.rotations) == pytest.approx(true, abs=1)
    assert not expected(right, path, keys, covariances()).otherwise.any()


def test_a_range_of_minutes_is_no_burden():
    """Beyond what covariances reach nothing is said, and keys far away are not asked: the work stays small."""
    frames = 9000
    q = np.zeros((frames, 22, 4))
    q[..., 0] = 1.0
    path = np.tile([0.0, 0.9, 0.0], (frames, 1))
    inside = expected(q, path, known_at(q, path, 0, 5000, *range(5100, 9000, 100)), covariances()).inside
    assert not inside[:5001].any() and inside[5001:8900].sum() == 39 * 99


@pytest.mark.parametrize("what", ["some joints", "upside down", "one key", "no gap"])
def test_where_it_knows_nothing_it_changes_nothing(what):
    q, path = swinging()
    keys = known_at(q, path, *range(10), T - 1)
    if what == "some joints":
        keys.known[-1, 5] = False
    if what == "one key":
        keys = known_at(q, path, 12)
    if what == "no gap":
        keys = known_at(q, path, *range(T))
    if what == "upside down":
        q = q.copy()
        q[:, 0] = rot.from_rotation_vector(np.array([2.6, 0.0, 0.0]))
        keys = known_at(q, path, *range(10), T - 1)
    turns, way, inside, _ = parts(expected(q, path, keys, covariances()))
    assert not inside.any() and np.array_equal(turns, q) and np.array_equal(way, path)


def test_poses_and_steps_are_told_as_the_body_looks():
    q, path = swinging()
    poses, steps = numbers_of(q, path, np.tile([1.0, 0, 0, 0], (21, 1)))
    assert poses.shape == (T, HELD) and steps.shape == (T - 1, STEPS)
    np.testing.assert_allclose(
        poses[:, 3 * (SHOULDER - 1)], 0.6 * np.sin(2 * np.pi * np.arange(T) / PERIOD), atol=1e-12
    )
    np.testing.assert_allclose(steps, np.tile([0.0, 1 / 60, 0.0], (T - 1, 1)), atol=1e-12)
