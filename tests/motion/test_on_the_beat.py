import numpy as np
import pytest

from genmo_blender.motion import kinematics, on_the_beat
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.on_the_beat import beat_clock, danced, slow_moments
from genmo_blender.motion.skeleton import canonical

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


def a_dance(moments, frames=150):
    """Both arms swing, slowest at ``moments``; the pelvis rests."""
    rate = 1.0 - 0.9 * sum(np.exp(-(((np.arange(frames) - m) / 4.0) ** 2)) for m in moments)
    q = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 22, 1))
    q[:, [16, 17]] = rot.from_rotation_vector(np.cumsum(0.05 * rate)[:, None, None] * [1.0, 0.0, 0.0])
    return q, np.tile([0.0, 0.9, 0.0], (frames, 1)), np.linspace(0.0, 1.0, frames)[:, None] * np.ones(6)


def test_slow_moments_are_those_that_beat_alignment_counts():
    torch = pytest.importorskip("torch")
    from genmo_blender.engine.evaluation.music_metrics import motion_beats

    q, path, _ = a_dance([31, 62, 97])
    joints = kinematics.joint_positions(canonical(), q, path)
    found = slow_moments(joints)
    assert np.abs(found[:, None] - [31, 62, 97]).min(axis=0).max() <= 1
    assert found.tolist() == motion_beats(torch.from_numpy(joints)).tolist()
    assert len(slow_moments(joints[:3])) == 0


def test_a_dance_comes_to_lie_on_its_music_and_keeps_length_and_ends():
    motion = a_dance([31, 62, 97])
    turned, path, contacts = danced(*motion, np.array([35, 60, 100]))
    found = slow_moments(kinematics.joint_positions(canonical(), turned, path))
    away = np.abs(found[:, None] - [35, 60, 100]).min(axis=0)
    assert away.max() <= 2 and away.mean() < 2  # 4, 2 and 3 before
    for one, other in zip((turned, path, contacts), motion, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one[[0, -1]], other[[0, -1]], atol=1e-9)


def test_without_music_a_dance_stays_as_it_is():
    motion = a_dance([31, 62, 97])
    for one, other in zip(danced(*motion, np.zeros(0, dtype=int)), motion, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
