"""Kinetic and geometric features of dances, on motions and distributions whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.evaluation.dance_features import (
    diversity,
    feature_rows,
    frechet_distance,
    geometric_features,
    kinetic_features,
)
from genmo_blender.motion.skeleton import canonical


def standing(frames: int = 40) -> np.ndarray:
    return np.tile(canonical().rest, (frames, 1, 1))


def test_kinetic_features_are_the_energies_of_each_joint():
    joints = standing()
    time = np.arange(40)[:, None] / 30.0
    joints[:, 15] += time * [3.0, 0.5, 4.0]
    joints[:, 20, 1] += 0.5 * 2.0 * time[:, 0] ** 2
    features = kinetic_features(joints).reshape(22, 3)
    np.testing.assert_allclose(features[15], [25.0, 0.25, 0.0], atol=1e-6)
    np.testing.assert_allclose(features[20, [0, 2]], [0.0, 2.0], atol=1e-6)
    assert not features[[0, 5, 21]].any()


def test_standing_in_a_t_pose_shows_few_relations():
    features = geometric_features(standing())
    assert features.shape == (32,)
    hands_apart, ankles_behind_toes, arms_off_the_trunk = 8, (14, 15), (23, 24)
    assert np.flatnonzero(features).tolist() == [hands_apart, *ankles_behind_toes, *arms_off_the_trunk]
    np.testing.assert_array_equal(geometric_features(standing() + [5.0, 0.0, -3.0]), features)


def test_a_relation_counts_its_share_of_frames():
    joints = standing(41)
    joints[21:, 21, 1] = 0.0  # the right hand on the floor for the second half of the frames
    features = geometric_features(joints)
    assert features[29] == pytest.approx(20 / 40) and features[30] == 0.0
    joints = standing(41)
    joints[:, :] += (np.arange(41) / 30.0 * 2.0)[:, None, None] * np.array([0.0, 0.0, 1.0])
    assert geometric_features(joints)[31] == 1.0  # 2 m/s is a fast pelvis


def test_left_and_right_have_their_own_relation_and_mirror_each_other():
    rng = np.random.default_rng(0)
    joints = standing(60) + np.cumsum(0.05 * rng.standard_normal((60, 22, 3)), axis=0)
    order = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20]
    a, b = geometric_features(joints), geometric_features(joints[:, order] * [-1.0, 1.0, 1.0])
    for left, right in ((3, 2), (5, 4), (7, 6), (13, 12), (17, 16), (20, 19), (22, 21), (24, 23), (26, 25), (30, 29)):
        assert a[left] == b[right] and a[right] == b[left]
    assert a[0] == b[1] and a[14] == b[15] and a[10] == b[11]


def test_the_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(1)
    real = rng.standard_normal((20000, 3))
    assert frechet_distance(real, real) == pytest.approx(0.0, abs=1e-8)
    moved = 2.0 * rng.standard_normal((20000, 3)) + [1.0, 0.0, 2.0]
    assert frechet_distance(real, moved) == pytest.approx(5.0 + 3.0, rel=0.05)
    assert frechet_distance(real * 100.0, moved * 100.0) == pytest.approx(8.0, rel=0.05)
    with pytest.raises(ValueError, match="two or more"):
        frechet_distance(real, moved[:1])


def test_diversity_is_the_mean_distance_of_pairs():
    rng = np.random.default_rng(1)
    real = rng.standard_normal((5000, 1))
    assert diversity(real, np.array([[0.0], [3.0], [6.0]])) == pytest.approx(4.0, rel=0.05)
    assert diversity(real, np.zeros((3, 1))) == 0.0


def test_rows_of_motions_are_finite_even_for_who_stands():
    kinetic, geometric = feature_rows([standing(), standing(4)])
    assert kinetic.shape == (2, 66) and geometric.shape == (2, 32)
    assert bool(np.isfinite(kinetic).all() and np.isfinite(geometric).all())
    assert frechet_distance(kinetic, kinetic) == 0.0
