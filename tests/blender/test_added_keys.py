"""What the animator keys while takes wait comes back with Drop as she made it, whatever tool rewrote it meanwhile."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.acting import bytes_of_own_keys, hero, key_pose, write

TOOLS = {
    "reduce_keys": {},
    "lock_feet": {"mode": "GROUND"},
    "smooth": {},
    "mirror": {},
    "in_place": {},
    "make_loop": {},
    "retime": {"length": 60},
    "detect_contacts": {},
}
LAST = 80
BONES = ("pelvis", "left_knee", "right_shoulder", "head")


def keys_of(action, moment: float) -> dict:
    """All that the keys at a frame are made of, by channel."""
    return bytes_of_own_keys(action, moment - 0.01, moment + 0.01)


@pytest.fixture
def reviewed(stage):
    """A character with keys of her own before, in and after the range of a take that waits, where she has keyed a pose
    and a finger at frame 44.5; her action, and those new keys."""
    target = hero(stage)
    for moment in (2, 20, 70, 150):
        key_pose(target, moment, [*BONES, "left_index1"])
    own = target.animation_data.action
    take = write(stage, target, 10, LAST)
    key_pose(target, 44.5, [*BONES, "left_index1"])
    for name in BONES:  # a handle that no tool would make
        curve = (
            take.layers[0].strips[0].channelbags[0].fcurves.find(f'pose.bones["{name}"].rotation_quaternion', index=1)
        )
        key = next(k for k in curve.keyframe_points if k.co[0] == 44.5)
        key.handle_right_type = key.handle_left_type = "FREE"
        key.handle_right = (47.0, key.co[1] + 0.3)
    return target, own, keys_of(take, 44.5)


def dropped(target, own, before, new) -> None:
    """Drop, and her action is as it was with the new keys."""
    assert bpy.ops.genmo.drop_take() == {"FINISHED"}
    assert target.animation_data.action == own
    now = bytes_of_own_keys(own)
    assert keys_of(own, 44.5) == new
    assert {c: [k for k in keys if k not in new.get(c, ())] for c, keys in now.items()} == before


@pytest.mark.parametrize("tool", TOOLS)
def test_drop_gives_back_what_a_tool_rewrote(stage, reviewed, tool):
    target, own, new = reviewed
    before = bytes_of_own_keys(own)
    assert getattr(bpy.ops.genmo, tool)(**TOOLS[tool]) == {"FINISHED"}
    dropped(target, own, before, new)
    assert "with your new keys at 1 time." in stage.session.message


@pytest.mark.parametrize("again", [False, True])
def test_handles_of_a_key_that_a_tool_leaves_come_back_too(stage, again):
    """Reduce Keys leaves her key at a whole frame, with handles of its own; Restore Dense Keys brings hers back."""
    target = hero(stage)
    for moment in (2, 20, 70, 150):
        key_pose(target, moment, BONES)
    own = target.animation_data.action
    before, take = bytes_of_own_keys(own), write(stage, target, 10, LAST)
    key_pose(target, 44, BONES)
    for curve in take.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            if key.co[0] == 44 and curve.data_path.split('"')[1] in BONES:
                key.type, key.handle_left_type, key.handle_right_type = "EXTREME", "FREE", "FREE"
                key.handle_right = (47.0, key.co[1] + 0.3)
    new = keys_of(take, 44)
    assert len(new) == 3 + 4 * len(BONES)
    assert bpy.ops.genmo.reduce_keys() == {"FINISHED"}
    assert keys_of(take, 44) != new
    if again:
        assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
        assert keys_of(take, 44) == new
    assert bpy.ops.genmo.drop_take() == {"FINISHED"}
    now = bytes_of_own_keys(own)
    assert keys_of(own, 44) == new
    assert {c: [k for k in keys if k not in new.get(c, ())] for c, keys in now.items()} == before


def test_drop_gives_back_what_several_tools_rewrote_and_saving_between_them(stage, reviewed, tmp_path):
    target, own, new = reviewed
    before, name = bytes_of_own_keys(own), own.name
    for tool in ("smooth", "retime", "reduce_keys"):
        assert getattr(bpy.ops.genmo, tool)(**TOOLS[tool]) == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    target, own = bpy.data.objects["Hero"], bpy.data.actions[name]
    assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
    dropped(target, own, before, new)


def test_a_key_made_anew_after_the_tool_is_the_one_that_comes_back(stage, reviewed):
    target, own, _ = reviewed
    before = bytes_of_own_keys(own)
    assert bpy.ops.genmo.reduce_keys() == {"FINISHED"}
    key_pose(target, 44.5, [*BONES, "left_index1"], seed=5)
    new = keys_of(target.animation_data.action, 44.5)
    dropped(target, own, before, new)


def test_a_key_made_between_reducing_and_restoring_comes_back(stage, reviewed):
    target, own, new = reviewed
    before = bytes_of_own_keys(own)
    assert bpy.ops.genmo.reduce_keys() == {"FINISHED"}
    key_pose(target, 60.25, ["head"])
    late = keys_of(target.animation_data.action, 60.25)
    assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
    assert keys_of(target.animation_data.action, 60.25) == {}
    bpy.ops.genmo.drop_take()
    assert keys_of(own, 60.25) == late and keys_of(own, 44.5) == new
    assert sum(map(len, bytes_of_own_keys(own).values())) == sum(len(k) for k in (*before.values(), *new.values())) + 4


def test_a_key_that_she_takes_out_again_after_restoring_stays_away(stage, reviewed):
    target, own, _ = reviewed
    before = bytes_of_own_keys(own)
    bpy.ops.genmo.reduce_keys()
    bpy.ops.genmo.restore_dense_keys()
    for name in (*BONES, "left_index1"):
        bone = target.pose.bones[name]
        bone.keyframe_delete("rotation_quaternion", frame=44.5)
        bone.keyframe_delete("location", frame=44.5)
    bpy.ops.genmo.drop_take()
    assert bytes_of_own_keys(own) == before


def test_without_new_keys_nothing_is_added_by_any_tool(stage):
    target = hero(stage)
    for moment in (2, 20, 70, 150):
        key_pose(target, moment, [*BONES, "left_index1"])
    own = target.animation_data.action
    before = stage.action_hash(own)
    write(stage, target, 10, LAST)
    for tool, options in TOOLS.items():
        assert getattr(bpy.ops.genmo, tool)(**options) == {"FINISHED"}
    bpy.ops.genmo.drop_take()
    assert stage.action_hash(own) == before
    assert stage.session.message == "Dropped. Hero is as it was."


def test_a_tool_that_refuses_puts_nothing_aside_and_a_kept_take_carries_nothing(stage, reviewed):
    target, own, new = reviewed
    take = target.animation_data.action
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 500, 600
    with pytest.raises(RuntimeError, match="too little of the motion"):
        bpy.ops.genmo.smooth()
    assert "genmo_keys_aside" not in take
    scene.use_preview_range = False
    bpy.ops.genmo.smooth()
    assert "genmo_keys_aside" in take
    bpy.ops.genmo.keep_take(way="NEW")
    assert not [name for name in take.keys() if name.startswith("genmo_keys")]


def test_stitching_makes_no_new_key_twice(stage):
    target = hero(stage)
    key_pose(target, 20, ["head"])
    own = target.animation_data.action
    write(stage, target, 10, LAST)
    key_pose(target, 30.25, ["head"])
    write(stage, target, 10, LAST, seed=1)
    key_pose(target, 75.25, ["neck"])
    takes = stage.module("addon.services.takes")
    takes.show(target, 0)
    bpy.ops.genmo.stitch_takes(other=2)
    joined = takes.shown(target)
    assert len(keys_of(joined, 30.25)) == 4 and np.isclose(joined.frame_range[1], LAST)
    takes.show(target, 0)
    key_pose(target, 30.25, ["head"], seed=9)  # changed in the take that it comes from
    new = keys_of(target.animation_data.action, 30.25)
    takes.show(target, 2)
    bpy.ops.genmo.drop_take()
    assert keys_of(own, 30.25) == new and len(keys_of(own, 75.25)) == 4
