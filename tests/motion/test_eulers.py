"""Euler angles: the same turns, in every order, without jumps, near to what is keyed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.eulers import ORDERS, brought_near, from_quaternions, to_quaternions

ORDER = st.sampled_from(ORDERS)


def wandering(seed: int, frames: int = 200, pace: float = 0.08) -> np.ndarray:
    """Quaternions that turn through all directions, with careless signs."""
    rng = np.random.default_rng(seed)
    q = [rot.IDENTITY]
    course = np.cumsum(rng.normal(0, 0.3, (frames, 3)), axis=0)
    for axis in course / np.linalg.norm(course, axis=1, keepdims=True):
        q.append(rot.multiply(rot.from_rotation_vector(pace * axis), q[-1]))
    return np.array(q) * rng.choice([-1.0, 1.0], (frames + 1, 1))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(rot.to_rotation_vector(rot.multiply(rot.conjugate(a), b)), axis=-1).max())


@settings(max_examples=150, deadline=None)
@given(ORDER, st.integers(0, 9999))
def test_angles_and_turns_say_the_same(order, seed):
    q = wandering(seed)
    assert apart(to_quaternions(from_quaternions(q, order), order), q) < 1e-6
    angles = np.random.default_rng(seed).uniform(-9, 9, (50, 3))
    again = to_quaternions(from_quaternions(to_quaternions(angles, order), order), order)
    assert apart(again, to_quaternions(angles, order)) < 1e-6


@settings(max_examples=100, deadline=None)
@given(ORDER, st.integers(0, 9999))
def test_a_curve_of_angles_comes_back_as_it_was_but_for_whole_turns(order, seed):
    rng = np.random.default_rng(seed)
    angles = np.cumsum(rng.normal(0, 0.1, (200, 3)), axis=0)
    angles[:, "XYZ".index(order[1])] = np.clip(angles[:, "XYZ".index(order[1])], -1.3, 1.3)
    found = from_quaternions(to_quaternions(angles, order), order)
    row = np.array([0, 150])
    near = brought_near(found, order, row, angles[row], (np.arange(200) > 75).astype(int))
    np.testing.assert_allclose(near, angles, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(ORDER, st.integers(0, 9999))
def test_there_is_no_jump_of_a_turn_and_away_from_the_lock_none_at_all(order, seed):
    q = wandering(seed)
    angles = from_quaternions(q, order)
    step = np.abs(np.diff(angles, axis=0)).max(axis=1)
    assert step.max() <= np.pi + 1e-6
    flat = np.abs(np.cos(angles[:, "XYZ".index(order[1])]))
    away = np.minimum(flat[1:], flat[:-1]) > 0.3
    assert (step[away] < 0.08 / 0.3 * 1.5).all()


@pytest.mark.parametrize("order", ORDERS)
def test_a_turn_through_the_lock_goes_on(order):
    middle = np.zeros((90, 3))
    middle[:, "XYZ".index(order[1])] = np.linspace(0.0, np.pi, 90)  # over a quarter turn and on
    middle[45, "XYZ".index(order[1])] = np.pi / 2
    angles = from_quaternions(to_quaternions(middle, order), order)
    np.testing.assert_allclose(angles, middle, atol=1e-6)
    still = np.tile(middle[45], (5, 1))
    assert (
        apart(
            to_quaternions(from_quaternions(to_quaternions(still, order), order), order), to_quaternions(still, order)
        )
        < 1e-9
    )


def test_what_is_not_keyed_asks_for_nothing():
    angles = np.zeros((10, 3))
    theirs = np.array([[2 * np.pi, np.nan, np.nan]])
    near = brought_near(angles, "XYZ", np.array([4]), theirs, np.zeros(10, int))
    np.testing.assert_allclose(near, np.tile([2 * np.pi, 0.0, 0.0], (10, 1)))
