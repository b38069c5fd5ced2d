"""Keys met exactly without a pop (motion/fitting.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.fitting import Poses, fitted, misses
from genmo_blender.motion.resampling import resample

FPS, FRAMES, JOINTS = 30.0, 90, 22


def smooth_motion(seed: int, frames: int = FRAMES):
    """Something that moves like a body: a few slow sines."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / FPS
    waves = np.sin(2 * np.pi * rng.uniform(0.2, 1.5, (JOINTS, 3)) * t[:, None, None] + rng.uniform(0, 6, (JOINTS, 3)))
    path = np.stack([t, 0.9 + 0.02 * np.sin(9 * t), 0.3 * np.sin(t)], axis=-1)
    return rot.continuous(rot.from_rotation_vector(0.4 * waves)), path


def poses_near(motion, times, seed=0, angle=0.3, distance=0.1, mask=None):
    """Keys that the motion misses by about so much."""
    rng = np.random.default_rng(seed)
    q, path = resample(*motion, FPS, np.asarray(times))
    turned = rot.multiply(q, rot.from_rotation_vector(angle * rng.standard_normal((len(times), JOINTS, 3)) / 2))
    mask = np.ones((len(times), JOINTS), dtype=bool) if mask is None else mask
    return Poses(np.asarray(times), turned, path + distance * rng.standard_normal((len(times), 3)), mask)


def test_keys_are_met_at_their_true_times():
    motion = smooth_motion(0)
    poses = poses_near(motion, [0.71, 1.0, 1.534, 2.2])
    assert misses(*motion, FPS, poses).worst[0] > 0.3
    angle, distance = misses(*fitted(*motion, FPS, poses), FPS, poses).worst
    assert angle < 1e-8 and distance < 1e-8


def test_what_is_not_keyed_stays_bit_for_bit():
    motion = smooth_motion(1)
    mask = np.zeros((2, JOINTS), dtype=bool)
    mask[0, 5], mask[1, [5, 9]] = True, True
    q, path = fitted(*motion, FPS, poses_near(motion, [0.8, 1.9], mask=mask))
    others = [j for j in range(JOINTS) if j not in (5, 9)]
    assert np.array_equal(q[:, others], motion[0][:, others]) and np.array_equal(path, motion[1])


def test_each_joint_has_keys_of_its_own():
    motion = smooth_motion(2)
    mask = np.random.default_rng(4).random((5, JOINTS)) < 0.4
    poses = poses_near(motion, [0.3, 0.9, 1.3, 2.05, 2.6], mask=mask)
    angle, distance = misses(*fitted(*motion, FPS, poses), FPS, poses).worst
    assert angle < 1e-8 and distance < 1e-8


def test_a_motion_that_meets_its_keys_stays_as_it_is():
    motion = smooth_motion(3)
    poses = poses_near(motion, [0.5, 1.5], angle=0.0, distance=0.0)
    q, path = fitted(*motion, FPS, poses)
    assert np.allclose(q, motion[0], atol=1e-9) and np.allclose(path, motion[1], atol=1e-9)


def test_the_ends_stay_unless_they_are_keyed():
    motion = smooth_motion(4)
    q, path = fitted(*motion, FPS, poses_near(motion, [0.25, 2.8]))
    for end in ([0, 1], [-2, -1]):
        assert np.allclose(path[end], motion[1][end], atol=1e-6)
        assert np.allclose(q[end], motion[0][end], atol=1e-6)
    keyed = poses_near(motion, [0.0, 89 / FPS])
    assert max(misses(*fitted(*motion, FPS, keyed), FPS, keyed).worst) < 1e-8


def test_nothing_pops_at_a_key():
    """What is added to a motion of even steps accelerates at the key no more than it does around it."""
    still = np.tile(rot.IDENTITY, (FRAMES, JOINTS, 1)), np.zeros((FRAMES, 3))
    pose, everything = np.tile(rot.IDENTITY, (1, JOINTS, 1)), np.ones((1, JOINTS), dtype=bool)
    poses = Poses(np.array([1.5]), pose, np.array([[0.1, 0, 0]]), everything)
    x = fitted(*still, FPS, poses)[1][:, 0]
    bend = np.abs(np.diff(x, n=2)) * FPS**2
    assert x.max() == pytest.approx(0.1) and x.min() > -0.01
    assert bend.max() < 3.0  # m/s2; over and back in two frames it would be 90
    assert np.abs(np.diff(x)).max() * FPS < 0.25


def test_keys_outside_the_motion_are_left_out():
    motion = smooth_motion(5)
    outside = poses_near(motion, [0.0, 0.0])
    outside = Poses(np.array([-0.5, 40.0]), outside.rotations, outside.path, outside.mask)
    q, path = fitted(*motion, FPS, outside)
    assert np.array_equal(q, motion[0]) and np.array_equal(path, motion[1])


def test_keys_that_contradict_each_other_are_met_half_way():
    """Two keys at one moment: finite, and between them."""
    motion = smooth_motion(6)
    two = poses_near(motion, [1.5, 1.5], seed=3)
    q, path = fitted(*motion, FPS, two)
    assert np.isfinite(q).all() and np.allclose(path[45], two.path.mean(axis=0), atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 89), min_size=1, max_size=20, unique=True))
def test_any_keys_on_frames_are_met(seed, frames):
    motion = smooth_motion(seed % 7)
    rng = np.random.default_rng(seed)
    mask = rng.random((len(frames), JOINTS)) < 0.7
    poses = poses_near(motion, np.array(frames) / FPS, seed, angle=0.1, distance=0.05, mask=mask)
    angle, distance = misses(*fitted(*motion, FPS, poses), FPS, poses).worst
    assert angle < np.radians(0.05) and distance < 5e-4
