"""The curve that bends the least (motion/bending.py), against the bumps that it is a sum of."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion.bending import Bend

REACH, FRAMES = 9.0, 120


def by_bumps(at, still, values):
    """The same curve as a sum of Green's functions exp(-|x|) (cos x + sin |x|), solved densely."""
    places = np.concatenate([at, still])

    def bump(apart):
        x = np.abs(apart) / REACH
        return np.exp(-x) * (np.cos(x) + np.sin(x))

    heights = np.linalg.solve(bump(places[:, None] - places), np.concatenate([values, np.zeros((len(still), 2))]))
    return bump(np.arange(FRAMES)[:, None] - places) @ heights


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(8, 4 * (FRAMES - 3)), min_size=1, max_size=12, unique=True),
    st.booleans(),
    st.integers(0, 99),
)
def test_it_is_the_sum_of_bumps(quarters, ends, seed):
    rng = np.random.default_rng(seed)
    at = rng.permutation(np.array(quarters) / 4.0)
    still = np.array([0.0, 1.0, FRAMES - 2, FRAMES - 1]) if ends else np.zeros(0)
    values = rng.normal(size=(len(at), 2))
    found, expected = Bend.of(at, still, FRAMES, REACH).through(values), by_bumps(at, still, values)
    assert np.abs(found - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


def test_keys_one_after_another_and_one_alone():
    for at in (np.arange(2.0, 110.0), np.array([40.0])):
        values = np.sin(at[:, None] * [0.1, 0.3])
        found = Bend.of(at, np.zeros(0), FRAMES, REACH).through(values)
        assert np.allclose(found[at.astype(int)], values, atol=1e-9)


def test_two_values_at_one_place_are_met_half_way():
    found = Bend.of(np.array([50.0, 50.0]), np.zeros(0), FRAMES, REACH).through(np.array([[1.0], [3.0]]))
    assert np.isclose(found[50, 0], 2.0)


def test_nothing_of_it_grows_with_the_square_of_the_length():
    short, long = (Bend.of(np.arange(0.0, n, 3), np.zeros(0), n, REACH) for n in (300, 3000))
    for name in ("rows", "slope", "solve", "cell", "basis"):
        assert np.size(getattr(long, name)) <= 10 * np.size(getattr(short, name)) + 10
