"""In-between whose spacing may move: selected inner keys change times in the take, and nothing else of hers."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.acting import bytes_of_own_keys, hero, key_pose, write
from tests.blender.test_own_keys import select_keys

WHEN = {12: 12, 24: 27, 36: 34, 48: 48}
"""Frames at which poses are keyed, and those at which somebody who walks 1 m/s from frame 12 on is there."""


def walk(stage):
    """Keys of a walk as the scripted engine walks, the inner ones at wrong times."""
    target = hero(stage)
    walk_keys(stage, target)
    for curve in target.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        curve.keyframe_points[1].type, curve.keyframe_points[1].interpolation = "BREAKDOWN", "LINEAR"
    bpy.context.scene.frame_set(12)
    return target


def walk_keys(stage, target) -> None:
    rest = stage.module("addon.character").rest_pose(target, ("pelvis",))
    pelvis, arm = target.pose.bones["pelvis"], target.pose.bones["left_shoulder"]
    for frame, there in WHEN.items():
        pelvis.location = rest.pelvis_axes.T @ (0.0, -(there - 12) / 24, 0.0)
        for bone in (pelvis, arm):
            bone.keyframe_insert("rotation_quaternion", frame=frame)
        pelvis.keyframe_insert("location", frame=frame)
        target.pose.bones["left_index1"].keyframe_insert("rotation_quaternion", frame=frame)


def frames_of(action, bone: str) -> list[float]:
    return [
        key.co[0]
        for curve in action.layers[0].strips[0].channelbags[0].fcurves
        if f'"{bone}"' in curve.data_path and curve.array_index == 0 and "rotation" in curve.data_path
        for key in curve.keyframe_points
        if key.type != "GENERATED"
    ]


def test_keys_go_to_where_the_model_passes_their_poses_and_drop_brings_all_back(scripted):
    target = walk(scripted)
    own = target.animation_data.action
    before, hashed = bytes_of_own_keys(own), scripted.scene_hash()
    select_keys(target, {"pelvis", "left_shoulder", "left_index1"}, set(WHEN))
    assert bpy.ops.genmo.in_between(seed=4, spacing="MOVE") == {"FINISHED"}
    take = target.animation_data.action
    now = frames_of(take, "pelvis")
    assert now[0] == 12 and now[3] == 48
    assert 24 < now[1] <= 27 and 34 <= now[2] < 36
    assert f"Moved in time: 24 to {now[1]:g}, 36 to {now[2]:g}." in scripted.session.message
    assert frames_of(take, "left_index1") == frames_of(take, "left_shoulder") == now
    by = dict(zip(WHEN, np.array(now) - list(WHEN), strict=True))
    for channel, keys in bytes_of_own_keys(take).items():
        for (numbers, kinds, rest), old in zip(keys, before[channel], strict=True):
            moved = np.frombuffer(old[0], np.float32).copy()
            moved[::2] += np.float32(by[round(float(moved[0]))])
            assert numbers == moved.tobytes() and (kinds, rest) == old[1:]
    for curve in take.layers[0].strips[0].channelbags[0].fcurves:
        times = [key.co[0] for key in curve.keyframe_points]
        assert (np.diff(times) > 1e-3).all()
        if "left_index1" not in curve.data_path:
            assert times == [float(frame) for frame in range(12, 49)]
    bpy.ops.genmo.drop_take()
    bpy.context.scene.frame_set(12)
    assert scripted.scene_hash() == hashed and bytes_of_own_keys(own) == before
    assert "new keys" not in scripted.session.message


def test_spacing_is_kept_unless_it_may_move_and_unselected_keys_always_stay(scripted):
    target = walk(scripted)
    select_keys(target, {"pelvis"}, set(WHEN))
    bpy.ops.genmo.in_between(seed=4)
    assert frames_of(target.animation_data.action, "pelvis") == list(WHEN)
    bpy.ops.genmo.drop_take()
    bpy.context.scene.genmo.between_spacing = "MOVE"
    bpy.ops.genmo.in_between(seed=4)
    take = target.animation_data.action
    assert frames_of(take, "left_shoulder") == list(WHEN) != frames_of(take, "pelvis")
    bpy.ops.genmo.drop_take()
    select_keys(target, {"pelvis"}, {12, 48})  # nothing between them is selected
    bpy.ops.genmo.in_between(seed=4)
    assert frames_of(target.animation_data.action, "pelvis") == list(WHEN)
    assert "Your spacing stayed as it was." in scripted.session.message


def test_again_has_the_keys_where_the_take_has_them_and_keep_lets_them_be_hers(scripted):
    target = walk(scripted)
    select_keys(target, {"pelvis", "left_shoulder"}, set(WHEN))
    bpy.ops.genmo.in_between(seed=4, spacing="MOVE")
    first = frames_of(target.animation_data.action, "pelvis")
    bpy.ops.genmo.again()
    assert frames_of(target.animation_data.action, "pelvis") == first != list(WHEN)
    bpy.ops.genmo.keep_take(way="INTO")
    action = target.animation_data.action
    found = scripted.module("addon.posing").own_keys(action, action.slots[0].identifier, 12, 48)
    assert found.frames.tolist() == first


def test_the_pose_is_met_at_its_new_time(stage):
    target = hero(stage)
    for moment in (12, 25, 39, 48):
        key_pose(target, moment)
    own = target.animation_data.action
    select_keys(target, {"pelvis", "left_shoulder", "right_knee"}, {12, 25, 39, 48})
    bpy.ops.genmo.in_between(seed=4, spacing="MOVE")
    take, slot = target.animation_data.action, target.animation_data.action_slot.identifier
    now = frames_of(take, "pelvis")
    reading, takes = stage.module("addon.reading"), stage.module("addon.services.takes")
    mine = takes.own_state(target)
    asked = reading.motion_at(target, mine, np.array([12.0, 25.0, 39.0, 48.0]))
    state = stage.module("addon.character").OwnState(take, slot, mine.pose, True)
    made = reading.motion_at(target, state, np.array(now))
    names = stage.module("addon.character").body_names()
    for name in ("pelvis", "left_shoulder", "right_knee"):
        j = names.index(name)
        assert np.abs(made.rotations[:, j] - asked.rotations[:, j]).max() < 1e-5
    assert np.abs(made.path - asked.path).max() < 1e-5
    assert all(abs(a - b) <= 14 / 3 for a, b in zip(now, (12, 25, 39, 48), strict=True)) and own != take


@pytest.mark.parametrize(("fps", "least"), [(24, 6), (30, 7)])
def test_selected_keys_that_are_too_close_are_told_in_frames(scripted, fps, least):
    target = hero(scripted, fps)
    for frame in (12, 14, 11 + least, 12 + least):
        key_pose(target, frame)
    select_keys(target, {"pelvis"}, {12, 14, 11 + least})
    with pytest.raises(RuntimeError, match=f"at 12 and {11 + least} are too close .* needs {least} frames or more"):
        bpy.ops.genmo.in_between(seed=4, spacing="MOVE")
    select_keys(target, {"pelvis"}, {12, 14, 12 + least})
    assert bpy.ops.genmo.in_between(seed=4, spacing="MOVE") == {"FINISHED"}


@pytest.mark.parametrize("switch", ["--fail-at=2", "--crash-at=2"])
def test_an_engine_that_fails_on_the_way_changes_nothing(stage, switch):
    target = walk(stage)
    select_keys(target, {"pelvis"}, set(WHEN))
    stage.scripted(switch)
    before = stage.scene_hash()
    with pytest.raises(RuntimeError):
        bpy.ops.genmo.in_between(seed=4, spacing="MOVE")
    assert stage.scene_hash() == before and not stage.session.working


def test_only_keys_that_did_move_are_said_to_have(scripted):
    target = walk(scripted)
    select_keys(target, {"pelvis", "left_shoulder"}, set(WHEN))
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    first = scripted.session.submit(generate.between_selected_keys(scene, scene, target, 1, 4, may_move=True)).id
    scripted.until(lambda: first not in scripted.session.orders and scripted.session.orders)
    for curve in target.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        curve.keyframe_points[1].co[0] = 20  # she moves one of them herself meanwhile
    said = scripted.outcome(first).sentence
    now = frames_of(target.animation_data.action, "pelvis")
    assert now[:2] == [12, 20] and now[2] != 36
    assert f"Moved in time: 36 to {now[2]:g}." in said and "24 to" not in said


def test_cancel_between_two_questions_ends_all_of_it(scripted):
    target = walk(scripted)
    select_keys(target, {"pelvis"}, set(WHEN))
    generate, scene, before = scripted.module("addon.services.generate"), bpy.context.scene, scripted.scene_hash()
    order = generate.between_selected_keys(scene, scene, target, 1, 4, may_move=True)
    here = scripted.session
    first = here.submit(order).id
    scripted.until(lambda: first not in here.orders and here.orders)
    assert here.working
    here.cancel()
    assert scripted.outcome(first).kind == "cancelled" and not here.working and not here.began
    assert scripted.scene_hash() == before


def test_keys_move_over_a_kept_take_too_and_generated_ones_make_way(scripted):
    target = hero(scripted)
    write(scripted, target)
    scripted.module("addon.services.takes").keep(target)
    walk_keys(scripted, target)
    select_keys(target, {"pelvis", "left_shoulder"}, set(WHEN))
    bpy.ops.genmo.in_between(seed=4, spacing="MOVE")
    take = target.animation_data.action
    found = scripted.module("addon.posing").own_keys(take, take.slots[0].identifier, 12, 48)
    now = found.frames.tolist()
    assert len(now) == 4 and now != list(WHEN) and (now[0], now[3]) == (12, 48)
    assert frames_of(take, "left_index1") == list(WHEN)  # not selected
    for curve in take.layers[0].strips[0].channelbags[0].fcurves:
        assert (np.diff([key.co[0] for key in curve.keyframe_points]) > 1e-3).all()
