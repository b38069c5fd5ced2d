"""Smooth (Keep Contacts): calmer, nothing lags, quick reaches and contacts stay (motion/smooth_keeping.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.feet import measured
from genmo_blender.motion.quality import mean_jerk
from genmo_blender.motion.smooth_keeping import Strength, kernel, reach_kept, reaches, smoothed
from tests.motion.walking import FPS, bars_of_clip, clips, joints_of, noisy

NAMES = sorted(clips())


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize("fps", [12.0, 24.0, 30.0, 60.0, 120.0])
def test_taps_halve_their_frequency_and_keep_lines(strength, fps):
    taps = kernel(strength.value, fps)
    assert np.allclose(taps, taps[::-1]) and taps.sum() == pytest.approx(1.0)
    if len(taps) == 1:
        assert strength.value >= 0.45 * fps
        return
    t = np.arange(len(taps)) - len(taps) // 2
    assert np.sum(taps * np.cos(2 * np.pi * strength.value / fps * t)) == pytest.approx(0.5, abs=0.03)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 100), strength=st.sampled_from(list(Strength)))
def test_any_quick_reach_keeps_97_percent(seed, frames, strength):
    g = np.random.default_rng(seed)
    vectors = np.zeros((frames, 22, 3))
    vectors[:, [16, 17, 18, 19]] = np.repeat(g.normal(0, 0.9, (frames // 5 + 1, 4, 3)), 5, axis=0)[:frames]
    motion = rot.from_rotation_vector(vectors), np.zeros((frames, 3))
    out = smoothed(*motion, FPS, (), strength)
    kept = reach_kept(joints_of(motion), joints_of(out), FPS)
    assert (kept >= 0.97).all()
    np.testing.assert_allclose(joints_of(out)[[0, -1]], joints_of(motion)[[0, -1]], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_recorded_strikes_and_kicks_keep_their_reach_and_feet_their_place(name):
    raw, bars = noisy(clips()[name], 1), bars_of_clip(name)
    out = smoothed(*raw, FPS, bars, Strength.STRONG)
    before, after = joints_of(raw), joints_of(out)
    kept = reach_kept(before, after, FPS)
    assert not len(kept) or kept[np.array([limb < 2 for limb, _ in reaches(before, FPS)])].min(initial=1.0) >= 0.97
    assert mean_jerk(after) < 0.4 * mean_jerk(before)
    assert measured(after, FPS, bars).slide < 0.5 * measured(before, FPS, bars).slide


def test_what_is_still_stays_still():
    q, p = (x[:1].repeat(60, axis=0) for x in clips()[NAMES[0]])
    out = smoothed(q, p, FPS, (), Strength.STRONG)
    np.testing.assert_allclose(joints_of(out), joints_of((q, p)), atol=1e-7)
