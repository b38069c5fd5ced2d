"""The four foot modes and the lock itself (motion/feet.py, motion/locking.py)."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.contacts import Bar, FootMode, detect
from genmo_blender.motion.feet import measured, planted
from genmo_blender.motion.locking import locked
from genmo_blender.motion.quality import mean_jerk
from genmo_blender.motion.skeleton import canonical
from genmo_blender.motion.smooth import calm
from tests.motion.walking import FPS, bars_of_clip, clips, joints_of, noisy

NAMES = sorted(clips())


def standing(frames: int):
    return np.tile(rot.IDENTITY, (frames, 22, 1)), np.tile([0.0, canonical().pelvis_height, 0.0], (frames, 1))


@pytest.mark.parametrize("name", NAMES)
def test_feet_stand_still_in_their_bars_and_never_sink(name):
    raw = noisy(clips()[name], 3)
    quiet = calm(*raw)
    bars = detect(joints_of(quiet), FPS)
    clean = planted(*quiet, FPS, bars, FootMode.ALWAYS)
    found = measured(joints_of(clean), FPS, bars)
    assert found.slide <= 0.5 and found.slide_p99 <= 2.0 and found.sink <= 0.5
    assert mean_jerk(joints_of(clean)) <= mean_jerk(joints_of(raw))


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_recorded_motion_keeps_its_knees_and_hardly_moves(name):
    motion = clips()[name]
    clean = planted(*motion, FPS, bars_of_clip(name))
    before, after = joints_of(motion), joints_of(clean)
    apart = (after - after[:, :1]) - (before - before[:, :1])
    assert np.linalg.norm(apart, axis=-1).mean() < 0.01
    for knee in (4, 5):
        bend = [rot.to_rotation_vector(q[:, knee])[:, 0].min() for q in (motion[0], clean[0])]
        assert bend[1] > min(bend[0], 0.0) - 0.02


def test_off_leaves_every_bit_and_ground_only_lifts():
    motion = clips()[NAMES[0]]
    off = planted(*motion, FPS, bars_of_clip(NAMES[0]), FootMode.OFF)
    assert off[0] is motion[0] and off[1] is motion[1]
    sunk = motion[0], motion[1] - [0.0, 0.05, 0.0]
    ground = planted(*sunk, FPS, bars_of_clip(NAMES[0]), FootMode.GROUND)
    assert measured(joints_of(ground), FPS, ()).sink < 0.01
    np.testing.assert_allclose(ground[1][:, [0, 2]], motion[1][:, [0, 2]], atol=1e-12)


def test_on_the_ground_a_foot_that_dips_is_lifted_to_the_floor_without_a_corner():
    """One leg dips under the floor while the other stands: nothing sinks, and the lift begins before it is needed."""
    rotations, path = standing(90)
    bend = rot.from_rotation_vector(np.array([0.4, 0.0, 0.0]))
    rotations[:, [1, 2]], rotations[:, [4, 5]] = rot.conjugate(bend), rot.multiply(bend, bend)
    dip = 0.3 * np.sin(2 * np.pi * np.arange(90) / 45)[:, None] * [1.0, 0.0, 0.0]
    rotations[:, 4] = rot.multiply(rotations[:, 4], rot.from_rotation_vector(-dip))
    ground = planted(rotations, path, FPS, (Bar(2, 0, 89), Bar(3, 0, 89)), FootMode.GROUND)
    before, after = joints_of((rotations, ground[1])), joints_of(ground)
    height = before[:, 10, 1] - canonical().rest[10, 1]
    lift = after[:, 10, 1] - before[:, 10, 1]
    assert height.min() < -0.002 and (after[:, 10, 1] - canonical().rest[10, 1]).min() > -1e-4
    corner = np.abs(np.diff(np.maximum(-height, 0.0), n=2)).max()
    assert np.abs(np.diff(lift, n=2)).max() < 0.8 * corner
    assert lift[height > 0].max() > 1e-5


def test_auto_lets_a_travelling_foot_go_and_always_holds_it():
    rotations, path = standing(60)
    path[20:40, 2] += np.linspace(0.0, 0.5, 20)  # 0.75 m/s
    path[40:, 2] += 0.5
    bars = tuple(Bar(part, 0, 59) for part in range(4))
    slid = [
        np.ptp(joints_of(planted(rotations, path, FPS, bars, mode))[:, 10, 2])
        for mode in (FootMode.AUTO, FootMode.ALWAYS)
    ]
    assert slid[0] > 0.3 and slid[1] < 0.15


def test_feet_that_float_are_grounded_before_they_are_locked():
    """nv-tlabs/kimodo#18: locked where they float, feet walk on tiptoe."""
    rotations, path = standing(60)
    bars = tuple(Bar(part, 0, 59) for part in range(4))
    clean = joints_of(planted(rotations, path + [0.0, 0.06, 0.0], FPS, bars))
    np.testing.assert_allclose(clean, joints_of((rotations, path)), atol=2e-3)


def test_a_foot_rolls_over_its_ball_with_flat_toes():
    frames = 40
    rotations, path = standing(frames)
    roll = np.clip((np.arange(frames) - 15) / 15, 0.0, 1.0)
    rotations[:, 7] = rot.from_rotation_vector(0.6 * roll[:, None] * [1.0, 0.0, 0.0])
    flags = np.zeros((frames, 6), dtype=bool)
    flags[:, 1], flags[:16, 0] = True, True
    q, p = locked(rotations, path, FPS, flags)
    joints = joints_of((q, p))
    assert np.ptp(joints[:, 10], axis=0).max() < 0.01
    assert joints[-1, 7, 1] > joints[0, 7, 1] + 0.04
    toes = rot.multiply(rot.multiply(rot.multiply(q[:, 0], q[:, 1]), rot.multiply(q[:, 4], q[:, 7])), q[:, 10])
    up = rot.rotate(toes, np.broadcast_to([0.0, 1.0, 0.0], (frames, 3)))
    assert up[:, 1].min() > 0.99


def test_where_nothing_stands_the_legs_stay():
    motion = clips()[NAMES[0]]
    raised = motion[0], motion[1] + [0.0, 1.0, 0.0]
    q, p = locked(*raised, FPS, np.zeros((len(motion[1]), 6), dtype=bool))
    np.testing.assert_allclose(joints_of((q, p)), joints_of(raised), atol=1e-6)


def test_stairs_keep_their_heights():
    rotations, path = standing(60)
    path = path + [0.0, 2.0, 0.0]
    flags = np.ones((60, 6), dtype=bool)
    q, p = locked(rotations, path, FPS, flags, floor=0.0, flat=False)
    np.testing.assert_allclose(joints_of((q, p)), joints_of((rotations, path)), atol=2e-3)


@pytest.mark.parametrize("fps", [24.0, 60.0])
def test_any_rate_will_do(fps):
    rotations, path = standing(90)
    path[:, 0] += np.linspace(0.0, 0.05, 90)
    bars = tuple(Bar(part, 0, 89) for part in range(4))
    assert measured(joints_of(planted(rotations, path, fps, bars)), fps, bars).slide < 0.1
