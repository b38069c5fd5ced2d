"""Retime and Stitch Takes, contacts by hand, and the panels."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.clean_up_stage import FIRST, clip, fields_of, joints_of, motion_of, playing, preview

FRAMES = 118
LAST = FIRST + FRAMES - 1


@pytest.fixture
def walker(stage):
    """A character that walks over frames 11 to 128, and a finger with a few keys."""
    target = playing(stage, clip())
    finger = target.pose.bones["left_index1"]
    for frame in (FIRST, 69, LAST, 150):
        finger.rotation_quaternion = (1.0, 0.1 * frame, 0.0, 0.0)
        finger.keyframe_insert("rotation_quaternion", frame=frame)
    return target


@pytest.mark.parametrize("length", [60, 118, 200])
def test_retiming_keeps_contacts_and_ends(stage, walker, length):
    old = joints_of(stage, walker, [FIRST, LAST])
    assert bpy.ops.genmo.retime(length=length) == {"FINISHED"}
    print(stage.session.message)
    end = FIRST + length - 1
    body = {c: k for c, k in fields_of(stage, walker).items() if "index" not in c[0]}
    assert all(np.array_equal(keys["co"][:, 0], np.arange(FIRST, end + 1)) for keys in body.values())
    now = joints_of(stage, walker, np.arange(FIRST, end + 1))
    np.testing.assert_allclose(now[[0, -1], 0], old[:, 0], atol=0.02)
    bars = stage.module("addon.services.contact_bars").within(walker.animation_data.action, FIRST, end)
    assert len(bars) >= 6
    assert stage.module("motion.feet").measured(now, 30.0, bars).slide < 2.0
    finger = fields_of(stage, walker)['pose.bones["left_index1"].rotation_quaternion', 0]["co"][:, 0]
    np.testing.assert_allclose(finger[[0, 2, 3]], [FIRST, end, 150 + length - FRAMES], atol=1e-3)
    assert FIRST < finger[1] < end


def test_one_click_without_a_length_changes_nothing(stage, walker):
    before = fields_of(stage, walker)
    with pytest.raises(RuntimeError, match=f"The range is {FRAMES} frames long. Set beside Retime"):
        bpy.ops.genmo.retime()
    after = fields_of(stage, walker)
    assert all(np.array_equal(before[c]["co"], after[c]["co"]) for c in before)


def test_what_comes_after_the_range_moves_along(stage, walker):
    preview(40, 80)
    before = fields_of(stage, walker)
    assert bpy.ops.genmo.retime(length=61) == {"FINISHED"}
    after = fields_of(stage, walker)
    for channel, keys in before.items():
        late, now = keys["co"][:, 0] > 80, after[channel]["co"][:, 0] > 100
        np.testing.assert_array_equal(after[channel]["co"][now], keys["co"][late] + np.float32([20.0, 0.0]))
        early = keys["co"][:, 0] < 40
        np.testing.assert_array_equal(after[channel]["co"][: early.sum()], keys["co"][early])


def test_stitched_takes_wait_beside_the_others(scripted):
    scripted.shot()
    bpy.ops.genmo.generate(takes=2, seed=4)
    target, takes = bpy.data.objects["Hero"], scripted.module("addon.services.takes")
    first, second = takes.waiting(target)
    hashes = [scripted.action_hash(a) for a in (first, second)]
    shown = takes.shown(target)
    frames = np.arange(1, 122)
    before = motion_of(scripted, target, frames)
    assert bpy.ops.genmo.stitch_takes() == {"FINISHED"}
    print(scripted.session.message)
    assert len(takes.waiting(target)) == 3 and takes.shown(target) == takes.waiting(target)[2] != shown
    assert [scripted.action_hash(a) for a in (first, second)] == hashes
    joined = motion_of(scripted, target, frames)
    # The cut may lie a few frames apart in the two; the whole is then stretched by so little.
    np.testing.assert_allclose(joined[1][:10], before[1][:10], atol=0.02)
    assert takes.shown(target).frame_range[1] == 121
    bpy.ops.genmo.drop_take()
    assert not len(bpy.data.actions)


def test_stitching_needs_two_takes(scripted):
    scripted.shot()
    bpy.ops.genmo.generate(takes=1, seed=4)
    assert not bpy.ops.genmo.stitch_takes.poll()


def test_contacts_by_hand(stage, walker):
    bars = stage.module("addon.services.contact_bars")
    action = walker.animation_data.action
    bpy.ops.genmo.contact_add(part="heel.L", first=30, last=20)
    bpy.ops.genmo.contact_add(part="hand.R", first=90, last=95)
    bpy.ops.genmo.contact_add(part="heel.L", first=28, last=40)
    told = [(b.part, b.first, b.last) for b in bars.kept(action)]
    assert told == [(0, 20, 40), (5, 90, 95)]
    assert action.genmo.contact_index == 0
    action.genmo.contacts[0].first = 50
    assert action.genmo.contacts[0].last == 50
    bpy.ops.genmo.contact_remove()
    assert [(b.part, b.first, b.last) for b in bars.kept(action)] == [(5, 90, 95)]
    preview(60, 100)
    bpy.ops.genmo.detect_contacts()
    assert (5, 90, 95) not in [(b.part, b.first, b.last) for b in bars.kept(action)]
    assert all(60 <= b.first <= b.last <= 100 for b in bars.kept(action))


def test_detecting_in_a_part_keeps_what_lies_outside(stage, walker):
    bpy.ops.genmo.contact_add(part="hand.L", first=20, last=100)
    preview(60, 80)
    bpy.ops.genmo.detect_contacts()
    bars = stage.module("addon.services.contact_bars").kept(walker.animation_data.action)
    hands = [(b.first, b.last) for b in bars if b.part == 4]
    assert hands == [(20, 59), (81, 100)]
