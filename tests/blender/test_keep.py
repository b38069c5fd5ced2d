"""Where a kept take goes. Whatever the way, the character moves as it did when the take was shown."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.acting import FIRST, LAST, bytes_of_own_keys, hero, key_pose, pose_at, result, write

BODY = ("pelvis", "left_shoulder", "right_knee")


@pytest.fixture
def waiting(stage):
    """A character whose keyed action reaches beyond a take's range, and the action."""
    target = hero(stage)
    for moment in (2, 20.5, 70):
        key_pose(target, moment, BODY)
    own = target.animation_data.action
    own.name = "Own"
    recipe = {"frames": [FIRST, LAST]}
    takes = stage.module("addon.services.takes")
    placed = takes.Placement(FIRST, LAST, 24, ("walks",), recipe)
    takes.begin(target, bpy.context.scene, result(stage, (LAST - FIRST) / 24, takes=2), placed)
    return target, own


def joints(stage, target) -> np.ndarray:
    return np.array([pose_at(stage, target, frame)[0] for frame in range(1, 75)])


@pytest.mark.parametrize(("way", "off"), [("NEW", 1e-6), ("INTO", 1e-6), ("STRIP", 1e-6), ("LAYER", 2e-5)])
def test_the_character_moves_as_the_take_did(stage, waiting, way, off):
    target, own = waiting
    shown = joints(stage, target)
    assert bpy.ops.genmo.keep_take(way=way) == {"FINISHED"}
    kept = joints(stage, target)
    inside = slice(FIRST - 1, LAST)
    assert np.abs(kept - shown)[inside].max() < off
    if way in ("NEW", "INTO"):
        assert np.abs(kept - shown).max() < off
    assert not stage.module("addon.services.takes").in_review(target)
    assert len(bpy.data.actions) == (1 if way == "INTO" else 2)
    assert (target.animation_data.action == own) == (way == "INTO")
    assert own.users > 0


@pytest.mark.parametrize("way", ["STRIP", "LAYER"])
def test_beside_a_strip_the_animators_own_action_plays(stage, waiting, way):
    target, own = waiting
    takes, compat = stage.module("addon.services.takes"), stage.module("addon.compat")
    take = takes.shown(target)
    compat.assign(target, own, own.slots[0].identifier)
    before = joints(stage, target)
    compat.assign(target, take, take.slots[0].identifier)
    bpy.ops.genmo.keep_take(way=way)
    outside = np.r_[0 : FIRST - 1, LAST:74]
    # Channels that only a take has had go to rest: what Blender does where no strip speaks.
    assert np.abs(joints(stage, target) - before)[outside].max() < 1e-5


def test_into_my_action_changes_the_range_alone(stage, waiting):
    target, own = waiting
    before = bytes_of_own_keys(own)
    bpy.ops.genmo.keep_take(way="INTO")
    assert bytes_of_own_keys(own) == before
    frames = {key.co[0] for curve in own.layers[0].strips[0].channelbags[0].fcurves for key in curve.keyframe_points}
    assert min(frames) == 2 and max(frames) == 70 and {float(f) for f in range(FIRST, LAST + 1)} <= frames
    assert own["genmo_recipe"] and not own.use_fake_user
    found = stage.module("addon.posing").own_keys(own, own.slots[0].identifier, FIRST, LAST)
    assert found.frames.tolist() == [20.5]


def test_a_change_below_goes_through_a_layer(stage, waiting):
    target, own = waiting
    bpy.ops.genmo.keep_take(way="LAYER")
    before = pose_at(stage, target, 30)[0]
    for curve in own.layers[0].strips[0].channelbags[0].fcurves:
        if curve.data_path.endswith("location") and curve.array_index == 0:
            for key in curve.keyframe_points:
                key.co_ui[1] += 0.5
    assert np.abs(np.linalg.norm(pose_at(stage, target, 30)[0] - before, axis=1) - 0.5).max() < 1e-4


def test_an_action_that_moves_somebody_else_is_not_written(stage, waiting):
    target, own = waiting
    other = bpy.data.objects.new("Other", None)
    other.animation_data_create().action = own
    other.animation_data.action_slot = own.slots[0]
    bpy.context.scene.frame_set(20)
    before = stage.scene_hash()
    with pytest.raises(RuntimeError, match="also moves Other"):
        bpy.ops.genmo.keep_take(way="INTO")
    assert stage.scene_hash() == before and stage.module("addon.services.takes").in_review(target)


def test_without_an_action_of_ones_own_there_is_nothing_to_add_to(stage):
    target = hero(stage)
    write(stage, target)
    with pytest.raises(RuntimeError, match="no action of its own"):
        target.animation_data.action["genmo_recipe"] = '{"frames": [10, 50]}'
        bpy.ops.genmo.keep_take(way="LAYER")


def test_over_nla_strips_a_take_begins_and_ends_in_what_they_do(scripted):
    target = hero(scripted)
    for moment in (2, 70):
        key_pose(target, moment, BODY)
    own = target.animation_data.action
    data = target.animation_data
    track = data.nla_tracks.new()
    strip = track.strips.new("Own", 2, own)
    strip.action_slot = own.slots[0]
    data.action = None
    scripted.strips(("a person walks", FIRST, LAST))
    before = joints(scripted, target)
    scene, generate = bpy.context.scene, scripted.module("addon.services.generate")
    keys = generate.order(scene, scene, target, 1, 5).request.keys
    assert keys is not None and len(keys.time) == 18 and keys.joint_mask.all()
    assert np.abs(joints(scripted, target) - before).max() < 1e-6  # reading leaves the scene alone
    bpy.ops.genmo.generate(seed=3)
    outside = np.r_[0 : FIRST - 2, LAST + 1 : 74]
    assert np.abs(joints(scripted, target) - before)[outside].max() < 1e-5
    assert np.abs(joints(scripted, target) - before)[FIRST:LAST].max() > 0.05
    bpy.ops.genmo.keep_take(way="STRIP")
    assert np.abs(joints(scripted, target) - before)[outside].max() < 1e-5
    assert data.action_extrapolation == "HOLD" and len(data.nla_tracks) == 2
    bpy.ops.genmo.generate(seed=4)
    bpy.ops.genmo.drop_take()
    assert data.action is None and data.action_extrapolation == "HOLD"


def test_what_tools_noted_with_a_take_goes_into_her_action_too(stage):
    """Contacts and travel, which Restore Travel needs."""
    target = stage.shot()
    key_pose(target, 1, ["pelvis"])
    own = target.animation_data.action
    bpy.ops.genmo.generate(seed=3)
    bpy.ops.genmo.detect_contacts()
    bpy.ops.genmo.contact_add()
    assert bpy.ops.genmo.in_place() == {"FINISHED"}
    kept = stage.module("addon.services.contact_bars").kept
    bars = kept(target.animation_data.action)
    assert bars and not kept(own)
    assert bpy.ops.genmo.keep_take(way="INTO") == {"FINISHED"}
    assert kept(own) == bars and target.animation_data.action == own
    assert bpy.ops.genmo.restore_travel() == {"FINISHED"}
    bpy.ops.genmo.in_place()
    bpy.ops.genmo.generate(seed=3)
    bpy.ops.genmo.restore_travel()
    assert bpy.ops.genmo.keep_take(way="INTO") == {"FINISHED"}
    assert not bpy.ops.genmo.restore_travel.poll()
