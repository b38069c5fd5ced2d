"""Distances between sets of features whose distributions are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.engine.evaluation.distributions import Spread, diversity, frechet, kernel_distance


def normal(seed: int, n: int = 400, mean: float = 0.0, spread: float = 1.0, d: int = 4) -> np.ndarray:
    return mean + spread * np.random.default_rng(seed).standard_normal((n, d))


def test_frechet_distance_of_gaussians_is_that_of_their_means_and_spreads() -> None:
    real = normal(0, 40000, d=3)
    assert frechet(real, real) == pytest.approx(0.0, abs=1e-9)
    # |mean|^2 + (3 - 1)^2 a dimension
    assert frechet(real, normal(1, 40000, 0.5, 3.0, d=3)) == pytest.approx(3 * 0.25 + 3 * 4.0, rel=0.03)
    assert frechet(real[:, :1], real[:, :1] + 2.0) == pytest.approx(4.0)
    with pytest.raises(ValueError, match="two or more"):
        frechet(real, real[:1])


def test_kernel_distance_by_hand() -> None:
    """Three equal points against three others: every draw holds the same numbers."""
    a, b = np.tile([[1.0, 0.0]], (3, 1)), np.tile([[0.0, 2.0]], (3, 1))
    # k(a, a) = (1/2 + 1)^3, k(b, b) = (4/2 + 1)^3, k(a, b) = 1
    found = kernel_distance(a, b, np.random.default_rng(0))
    assert found.mean == pytest.approx(1.5**3 + 27.0 - 2.0)
    assert found.interval == pytest.approx((found.mean, found.mean))


def test_kernel_distance_of_one_distribution_is_about_zero_and_grows_with_difference() -> None:
    rng = np.random.default_rng(0)
    same = kernel_distance(normal(0), normal(1), rng).mean
    near, far = (kernel_distance(normal(0), normal(1, mean=m), rng).mean for m in (0.3, 1.0))
    assert abs(same) < 0.02 < near < far
    own = kernel_distance(normal(0), normal(0), rng)
    # a row meets itself among the others alone: k(x, x) is about (4 / 4 + 1)^3, so 2 x 7 / 400 too little
    assert own.mean == pytest.approx(-0.035, abs=0.02)
    with pytest.raises(ValueError, match="three or more"):
        kernel_distance(normal(0), normal(0, 2), rng)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.floats(-2.0, 2.0))
def test_both_distances_are_symmetric(seed: int, mean: float) -> None:
    a, b = normal(seed, 60), normal(seed + 1, 60, mean)
    assert frechet(a, b) == pytest.approx(frechet(b, a), abs=1e-7)
    one, other = (kernel_distance(*pair, np.random.default_rng(3)).mean for pair in ((a, b), (b, a)))
    assert one == pytest.approx(other, rel=0.1, abs=0.1)


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    assert diversity(np.array([[0.0], [3.0], [6.0]])) == pytest.approx(4.0)
    assert diversity(np.ones((5, 2))) == 0.0


def test_an_interval_is_that_of_the_mean() -> None:
    found = Spread.over(np.array([0.0, 1.0, 0.0, 1.0]))
    assert found.mean == 0.5 and found.interval == pytest.approx((0.5 - 0.49, 0.5 + 0.49))
