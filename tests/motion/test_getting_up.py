"""The floor of moments in which no sole is said to stand (refine/planting.py)."""

import numpy as np

from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.planting import floor_correction, sole_heights
from genmo_blender.motion.rotations import IDENTITY
from genmo_blender.motion.skeleton import canonical


def standing_still(pelvis_rise: np.ndarray) -> np.ndarray:
    """Joints (T, 22, 3) of a body at rest whose whole height follows ``pelvis_rise`` (T,), metres."""
    path = np.tile(canonical().rest[0], (len(pelvis_rise), 1))
    path[:, 1] += pelvis_rise
    return joint_positions(canonical(), np.tile(IDENTITY, (len(path), 22, 1)), path)


def test_soles_stay_on_the_floor_while_nobody_falls_though_no_sole_is_said_to_stand():
    drift = np.concatenate([np.zeros(60), 0.15 * (1 - np.cos(np.linspace(0.0, np.pi, 60))), np.full(60, 0.3)])
    contacts = np.ones((180, 6))
    contacts[60:] = 0.1
    joints = standing_still(drift)
    height = sole_heights(joints).min(1) + floor_correction(joints, contacts)
    assert np.abs(height).max() < 0.1  # without this rule: the whole 30 cm of drift


def test_a_free_fall_between_two_stances_keeps_its_height():
    time = np.arange(18) / 30
    jump = np.concatenate([np.zeros(40), 2.94 * time - 4.9 * time**2, np.zeros(40)])
    contacts = np.ones((98, 6))
    contacts[40:58] = 0.0
    joints = standing_still(jump)
    height = sole_heights(joints).min(1) + floor_correction(joints, contacts)
    assert height.max() > 0.9 * jump.max()


def test_a_run_whose_steps_nothing_tells_comes_to_the_floor_at_every_step():
    """Four strides a second with a hop between them, drifting down from 0.8 m, and no foot that is said to stand."""
    time = np.arange(120) / 30
    joints = standing_still(0.8 - 0.2 * time + 0.12 * np.abs(np.sin(np.pi * 4 * time)))
    height = sole_heights(joints).min(1) + floor_correction(joints, np.zeros((120, 6)))
    steps = [np.abs(height[a : a + 8]).min() for a in range(8, 104, 8)]
    assert max(steps) < 0.05 and 0.05 < height.max() < 0.16
