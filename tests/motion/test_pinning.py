"""Hands, feet, hips and head held at points, on recorded motion: met, without a pop, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo_blender.motion import rotations as rot
from genmo_blender.motion.holds import JOINT, Hold
from genmo_blender.motion.keyed import KeyFrames
from genmo_blender.motion.kinematics import world_rotations
from genmo_blender.motion.pinning import misses, pinned
from genmo_blender.motion.skeleton import canonical
from genmo_blender.motion.turned import turned_away
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


def turned_hold(part: str, motion, angle: float, wave: float = 0.0) -> Hold:
    """At the place where the part is by itself, turned by an angle and more and less over time."""
    joint, frame = JOINT[part], np.arange(len(motion[1]))
    world = world_rotations(canonical(), motion[0])[:, joint]
    middle = np.broadcast_to(world[(FIRST + LAST) // 2], world.shape)
    vector = np.stack([angle + wave * np.sin(frame / 5), 0.3 * angle + 0 * frame, 0 * frame], axis=1)
    turns = rot.multiply(rot.from_rotation_vector(vector), middle)
    return replace(hold(part, (0.0, 0.0, 0.0), motion), turns=turns * np.where(frame % 2, -1.0, 1.0)[:, None])


@pytest.mark.parametrize("part", list(JOINT))
@pytest.mark.parametrize("angle", [0.0, 0.8, 2.9])
def test_a_rotation_is_held_where_the_pin_is_and_eases_in_and_out(part: str, angle: float):
    motion = clips()[WALK]
    held, free = turned_hold(part, motion, angle, wave=0.2), hold(part, (0.0, 0.0, 0.0), motion)
    after = pinned(*motion, [held])
    assert turned_away(after[0], held) < 1e-6 and turned_away(motion[0], held) > 0.1
    assert misses(*after, held).max() < 0.002
    far = np.r_[0 : FIRST - EASE - 1, LAST + EASE + 2 : len(motion[1])]
    np.testing.assert_allclose(joints_of(after)[far], joints_of(motion)[far], atol=2e-6)
    # no jump on the way there and back: the steepest step of an ease is 1.9 of its mean, and its slopes come on top
    assert steps(after[0], part).max() < steps(motion[0], part).max() + 2.6 * turned_away(motion[0], held) / EASE
    if part != "hips":  # what does not hang on the part is where a pin without rotation has it
        joints = [j for j in range(22) if j not in below(JOINT[part])]
        np.testing.assert_allclose(
            joints_of(after)[:, joints], joints_of(pinned(*motion, [free]))[:, joints], atol=1e-6
        )


def steps(rotations, part: str) -> np.ndarray:
    """Radians from frame to frame by which a part turns in the world."""
    world = world_rotations(canonical(), rotations)[:, JOINT[part]]
    return np.linalg.norm(rot.to_rotation_vector(rot.multiply(rot.conjugate(world[:-1]), world[1:])), axis=1)


def below(joint: int) -> set[int]:
    out = {joint}
    for j, parent in enumerate(canonical().parents):
        if parent in out:
            out.add(j)
    return out


def test_a_keyed_wrist_keeps_its_rotation():
    motion = clips()[WALK]
    held = turned_hold("left_hand", motion, 0.8)
    known = np.zeros((len(motion[1]), 22), bool)
    known[35, 20] = True
    keys = KeyFrames(motion[0], motion[1], known)
    after = pinned(*motion, [held], keys)
    same = np.abs(np.sum(after[0][35, 20] * motion[0][35, 20]))
    assert same > 1 - 1e-9 and turned_away(after[0], held) > 0.5
