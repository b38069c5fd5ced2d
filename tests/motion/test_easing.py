"""What is known at some frames, carried on to the others (motion/easing.py)."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion.easing import bridged, faded

EASE = 7


def jerk(x: np.ndarray) -> float:
    return float(np.sum(np.diff(x, n=3, axis=0) ** 2))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 59), st.integers(1, 12)), max_size=4))
def test_what_is_known_stays_and_what_is_far_from_it_is_not_moved(seed, spans):
    rng = np.random.default_rng(seed)
    way, moved, known = rng.normal(size=(60, 3)), rng.normal(size=(60, 3)), np.zeros(60, dtype=bool)
    for first, length in spans:
        known[first : first + length] = True
    out = bridged(way, moved, known, EASE)
    np.testing.assert_array_equal(out[known], moved[known])
    near = np.convolve(known, np.ones(2 * EASE + 1), mode="same") > 0
    assert np.isfinite(out).all() and not out[~near].any()


def test_a_bridge_has_the_least_jerk_and_crosses_short_gaps_at_once():
    frame = np.arange(60)
    way = 0.1 * np.sin(frame / 6.0)[:, None]
    known = (frame < 20) | (frame >= 26)
    moved = np.where(frame < 20, 0.05, -0.05)[:, None] - way
    out = bridged(way, moved, known, EASE)
    assert jerk(way + out) < 0.25 * jerk(way + faded(moved, known, EASE))
    crossed = (way + out)[19:27, 0]
    assert (np.diff(crossed) < 0.003).all() and np.abs(np.diff(crossed, n=2)).max() < 0.02


def test_a_foot_leaves_its_lock_without_a_jolt():
    frame = np.arange(60)
    way = np.where(frame < 30, 0.0, 0.004 * (frame - 30.0) ** 2)[:, None]
    known, moved = frame < 34, -way
    out = way + bridged(0.3 * way, moved, known, EASE)
    before = way + faded(moved, known, EASE)
    assert np.abs(np.diff(out, n=2, axis=0)).max() < 0.6 * np.abs(np.diff(before, n=2, axis=0)).max()


def test_short_motions_and_a_single_frame_will_do():
    for count in (1, 2, 3, 5):
        known = np.arange(count) == 0
        out = bridged(np.zeros((count, 3)), np.ones((count, 3)), known, 1)
        assert np.isfinite(out).all() and (out[0] == 1.0).all()
