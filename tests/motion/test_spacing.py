"""When poses are passed: keys stay in order, move toward where a motion has their pose, and rest without a reason."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.spacing import apart, room, shifts

GAPS = st.lists(st.floats(0.5, 40.0), min_size=1, max_size=7)


@settings(max_examples=200, deadline=None)
@given(gaps=GAPS, seed=st.integers(0, 999))
def test_keys_stay_in_order_within_a_third_of_the_way_and_outer_and_closed_ones_where_they_are(gaps, seed):
    rng = np.random.default_rng(seed)
    times = np.concatenate([[3.0], 3.0 + np.cumsum(gaps)])
    free = rng.random(len(times)) < 0.7
    moves = room(times, free)
    costs = [rng.uniform(0, 1, size=a + b + 1) for a, b in moves]
    by = shifts(times, moves, costs)
    assert by[0] == by[-1] == 0 and not by[~free].any()
    assert (np.diff(times + by) >= np.diff(times) / 3 - 1e-6).all()
    assert (by >= -moves[:, 0]).all() and (by <= moves[:, 1]).all()


@settings(max_examples=100, deadline=None)
@given(gaps=GAPS, seed=st.integers(0, 999))
def test_the_cheapest_of_all_ways_to_move_is_found(gaps, seed):
    rng = np.random.default_rng(seed)
    times = np.concatenate([[0.0], np.cumsum(gaps[:3])])
    moves = np.minimum(room(times, np.ones(len(times), bool)), 2)
    costs = [rng.uniform(0, 0.05, size=a + b + 1) for a, b in moves]

    def cost(by):
        stretch = np.diff(times + by) / np.diff(times) - 1
        return sum(c[s + m[0]] for c, s, m in zip(costs, by, moves, strict=True)) + 0.05 * np.sum(stretch**2)

    grids = np.meshgrid(*[np.arange(-a, b + 1) for a, b in moves], indexing="ij")
    ways = np.stack([grid.ravel() for grid in grids], axis=1)
    assert cost(shifts(times, moves, costs)) <= min(cost(way) for way in ways) + 1e-12


def test_without_a_reason_nothing_moves():
    times = np.array([0.0, 12.0, 20.0, 40.0])
    moves = room(times, np.ones(4, bool))
    assert not shifts(times, moves, [np.full(a + b + 1, 0.3) for a, b in moves]).any()


def test_a_pose_is_apart_by_what_is_known_of_it_alone():
    rng = np.random.default_rng(0)
    motion = rot.from_rotation_vector(rng.normal(0, 0.3, (9, 22, 3)))
    path = rng.normal(0, 0.3, (9, 3))
    known = np.zeros(22, bool)
    known[16] = True
    other = motion[4].copy()
    other[np.arange(22) != 16] = rot.IDENTITY
    assert apart(motion, path, -other, path[0] + 7.0, known).argmin() == 4
    assert apart(motion, path, other, path[4], known)[4] < 1e-12
    known[0] = True
    assert apart(motion, path, motion[4], path[4] + [0.0, 0.0, 0.5], known)[4] > 0.24
