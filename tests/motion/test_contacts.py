"""Contacts as bars (motion/contacts.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genmo_blender.motion import contacts
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.contacts import Bar, bars_of, detect, flags_of
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.skeleton import canonical

FRAMES = 60
some_bars = st.lists(st.builds(Bar, st.integers(0, 5), st.integers(-9, 70), st.integers(-9, 70)), max_size=12)


def stepping(fps: float, seconds: float = 4.0) -> np.ndarray:
    """Joints of a person at rest whose left foot is in the air from 1 s to 2 s."""
    frames = round(seconds * fps)
    joints = np.tile(canonical().rest, (frames, 1, 1))
    t = np.arange(frames) / fps
    lift = 0.2 * np.sin(np.pi * np.clip(t - 1.0, 0.0, 1.0)) ** 2
    joints[:, [7, 10], 1] += lift[:, None]
    return joints


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0])
def test_contacts_are_found_at_the_same_seconds_at_any_rate(fps):
    bars = detect(stepping(fps), fps)
    left = [bar for bar in bars if bar.part == 1]
    assert len(left) == 2 and {bar.part for bar in bars} == {0, 1, 2, 3}
    assert left[0].last / fps == pytest.approx(1.14, abs=0.08) and left[1].first / fps == pytest.approx(1.86, abs=0.08)


def test_a_foot_that_trembles_at_the_threshold_is_one_bar():
    joints = stepping(30.0)
    joints[:, 10, 0] += 0.35 / 30 * np.cumsum(np.where(np.arange(120) // 2 % 2, 1, -1)) / 2
    assert len([bar for bar in detect(joints, 30.0) if bar.part == 1]) == 2


def test_a_model_that_doubts_a_contact_ends_it_and_one_that_is_sure_of_a_hand_begins_it():
    joints, confidence = stepping(30.0), np.ones((120, 6))
    confidence[:, 3], confidence[:, 5] = 0.4, 0.1
    assert {bar.part for bar in detect(joints, 30.0, confidence)} == {0, 1, 2, 4}


def test_hands_on_the_floor_touch_and_hands_in_the_air_do_not():
    joints = stepping(30.0)
    joints[:, 20, 1] = 0.05
    assert {bar.part for bar in detect(joints, 30.0) if bar.part > 3} == {4}


def test_the_floor_may_lie_anywhere():
    joints = stepping(30.0)
    np.testing.assert_array_equal(detect(joints, 30.0), detect(joints + [3.0, -7.0, 2.0], 30.0))


@given(some_bars)
def test_bars_and_flags_are_one(bars):
    tidy = contacts.tidy(bars, FRAMES)
    assert bars_of(flags_of(tidy, FRAMES)) == tidy == contacts.tidy(tidy, FRAMES)
    for one, next_one in zip(tidy, tidy[1:], strict=False):
        assert one.first <= one.last < FRAMES
        assert one.part < next_one.part or one.last + 1 < next_one.first


@given(some_bars)
def test_mirrored_twice_is_as_before(bars):
    tidy = contacts.tidy(bars, FRAMES)
    assert contacts.mirrored(contacts.mirrored(tidy)) == tidy


@given(some_bars, st.integers(2, 150))
def test_on_a_clock_bars_stay_inside_and_in_order(bars, wanted):
    tidy = contacts.tidy(bars, FRAMES)
    clock = np.linspace(0, FRAMES - 1, wanted)
    moved = contacts.on_clock(tidy, clock)
    assert len(moved) <= len(tidy) and all(0 <= bar.first <= bar.last < wanted for bar in moved)
    if wanted >= FRAMES:
        shown = flags_of(tidy, FRAMES)[np.rint(clock).astype(int)]
        assert (flags_of(moved, wanted) & ~shown).sum() == 0


def test_bars_are_edited_by_hand():
    bars = contacts.added((), Bar(1, 20, 10), FRAMES)
    assert bars == (Bar(1, 10, 20),)
    bars = contacts.added(bars, Bar(1, 30, 40), FRAMES)
    assert contacts.edge_moved(bars, bars[0], FRAMES, last=29) == (Bar(1, 10, 40),)
    assert contacts.edge_moved(bars, bars[0], FRAMES, first=25) == (Bar(1, 30, 40),)
    assert contacts.edge_moved(bars, bars[0], FRAMES, first=-5)[0] == Bar(1, 0, 20)
    assert contacts.removed(bars, 1, 35) == (Bar(1, 10, 20),)
    with pytest.raises(ValueError, match="no longer there"):
        contacts.edge_moved(bars, Bar(0, 1, 2), FRAMES, last=9)
    with pytest.raises(ValueError, match="part 6"):
        flags_of((Bar(6, 1, 2),), FRAMES)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_the_shortest_motions_pass(frames):
    rotations = np.tile(rot.IDENTITY, (frames, 22, 1))
    joints = joint_positions(canonical(), rotations, np.tile([0.0, canonical().pelvis_height, 0.0], (frames, 1)))
    assert all(bar.last < frames for bar in detect(joints, 30.0))
