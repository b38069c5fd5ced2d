"""The handle of a key that is set into a Bézier segment whose far end must not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmo_blender.motion.joining import handle_toward
from genmo_blender.motion.reducing.curves import ControlKeys, evaluate

HEIGHT = st.floats(-2.0, 2.0)


def played(points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Values of the segment of four points (4, 2), as Blender plays it."""
    start, end = points[0], points[3]
    left = np.array([[start - [1.0, 0.0]], [points[2]]])
    right = np.array([[points[1]], [end + [1.0, 0.0]]])
    keys = ControlKeys(points[[0, 3], 0], points[[0, 3], 1:], left, right, ("KEYFRAME",) * 2, np.ones(1, bool))
    return evaluate(keys, times)[:, 0]


@given(one=HEIGHT, two=HEIGHT, end=HEIGHT, reach=st.floats(0.1, 1.0), other=st.integers(2, 24))
def test_a_segment_that_one_handle_can_give_is_found_again(one, two, end, reach, other):
    points = np.array([[0.0, 0.0], [24 * reach, one], [24.0 - other, two], [24.0, end]])
    times = np.linspace(1, 23, 12)
    values = played(points, times)
    found = points.copy()
    found[2] = handle_toward(points[0], points[1], points[3], times, values)
    assert np.abs(played(found, times) - values).max() < 0.06 * max(np.abs(points[:, 1]).max(), 0.1)


@pytest.mark.parametrize("cut", [6.0, 12.0, 18.0])
def test_before_and_after_are_mirror_images_and_nearer_than_a_flat_handle(cut):
    points = np.array([[0.0, 0.0], [8.0, 0.2], [16.0, 1.0], [24.0, 1.0]])
    times = np.linspace(0, cut, 14)[1:-1]
    values = played(points, times)
    key = np.array([cut, played(points, np.array([cut]))[0]])
    handle = handle_toward(points[0], points[1], key, times, values)

    def off(at: np.ndarray) -> float:
        return np.abs(played(np.array([points[0], points[1], at, key]), times) - values).max()

    assert off(handle) < 0.6 * off(key - [1 / 3, 0.0])
    flip = np.array([-1.0, 1.0])
    mirrored = handle_toward(points[0] * flip, points[1] * flip, key * flip, -times, values)
    np.testing.assert_allclose(mirrored * flip, handle, atol=1e-9)
