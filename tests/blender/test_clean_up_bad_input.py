"""What stands in the way of clean-up gets one sentence, and nothing is changed."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.acting import hero, key_pose, pose_at, write
from tests.blender.clean_up_stage import FIRST, clip, playing, preview

TOOLS = ("lock_feet", "smooth", "make_loop", "mirror", "in_place", "reduce_keys", "retime", "detect_contacts")


@pytest.fixture
def walker(stage):
    """A character that walks over frames 11 to 128, and a length said for Retime."""
    bpy.context.scene.genmo.clean_up.length = 48
    return playing(stage, clip())


def curve(stage, target, path, index=0):
    state = stage.module("addon.character").read_state(target)
    return stage.module("addon.reading").curves_of(state.action, state.slot)[f'pose.bones["{path}', index]


def refused(stage, tool, match):
    """The tool says this, and all is as it was."""
    bpy.context.view_layer.update()
    before, actions = stage.scene_hash(), [(a.name, len(a.genmo.contacts)) for a in bpy.data.actions]
    with pytest.raises(RuntimeError, match=match):
        getattr(bpy.ops.genmo, tool)()
    assert stage.scene_hash() == before
    assert [(a.name, len(a.genmo.contacts)) for a in bpy.data.actions] == actions


def test_without_a_character_or_keys_all_are_greyed(stage):
    for tool in TOOLS:
        assert not getattr(bpy.ops.genmo, tool).poll()
    target = stage.character()
    for tool in TOOLS:
        assert not getattr(bpy.ops.genmo, tool).poll()
    playing(stage, clip(), target=target)
    for tool in TOOLS:
        assert getattr(bpy.ops.genmo, tool).poll()


@pytest.mark.parametrize("tool", ["lock_feet", "mirror", "smooth", "reduce_keys", "retime"])
@pytest.mark.parametrize("how", ["lock", "mute"])
def test_closed_channels(stage, walker, tool, how):
    setattr(curve(stage, walker, 'left_hip"].rotation_quaternion', 2), how, True)
    refused(stage, tool, "left_hip are locked or muted")


def test_a_locked_channel_that_would_not_change_is_no_obstacle(stage, walker):
    curve(stage, walker, 'head"].rotation_quaternion', 2).lock = True
    assert bpy.ops.genmo.lock_feet(mode="ALWAYS") == {"FINISHED"}


@pytest.mark.parametrize("tool", TOOLS)
def test_scale_keys(stage, walker, tool):
    bone = walker.pose.bones["spine1"]
    bone.scale = (1.0, 1.2, 1.0)
    bone.keyframe_insert("scale", frame=20)
    refused(stage, tool, "spine1")


def test_scale_keys_of_one_are_no_obstacle(stage, walker):
    walker.pose.bones["spine1"].keyframe_insert("scale", frame=20)
    assert bpy.ops.genmo.lock_feet() == {"FINISHED"}


def test_an_action_that_moves_two(stage, walker):
    other = stage.character("Villain")
    stage.module("addon.compat").assign(
        other, walker.animation_data.action, walker.animation_data.action_slot.identifier
    )
    refused(stage, "lock_feet", "also moves Hero")
    # Each in a slot of its own, they do not share a motion.
    other.animation_data.action_slot = walker.animation_data.action.slots.new(id_type="OBJECT", name="Villain")
    bpy.context.view_layer.objects.active = walker
    assert bpy.ops.genmo.lock_feet() == {"FINISHED"}


def test_curve_modifiers(stage, walker):
    curve(stage, walker, 'left_hip"].rotation_quaternion', 2).modifiers.new("NOISE")
    refused(stage, "smooth", "left_hip have modifiers")


def test_tweaking_in_the_nla(stage, walker):
    action = walker.animation_data.action
    track = walker.animation_data.nla_tracks.new()
    track.strips.new("Strip", 1, action)
    walker.animation_data.action = None
    walker.animation_data.nla_tracks.active = track
    track.strips[0].select = True
    walker.animation_data.use_tweak_mode = True
    if not walker.animation_data.use_tweak_mode:
        pytest.skip("this Blender enters tweak mode from the NLA Editor alone")
    for tool in TOOLS:
        assert not getattr(bpy.ops.genmo, tool).poll()


def test_a_linked_action(stage, walker, tmp_path):
    action = walker.animation_data.action
    bpy.data.libraries.write(str(tmp_path / "lib.blend"), {action})
    slot = walker.animation_data.action_slot.identifier
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (there, here):
        here.actions = [there.actions[0]]
    stage.module("addon.compat").assign(walker, here.actions[0], slot)
    for tool in TOOLS:
        assert not getattr(bpy.ops.genmo, tool).poll()


def test_a_range_beside_the_motion_and_one_too_short(stage, walker):
    preview(500, 600)
    refused(stage, "lock_feet", "frames 500–600.*frames 11–128")
    preview(20, 20)
    refused(stage, "smooth", "frames 20–20")
    preview(20, 32)
    refused(stage, "make_loop", "too short to find a loop")


def test_travel_that_does_not_fit(stage, walker):
    bpy.ops.genmo.in_place()
    walker.animation_data.action["genmo_travel"] = [11.0, 1.0]
    refused(stage, "restore_travel", "does not fit")


def test_feet_that_never_touch(stage, walker):
    q, p = clip()
    playing(stage, (q[:20], p[:20] + [0.0, 1.0, 0.0] + 0.05 * __import__("numpy").arange(20)[:, None]), target=walker)
    refused(stage, "lock_feet", "No foot touches")


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_the_shortest_motions(stage, frames):
    """A loop needs more; everything else works on two frames."""
    q, p = clip()
    target = playing(stage, (q[:frames], p[:frames]))
    for tool in ("smooth", "mirror", "in_place", "restore_travel", "reduce_keys", "restore_dense_keys"):
        assert getattr(bpy.ops.genmo, tool)() == {"FINISHED"}, tool
    assert bpy.ops.genmo.lock_feet(mode="GROUND") == {"FINISHED"}
    assert bpy.ops.genmo.retime(length=7) == {"FINISHED"}
    assert target.animation_data.action.frame_range[1] == FIRST + 6


@pytest.fixture
def in_strips(stage):
    """A character with keys of its own and a take over them; ``keep(way)`` keeps it so."""
    target = hero(stage)
    for moment in (2, 100):
        key_pose(target, moment, ["pelvis", "head"])
    take = write(stage, target, 10, 60)
    stage.module("addon.keying").store_recipe(take, {"frames": [10, 60]})
    return target, take


def greyed_with(stage, target) -> str:
    failure = stage.module("addon.services.passages").obstacle(target)
    assert failure is not None and not bpy.ops.genmo.smooth.poll()
    return stage.module("addon.sentences").text_of(failure)


def test_a_motion_in_nla_strips_says_where_it_is_and_the_advice_works(stage, in_strips):
    target, take = in_strips
    bpy.ops.genmo.keep_take(way="STRIP")
    said = greyed_with(stage, target)
    assert "Hero moves by strips of the NLA Editor" in said and "Choose a strip's action in the Action Editor" in said
    before = pose_at(stage, target, 30)[0]
    stage.module("addon.compat").assign(target, take, take.slots[0].identifier)
    assert bpy.ops.genmo.mirror() == {"FINISHED"}
    target.animation_data.action = None  # unlinked
    assert np.abs(pose_at(stage, target, 30)[0] - before).max() > 0.05  # the strip holds what the tool did


def test_a_motion_in_an_additive_layer_is_baked_first_and_that_works(stage, in_strips):
    target, _ = in_strips
    bpy.ops.genmo.keep_take(way="LAYER")
    assert "in Pose Mode select all bones, then Pose ▸ Animation ▸ Bake Action" in greyed_with(stage, target)
    before = pose_at(stage, target, 30)[0]
    bpy.ops.object.mode_set(mode="POSE")
    for bone in target.pose.bones:
        if hasattr(bone, "select"):
            bone.select = True
        else:
            bone.bone.select = True
    bpy.ops.nla.bake(frame_start=2, frame_end=100, bake_types={"POSE"})
    assert np.abs(pose_at(stage, target, 30)[0] - before).max() < 1e-4
    assert bpy.ops.genmo.smooth() == {"FINISHED"} and bpy.ops.genmo.reduce_keys() == {"FINISHED"}


def test_muted_strips_are_no_motion(stage, in_strips):
    target, _ = in_strips
    bpy.ops.genmo.keep_take(way="STRIP")
    for track in target.animation_data.nla_tracks:
        track.mute = True
    assert "Hero has no keys to clean up" in greyed_with(stage, target)


@pytest.mark.parametrize("tool", TOOLS)
def test_one_keyed_frame_is_a_pose(stage, tool):
    target = hero(stage)
    key_pose(target, 20, ["pelvis", "head"])
    before = stage.action_hash(target.animation_data.action)
    refused(stage, tool, "keyed at frame 20 alone: a pose, and no motion to clean up. Generate a take")
    assert stage.action_hash(target.animation_data.action) == before
