"""Jerk, slide, spread and nearest windows on motion whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.evaluation.quality import (
    NEAREST_FRAMES,
    NearestWindows,
    every,
    mean_jerk,
    middle,
    smoothness,
    spread,
    toe_slide,
    window_rows,
)
from genmo_blender.motion import rotations
from genmo_blender.motion.skeleton import canonical
from tests.engine.evaluation.clips import joints


def moved(motion: np.ndarray, angle: float, by: tuple[float, float, float]) -> np.ndarray:
    return rotations.rotate(np.broadcast_to(rotations.about_y(angle), (*motion.shape[:-1], 4)), motion) + by


def standing(frames: int) -> np.ndarray:
    return np.repeat(canonical().rest[None], frames, axis=0)


def test_jerk_of_a_cubic_is_its_third_derivative() -> None:
    t = np.arange(60) / 30
    path = standing(60) + (t**3)[:, None, None] * [0.0, 0.0, 1.0]
    assert mean_jerk(path) == pytest.approx(6.0, rel=1e-6)
    assert np.isnan(mean_jerk(standing(3)))


def test_slide_is_the_speed_of_low_toes() -> None:
    slid = standing(60) + (np.arange(60) / 30 * 0.4)[:, None, None] * [0.6, 0.0, 0.8]
    assert toe_slide(slid) == pytest.approx(0.4, rel=1e-6)
    assert np.isnan(toe_slide(slid + [0.0, 0.05, 0.0])), "feet in the air do not slide"


def test_real_clips_are_smooth_and_noise_is_not() -> None:
    walk = joints("cmu_16_15")
    noisy = walk + np.random.default_rng(1).normal(0, 0.01, walk.shape)
    clean, rough = smoothness([walk]), smoothness([noisy])
    assert 20 < clean.jerk < 300 < rough.jerk and clean.slide < rough.slide


def test_spread_is_blind_to_place_and_heading_and_grows_with_difference() -> None:
    walk = joints("cmu_16_15")
    assert spread([walk, moved(walk, 1.2, (3.0, 0.0, 1.0))])[0] == pytest.approx(0.0, abs=1e-6)
    mean, pairs = spread([walk, joints("cmu_16_17"), joints("qcy_kick_right")])
    assert pairs == 3 and mean > 0.1
    assert np.isnan(spread([walk])[0])


def test_a_copy_is_found_wherever_it_stands() -> None:
    train = NearestWindows([joints("cmu_16_15"), joints("cmu_16_17"), joints("qcy_wave")])
    copy = moved(joints("cmu_16_17", 20, 20 + NEAREST_FRAMES + 10), -2.0, (1.0, 0.0, 5.0))
    assert train.distances(window_rows(copy, np.array([5]))).item() < 0.01
    assert train.distances(window_rows(joints("qcy_kick_right"), np.array([0]))).item() > 0.1


def test_distances_are_those_of_a_plain_search() -> None:
    train = NearestWindows([joints("cmu_16_15"), joints("qcy_wave")])
    rows = window_rows(joints("cmu_16_17"), every(joints("cmu_16_17"), 20))
    plain = [min(np.sqrt(np.mean(np.sum((r - t).reshape(-1, 3) ** 2, axis=-1))) for t in train.rows) for r in rows]
    assert np.allclose(train.distances(rows), plain, atol=1e-4)


def test_motion_shorter_than_a_window_has_none() -> None:
    short = joints("cmu_16_35")
    assert len(middle(short, NEAREST_FRAMES)) == len(every(short, 5)) == 0
    assert window_rows(short, middle(short, NEAREST_FRAMES)).shape == (0, NEAREST_FRAMES // 4 * 66)
    with pytest.raises(ValueError, match="60 frames"):
        NearestWindows([short])
