import numpy as np

from genmo_blender.motion import on_the_beat
from genmo_blender.motion.on_the_beat import beat_clock

MUSIC = np.arange(3, 150, 14)


def slow_at(times, motion):
    """Where the retimed dance has its slow moments: frames at which the clock shows half a frame after each."""
    return np.interp(motion + 0.5, times, np.arange(len(times))) - 0.5


def test_slow_moments_come_to_lie_on_beats_and_the_clock_rises_smoothly_from_end_to_end():
    rng = np.random.default_rng(0)
    for _ in range(20):
        motion = np.cumsum(rng.integers(20, 45, size=3))
        times = beat_clock(motion, MUSIC, 150)
        assert times[0] == 0.0 and times[-1] == 149.0
        steps = np.diff(times)
        assert steps.min() > 0.4 and steps.max() < 2.2 and np.abs(np.diff(steps)).max() < 0.4
        before = np.abs(motion[:, None] - MUSIC).min(axis=1)
        after = np.abs(slow_at(times, motion)[:, None] - MUSIC).min(axis=1)
        assert after.mean() <= before.mean() + 1e-9 and np.mean(after < 0.2) > 0.6


def test_what_is_on_the_beat_stays():
    np.testing.assert_allclose(beat_clock(MUSIC[2::3], MUSIC, 150), np.arange(150), atol=1.0)


def test_without_beats_or_out_of_reach_nothing_moves():
    none = np.zeros(0, dtype=int)
    for motion, music in ((none, MUSIC), (MUSIC, none), (np.array([50]), np.array([50 + on_the_beat.REACH + 1]))):
        np.testing.assert_allclose(beat_clock(motion, music, 120), np.arange(120), atol=1e-9)
    np.testing.assert_array_equal(beat_clock(none, none, 1), [0.0])
