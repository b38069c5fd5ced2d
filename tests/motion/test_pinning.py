"""Hands, feet, hips and head held at points, on recorded motion: met, without a pop, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.pinning import JOINT, Hold, misses, pinned
from tests.motion.walking import clips, joints_of

WALK = "cmu_16_15"
FIRST, LAST, EASE = 20, 49, 9


def hold(part: str, offset, motion, first: int = FIRST, last: int = LAST, sway: float = 0.0) -> Hold:
    """Beside the place where the part would be relative to the body at the hold's middle, moving with the body."""
    joints = joints_of(motion)
    middle = (first + last) // 2
    frame = np.arange(len(joints))
    body = np.linspace(0, 1, len(frame))[:, None] * 0 + joints[:, 0] * [1, 0, 1]
    points = body + (joints[middle, JOINT[part]] - joints[middle, 0] * [1, 0, 1]) + offset
    points = points + sway * np.stack([np.sin(frame / 6), np.cos(frame / 6), 0 * frame], axis=1)
    return Hold(part, points, (frame >= first) & (frame <= last), EASE, EASE)


@pytest.mark.parametrize(
    ("part", "offset"),
    [
        ("left_hand", (0.05, 0.2, 0.1)),
        ("right_hand", (-0.05, 0.25, 0.1)),
        ("left_foot", (0.0, 0.12, 0.0)),
        ("right_foot", (0.05, 0.1, 0.0)),
        ("hips", (0.05, -0.08, 0.0)),
        ("head", (0.03, -0.05, 0.05)),
    ],
)
def test_a_pin_is_met_within_2_mm_over_30_frames_and_its_ends_do_not_pop(part: str, offset):
    motion = clips()[WALK]
    held = hold(part, offset, motion, sway=0.02)
    after = pinned(*motion, [held])
    assert held.held.sum() == 30 and misses(*after, held).max() < 0.002 and misses(*motion, held).max() > 0.05
    speeds = [np.linalg.norm(np.diff(joints_of(m), axis=0), axis=-1) * 30 for m in (motion, after)]
    for end in (FIRST, LAST):
        for step in range(end - 2, end + 2):
            beside = np.maximum(speeds[1][step - 1], speeds[1][step + 1])
            own = np.maximum(speeds[0][step - 1], speeds[0][step + 1])
            spike = speeds[1][step] / np.maximum(beside, 0.1)
            natural = speeds[0][step] / np.maximum(own, 0.1)
            assert (spike < np.maximum(1.25, natural + 0.1)).all()
    far = np.r_[0 : FIRST - EASE - 1, LAST + EASE + 2 : len(motion[1])]
    np.testing.assert_allclose(joints_of(after)[far], joints_of(motion)[far], atol=2e-6)


def test_a_hand_in_reach_moves_its_arm_alone():
    motion = clips()[WALK]
    q, path = pinned(*motion, [hold("left_hand", (0.0, 0.25, 0.1), motion)])
    moved = np.abs(joints_of((q, path)) - joints_of(motion)).max(axis=(0, 2))
    assert moved[20] > 0.1 and moved[[0, 1, 2, 4, 5, 7, 8, 10, 11]].max() < 0.005


def test_out_of_reach_the_body_leans_a_little_and_the_rest_is_missed():
    motion = clips()[WALK]
    near, far = (hold("right_hand", (0.0, 0.5, away), motion) for away in (0.45, 1.5))
    for held, most in ((near, 0.002), (far, 1.2)):
        q, path = pinned(*motion, [held])
        shift = np.linalg.norm(path - motion[1], axis=1).max()
        assert shift <= 0.121
        assert misses(q, path, held).max() < most and np.isfinite(q).all()
    assert misses(*pinned(*motion, [far]), far).min() > 0.2


def test_two_pins_of_one_hand_and_both_hands_together():
    motion = clips()[WALK]
    holds = [
        hold("left_hand", (0.0, 0.25, 0.1), motion, 10, 24),
        hold("left_hand", (0.1, 0.35, 0.1), motion, 30, 45),
        hold("right_hand", (0.0, 0.3, 0.05), motion, 12, 40),
    ]
    after = pinned(*motion, holds)
    assert max(misses(*after, held).max() for held in holds) < 0.002


def test_keyed_joints_do_not_move_for_a_pin():
    motion = clips()[WALK]
    known = np.zeros((len(motion[1]), 22), dtype=bool)
    known[35, 18] = True
    held = hold("left_hand", (0.0, 0.25, 0.1), motion)
    q, path = pinned(*motion, [held], KeyFrames(*motion, known))
    np.testing.assert_allclose(q[35], motion[0][35], atol=2e-6)
    missed = misses(q, path, held)
    assert missed[0] < 0.002 and missed[35 - FIRST] > 0.05


def test_no_pin_changes_nothing():
    motion = clips()[WALK]
    q, path = pinned(*motion, [])
    assert q is motion[0] and path is motion[1]
