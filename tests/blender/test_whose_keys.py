"""Whose a key is stays what it was, whatever is written beside it; and stitching carries the animator's keys."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.acting import bytes_of_own_keys, hero, key_pose, pose_at, write


def own_times(stage, action) -> list[float]:
    found = stage.module("addon.posing").own_keys(action, action.slots[0].identifier, -1000, 1000)
    return found.frames.tolist()


def test_a_kept_take_stays_generated_when_a_longer_one_is_written_behind_it(stage):
    takes = stage.module("addon.services.takes")
    target = hero(stage)
    key_pose(target, 30.5, ["head"])
    write(stage, target, 10, 50)
    takes.keep(target)
    write(stage, target, 50, 150, seed=1)
    takes.keep(target)
    assert own_times(stage, target.animation_data.action) == [30.5]


def test_cleaning_up_a_part_leaves_the_rest_to_whom_it_belongs(stage):
    takes = stage.module("addon.services.takes")
    target = hero(stage)
    key_pose(target, 30.5, ["head"])
    key_pose(target, 120, ["head"])
    write(stage, target, 10, 150)
    takes.keep(target)
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 100
    assert bpy.ops.genmo.mirror() == {"FINISHED"}
    assert own_times(stage, target.animation_data.action) == [120]


def two_takes(stage, fps: int):
    """A character with keys of her own and two takes over them that wait, the first one shown."""
    target = hero(stage, fps)
    for moment in (2, 20, 33.5, 60, 150):
        key_pose(target, moment, ["pelvis", "left_shoulder", "head"])
    own = target.animation_data.action
    for curve in own.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.handle_left_type, key.type = "ALIGNED", "EXTREME"
    write(stage, target, 10, 100)
    write(stage, target, 10, 100, seed=1)
    stage.module("addon.services.takes").show(target, 0)
    return target, own


def fastest(stage, target) -> float:
    """Metres from frame to frame: of the joint that moves most."""
    joints = np.array([pose_at(stage, target, frame)[0] for frame in range(10, 101)])
    return float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).max())


@pytest.mark.parametrize("fps", [24, 30])
def test_stitching_carries_her_keys_byte_for_byte_and_goes_through_them(stage, fps):
    target, own = two_takes(stage, fps)
    before, fast = bytes_of_own_keys(own), []
    turned = {moment: pose_at(stage, target, moment)[1]["head"] for moment in (20, 33.5, 60)}
    assert bpy.ops.genmo.stitch_takes() == {"FINISHED"}
    assert bytes_of_own_keys(target.animation_data.action) == before
    for moment, turn in turned.items():
        assert pose_at(stage, target, moment)[1]["head"].rotation_difference(turn).angle < 0.001
    joined = fastest(stage, target)
    for index in (0, 1):
        stage.module("addon.services.takes").show(target, index)
        fast.append(fastest(stage, target))
    assert joined < 1.2 * max(fast), (joined, fast)
    stage.module("addon.services.takes").show(target, 2)
    bpy.ops.genmo.keep_take(way="INTO")
    assert target.animation_data.action == own and bytes_of_own_keys(own) == before
    assert own_times(stage, own) == [2, 20, 33.5, 60, 150]


def test_stitching_carries_what_she_keyed_in_either_take(stage):
    target, own = two_takes(stage, 24)
    takes = stage.module("addon.services.takes")
    key_pose(target, 12.5, ["neck"])
    takes.show(target, 1)
    key_pose(target, 96.5, ["neck", "left_index1"])
    key_pose(target, 11.5, ["spine1"])
    takes.show(target, 0)
    new = {m: bytes_of_own_keys(takes.waiting(target)[i], m, m) for i, m in enumerate((12.5, 96.5))}
    assert bpy.ops.genmo.stitch_takes() == {"FINISHED"}
    joined = target.animation_data.action
    assert {m: bytes_of_own_keys(joined, m, m) for m in new} == new
    assert not bytes_of_own_keys(joined, 11.5, 11.5)  # before the cut the other take is not seen


@pytest.mark.parametrize("number", [3, 9])
def test_stitching_to_a_take_that_is_not_there_says_how_many_are(stage, number):
    two_takes(stage, 24)
    bpy.context.view_layer.update()
    before = stage.scene_hash()
    with pytest.raises(RuntimeError, match=f"Hero has no take {number}: 2 wait. Give a number from 1 to 2."):
        bpy.ops.genmo.stitch_takes(other=number)
    assert stage.scene_hash() == before


def test_a_stitched_take_can_be_kept_as_a_strip(stage):
    target, _ = two_takes(stage, 24)
    takes = stage.module("addon.services.takes")
    stage.module("addon.keying").store_recipe(takes.waiting(target)[0], {"frames": [10, 100]})
    assert bpy.ops.genmo.stitch_takes() == {"FINISHED"}
    joints = pose_at(stage, target, 44)[0]
    assert bpy.ops.genmo.keep_take(way="STRIP") == {"FINISHED"}
    strip = target.animation_data.nla_tracks[-1].strips[0]
    assert (strip.frame_start, strip.frame_end) == (10, 100)
    assert np.abs(pose_at(stage, target, 44)[0] - joints).max() < 1e-4


@pytest.mark.parametrize("length", [40, 120])
def test_a_retimed_take_is_kept_as_a_strip_to_its_end(stage, length):
    target, _ = two_takes(stage, 24)
    takes = stage.module("addon.services.takes")
    stage.module("addon.keying").store_recipe(takes.waiting(target)[0], {"frames": [10, 100]})
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 10, 100
    assert bpy.ops.genmo.retime(length=length) == {"FINISHED"}
    joints = pose_at(stage, target, 9 + length)[0]
    assert bpy.ops.genmo.keep_take(way="STRIP") == {"FINISHED"}
    strip = target.animation_data.nla_tracks[-1].strips[0]
    assert (strip.frame_start, strip.frame_end) == (10, 9 + length)
    assert np.abs(pose_at(stage, target, 9 + length)[0] - joints).max() < 1e-4
