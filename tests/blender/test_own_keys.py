"""What the animator has keyed is law: it stays byte for byte, and the motion goes through it."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.blender.acting import FIRST, LAST, bytes_of_own_keys, hero, key_pose, pose_at, write

MOMENTS = st.lists(st.integers(4 * 2, 4 * 60).map(lambda quarter: quarter / 4), min_size=1, max_size=8, unique=True)
BONES = st.lists(
    st.sampled_from(["pelvis", "spine1", "left_shoulder", "right_wrist", "left_foot", "head"]), min_size=1, unique=True
)


def test_the_animators_keys_survive_byte_for_byte_in_500_random_cases(stage):
    target = hero(stage)
    kinds = ("BEZIER", "CONSTANT", "LINEAR", "ELASTIC")
    handles = ("FREE", "ALIGNED", "VECTOR", "AUTO", "AUTO_CLAMPED")
    types = ("KEYFRAME", "EXTREME", "BREAKDOWN", "JITTER", "MOVING_HOLD")
    takes = stage.module("addon.services.takes")

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(moments=MOMENTS, bones=BONES, place=st.booleans(), seed=st.integers(0, 99))
    def survive(moments, bones, place, seed):
        target.animation_data_clear()
        rng = np.random.default_rng(seed)
        for moment in moments:
            key_pose(target, moment, [bone for bone in bones if bones == ["pelvis"] or rng.random() < 0.7], seed, place)
        if target.animation_data is None or target.animation_data.action is None:
            return
        own = target.animation_data.action
        for curve in own.layers[0].strips[0].channelbags[0].fcurves:
            for key in curve.keyframe_points:
                key.interpolation, key.type = rng.choice(kinds), rng.choice(types)
                key.handle_left_type, key.handle_right_type = rng.choice(handles), rng.choice(handles)
                if rng.random() < 0.3:
                    key.handle_right = (key.co[0] + rng.uniform(0.1, 9), key.co[1] + rng.uniform(-1, 1))
        before, original = bytes_of_own_keys(own), stage.action_hash(own)
        action = write(stage, target, FIRST, 30, seed)
        assert action != own and bytes_of_own_keys(action) == before
        assert stage.action_hash(own) == original
        times = [
            np.array([k.co[0] for k in c.keyframe_points]) for c in action.layers[0].strips[0].channelbags[0].fcurves
        ]
        assert all((np.diff(at) > 1e-3).all() for at in times)
        takes.drop(target)
        bpy.data.actions.remove(own)

    survive()


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_whole_poses_are_met_at_their_true_times(stage, fps):
    target = hero(stage, fps)
    names = stage.module("addon.character").body_names()
    moments = (12, 19.5, 20.25, 31, 50)
    for moment in moments:
        key_pose(target, moment, names)
    asked = {moment: pose_at(stage, target, moment) for moment in moments}
    write(stage, target)
    for moment, (joints, turns) in asked.items():
        now, turned = pose_at(stage, target, moment)
        assert np.abs(now - joints).max() < 0.0005
        assert all(np.degrees(turned[n].rotation_difference(turns[n]).angle) < 0.05 for n in names)


def test_a_key_on_one_bone_holds_that_bone_alone_and_two_stay_two(stage):
    target = hero(stage)
    key_pose(target, 20, ["left_shoulder"])
    key_pose(target, 33, ["left_shoulder"])
    turn = {moment: pose_at(stage, target, moment)[1]["left_shoulder"] for moment in (20, 33)}
    action = write(stage, target)
    assert all(len(keys) == 2 for keys in bytes_of_own_keys(action).values())
    for moment in (20, 33):
        now = pose_at(stage, target, moment)[1]
        assert now["left_shoulder"].rotation_difference(turn[moment]).angle < 0.001
    free = write(stage, hero(stage), seed=0)
    plain = {c.data_path + str(c.array_index): c for c in free.layers[0].strips[0].channelbags[0].fcurves}
    for curve in action.layers[0].strips[0].channelbags[0].fcurves:
        if "left_shoulder" not in curve.data_path:
            other = plain[curve.data_path + str(curve.array_index)]
            assert [k.co[1] for k in curve.keyframe_points] == [k.co[1] for k in other.keyframe_points]


def test_nothing_pops_where_a_key_is_met(stage):
    target = hero(stage, 30)
    names = stage.module("addon.character").body_names()
    key_pose(target, 30, names)
    write(stage, target)
    joints = np.array([pose_at(stage, target, frame)[0] for frame in range(FIRST, LAST + 1)])
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    at = 30 - FIRST
    near = np.stack([speed[at - 1], speed[at]])
    around = np.concatenate([speed[at - 4 : at - 1], speed[at + 1 : at + 4]]).max(axis=0)
    assert (near <= 1.25 * around + 0.002).all()


def test_a_pelvis_that_is_turned_but_not_placed_is_met_and_goes_where_it_goes(stage):
    target = hero(stage)
    key_pose(target, 25, ["pelvis"], place=False)
    turn = pose_at(stage, target, 25)[1]["pelvis"]
    write(stage, target)
    joints, turns = pose_at(stage, target, 25)
    assert turns["pelvis"].rotation_difference(turn).angle < 0.001
    free, _ = pose_at(stage, target, LAST)
    assert np.linalg.norm(free[0] - joints[0]) > 0.5


def test_the_request_holds_what_is_keyed_and_what_moves_beside_the_range(scripted):
    target = hero(scripted)
    for moment in (2, 20.5, 60):
        key_pose(target, moment, ["pelvis", "left_shoulder"])
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    order = generate.order(scene, scene, target, 1, 5)
    keys = order.request.keys
    lead = 8  # a third of a second at 24 frames a second
    assert order.begins == FIRST - lead
    assert order.request.duration == pytest.approx((LAST - FIRST + 2 * lead) / 24)
    moments = [round(float(t) * 24 + order.begins, 2) for t in keys.time]
    at = {moment: set(np.flatnonzero(bones)) for moment, bones in zip(moments, keys.joint_mask, strict=True)}
    names = scripted.module("addon.character").body_names()
    both = {0, names.index("left_shoulder")}
    beside = [*range(FIRST - lead, FIRST + 1), *range(LAST, LAST + lead + 1)]
    assert at == {float(frame): both for frame in beside} | {20.5: both}


def test_closed_padlocks_of_curves_and_groups_keep_their_bones(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(seed=1)
    bpy.ops.genmo.keep_take()
    data = target.animation_data
    bag = stage.module("addon.compat").find_channelbag(data.action, data.action_slot)
    turns = [f'pose.bones["{name}"].rotation_quaternion' for name in ("head", "neck", "spine1")]
    next(c for c in bag.fcurves if c.data_path == turns[0] and c.array_index == 2).lock = True
    next(c for c in bag.fcurves if c.data_path == turns[1]).group.lock = True
    before = stage.curves(target)
    bpy.ops.genmo.generate(seed=2)
    after = stage.curves(target)
    same = [all(np.array_equal(before[turn, i], after[turn, i]) for i in range(4)) for turn in turns]
    assert same == [True, True, False]
    assert "Channels of head, neck are locked and stayed as they are." in stage.session.message


def test_a_changed_generated_key_is_the_animators_and_a_moved_block_is_not(stage):
    target = hero(stage)
    action = write(stage, target)
    stage.module("addon.services.takes").keep(target)
    posing = stage.module("addon.posing")
    slot = action.slots[0].identifier
    assert not len(posing.own_keys(action, slot, FIRST, LAST).frames)
    curves = {(c.data_path, c.array_index): c for c in action.layers[0].strips[0].channelbags[0].fcurves}
    curve = curves['pose.bones["head"].rotation_quaternion', 1]
    curve.keyframe_points[7].co[1] += 0.01
    found = posing.own_keys(action, slot, FIRST, LAST)
    assert found.frames.tolist() == [FIRST + 7] and found.turned.sum() == 1
    for key in curve.keyframe_points:
        key.co[0] += 1
    assert not len(posing.own_keys(action, slot, FIRST, LAST).frames)


def test_a_pose_keyed_as_mine_is_gone_through_by_the_next_take(stage):
    target = hero(stage)
    write(stage, target)
    stage.module("addon.services.takes").keep(target)
    action = target.animation_data.action
    asked, turns = pose_at(stage, target, 30)
    assert bpy.ops.genmo.key_as_mine() == {"FINISHED"}
    found = stage.module("addon.posing").own_keys(action, action.slots[0].identifier, FIRST, LAST)
    assert found.frames.tolist() == [30] and found.mask.all()
    write(stage, target, seed=9)
    assert np.abs(pose_at(stage, target, 30)[0] - asked).max() < 0.0005
    assert np.abs(pose_at(stage, target, 40)[0] - asked).max() > 0.05


def test_drop_keeps_what_the_animator_has_keyed_meanwhile(stage):
    target = hero(stage)
    key_pose(target, 20, ["left_shoulder"])
    own = target.animation_data.action
    before = bytes_of_own_keys(own)
    take = write(stage, target)
    key_pose(target, 30.5, ["head"])
    path = 'pose.bones["neck"].rotation_quaternion'
    changed = next(c for c in take.layers[0].strips[0].channelbags[0].fcurves if c.data_path == path)
    changed.keyframe_points[5].co[1] += 0.01
    bpy.ops.genmo.drop_take()
    after = bytes_of_own_keys(own)
    assert {k: v for k, v in after.items() if "left_shoulder" in k[0]} == before
    assert len([k for k in after if "head" in k[0]]) == 4
    curves = keys_by_channel(target)
    assert [list(k) for k in curves[path, 0][:, :1]] == [[FIRST + 5]]
    assert target.animation_data.action == own and "new keys at 2 times" in stage.session.message


def keys_by_channel(target) -> dict:
    """All keys (frame, value) of what the character plays."""
    bag = target.animation_data.action.layers[0].strips[0].channelbags[0]
    return {(c.data_path, c.array_index): np.array([k.co[:] for k in c.keyframe_points]) for c in bag.fcurves}


def test_keep_my_keys_off_replaces_them(stage):
    target = hero(stage)
    key_pose(target, 20)
    assert bytes_of_own_keys(write(stage, target, keep_keys=False)) == {}


def test_what_the_rig_holds_itself_is_left_and_named(scripted):
    target = hero(scripted)
    scripted.strips(("a person walks", FIRST, LAST))
    target.pose.bones["head"].lock_rotation = (True, True, True)
    target.pose.bones["neck"].driver_add("rotation_quaternion", 0)
    target.pose.bones["jaw"].keyframe_insert("rotation_quaternion", frame=20)
    target.pose.bones["left_foot"].keyframe_insert("scale", frame=20)
    bpy.ops.genmo.generate(seed=3)
    said = scripted.session.message
    paths = {path for path, _ in scripted.curves(target)}
    assert not any('"head"' in path or '"neck"' in path for path in paths)
    for words in ("head are locked", "neck are driven", "jaw rotation quaternion", "left_foot has scale keys"):
        assert words in said, said


def select_keys(target, bones: set[str], frames: set[float]) -> None:
    action = target.animation_data.action
    for curve in action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.select_control_point = curve.data_path.split('"')[1] in bones and key.co[0] in frames


def test_in_between_fills_between_the_selected_keys_for_their_bones_alone(scripted):
    target = hero(scripted)
    for moment in (12, 40, 70):
        key_pose(target, moment)
    own = target.animation_data.action
    before = bytes_of_own_keys(own)
    select_keys(target, {"left_shoulder"}, {12, 40})
    assert bpy.ops.genmo.in_between(seed=4) == {"FINISHED"}
    take = target.animation_data.action
    assert take != own and bytes_of_own_keys(take) == before
    for (path, _), keys in scripted.curves(target).items():
        assert len(keys) == (3 + 27 if "left_shoulder" in path else 3)


def test_in_between_by_nothing_is_blenders_own_curve(scripted):
    target = hero(scripted)
    for moment in (12, 40):
        key_pose(target, moment)
    frames = range(12, 41)
    before = [pose_at(scripted, target, frame)[0] for frame in frames]
    select_keys(target, {"pelvis", "left_shoulder", "right_knee"}, {12, 40})
    assert bpy.ops.genmo.in_between(seed=4, amount=0.0) == {"FINISHED"}
    after = [pose_at(scripted, target, frame)[0] for frame in frames]
    assert np.abs(np.array(before) - after).max() < 1e-4


@pytest.mark.parametrize(
    ("frames", "words"), [(set(), "Fewer than two"), ({12}, "Fewer than two"), ({12, 13}, "no whole frame to fill")]
)
def test_in_between_says_what_is_missing(scripted, frames, words):
    target = hero(scripted)
    for moment in (12, 13):
        key_pose(target, moment)
    select_keys(target, {"pelvis"}, frames)
    before = scripted.scene_hash()
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.genmo.in_between()
    assert scripted.scene_hash() == before


def test_in_between_says_what_it_cannot_go_through(scripted):
    target = hero(scripted)
    write(scripted, target)
    scripted.module("addon.services.takes").keep(target)
    key_pose(target, 5, ["pelvis"], place=False)
    key_pose(target, 60, ["pelvis"], place=False)
    (strip,) = scripted.strips(("a person walks", FIRST, LAST))
    strip.genmo.enabled = False
    names, before = set(scripted.module("addon.character").body_names()), scripted.scene_hash()
    for use_strips in (True, False):
        select_keys(target, names, {20, 40})
        with pytest.raises(RuntimeError, match="selected keys of Hero were generated.*Press Key This Pose as Mine"):
            bpy.ops.genmo.in_between(use_strips=use_strips)
        select_keys(target, names, {5, 60})
        with pytest.raises(RuntimeError, match="turn its pelvis or place it, but not both"):
            bpy.ops.genmo.in_between(use_strips=use_strips)
    bpy.context.scene.genmo.keep_keys = False
    with pytest.raises(RuntimeError, match="Keep My Keys is off"):
        bpy.ops.genmo.in_between()
    bpy.context.scene.genmo.keep_keys = True
    assert scripted.scene_hash() == before
    for moment in (20, 40):  # what the sentence says helps
        bpy.context.scene.frame_set(moment)
        bpy.ops.genmo.key_as_mine()
    select_keys(target, names, {20, 40})
    assert bpy.ops.genmo.in_between(seed=2) == {"FINISHED"}


def test_keys_nobody_could_follow_are_refused_and_nothing_is_lost(scripted):
    target = hero(scripted)
    bone = target.pose.bones["pelvis"]
    for frame, x in ((12, 0.0), (36, 90.0)):
        bone.location = (x, 0.0, 0.0)
        bone.keyframe_insert("location", frame=frame)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    before = scripted.scene_hash()
    with pytest.raises(RuntimeError, match="nobody is that fast"):
        bpy.ops.genmo.generate(seed=1)
    assert scripted.scene_hash() == before


def all_bytes(action, keep) -> dict:
    """Every key of the frames that ``keep`` lets through."""
    out = {}
    for curve in action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            if keep(key.co[0]):
                numbers = np.array([*key.co, *key.handle_left, *key.handle_right], np.float32).tobytes()
                out[curve.data_path, curve.array_index, key.co[0]] = (numbers, key.interpolation, key.type)
    return out


def test_the_middle_strip_alone_is_made_anew_and_nothing_else_changes(scripted):
    target = hero(scripted)
    strips = scripted.strips(("walks", 1, 40), ("waves", 40, 80), ("walks", 80, 121))
    scene = bpy.context.scene
    scene.genmo.range_mode = "STRIPS"
    bpy.ops.genmo.generate(seed=3)
    bpy.ops.genmo.keep_take()
    kept = target.animation_data.action
    for strip in strips:
        strip.select = strip.text == "waves"
    scene.genmo.range_mode = "SELECTED"
    bpy.ops.genmo.generate(seed=8)
    take = target.animation_data.action
    outside = {key: value for key, value in all_bytes(kept, lambda at: at < 40 or at > 80).items()}
    assert take != kept and len(outside) > 1000
    assert all_bytes(take, lambda at: at < 40 or at > 80) == outside
    assert all_bytes(take, lambda at: 45 < at < 75) != all_bytes(kept, lambda at: 45 < at < 75)
    for strip in strips:
        strip.select = False
    with pytest.raises(RuntimeError, match="No text strip of Hero is selected"):
        bpy.ops.genmo.generate()


def test_keys_at_the_first_and_the_last_frame_alone_are_enough(scripted):
    target = hero(scripted)
    for moment in (FIRST, LAST):
        key_pose(target, moment)
    before = bytes_of_own_keys(target.animation_data.action)
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    assert bytes_of_own_keys(target.animation_data.action) == before
    assert "Your keys at 2 times are kept" in scripted.session.message


def test_twenty_keys_in_a_second_are_all_kept(scripted):
    target = hero(scripted, 60)
    moments = [20 + 3 * k for k in range(20)]
    for moment in moments:
        key_pose(target, moment, ["left_shoulder"])
    bpy.context.scene.frame_end = 100
    scripted.strips(("a person walks", FIRST, 100))
    before = bytes_of_own_keys(target.animation_data.action)
    asked = [pose_at(scripted, target, moment)[1]["left_shoulder"] for moment in moments]
    bpy.ops.genmo.generate(seed=3)
    assert bytes_of_own_keys(target.animation_data.action) == before
    for moment, turn in zip(moments, asked, strict=True):
        assert pose_at(scripted, target, moment)[1]["left_shoulder"].rotation_difference(turn).angle < 0.001


@pytest.mark.parametrize("scale", [(0.01, 0.01, 0.01), (-1.0, 1.0, 1.0), (3.0, 3.0, 3.0)])
def test_a_scaled_parented_and_turned_character_meets_its_keys(stage, scale):
    target = hero(stage)
    parent = bpy.data.objects.new("Ship", None)
    bpy.context.collection.objects.link(parent)
    parent.location, parent.rotation_euler = (12.0, -7.0, 3.0), (0.0, 0.1, 2.4)
    target.parent, target.scale = parent, scale
    key_pose(target, 20)
    asked, turns = pose_at(stage, target, 20)
    write(stage, target)
    now, turned = pose_at(stage, target, 20)
    assert np.abs(now[0] - asked[0]).max() < 0.0005 * max(1.0, abs(scale[0]))
    assert all(turned[n].rotation_difference(turns[n]).angle < 0.001 for n in ("pelvis", "left_shoulder", "right_knee"))


def test_a_bone_that_turns_by_axis_and_angle_is_named_and_nothing_is_lost(scripted):
    target = hero(scripted)
    key_pose(target, 20)
    target.pose.bones["head"].rotation_mode = "AXIS_ANGLE"
    target.pose.bones["neck"].rotation_mode = "XYZ"
    bpy.context.scene.frame_set(1)
    before = scripted.scene_hash()
    with pytest.raises(RuntimeError, match="head of Hero rotates by axis and angle"):
        bpy.ops.genmo.generate(seed=1)
    assert scripted.scene_hash() == before


def test_two_characters_of_one_action_part_when_one_gets_a_take(scripted):
    target = hero(scripted)
    for moment in (12, 40):
        key_pose(target, moment)
    own = target.animation_data.action
    twin = target.copy()
    bpy.context.collection.objects.link(twin)
    twin.animation_data.action_slot = own.slots[0]
    before = scripted.action_hash(own)
    bpy.ops.genmo.generate(seed=1)
    assert target.animation_data.action != own and twin.animation_data.action == own
    assert scripted.action_hash(own) == before


def test_a_muted_curve_stays_as_it_is_and_holds_nothing(scripted):
    target = hero(scripted)
    key_pose(target, 20, ["left_shoulder"])
    own = target.animation_data.action
    for curve in own.layers[0].strips[0].channelbags[0].fcurves:
        curve.mute = True
    scripted.strips(("a person walks", FIRST, LAST))
    before = bytes_of_own_keys(own)
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    assert generate.order(scene, scene, target, 1, 5).request.keys is None
    bpy.ops.genmo.generate(seed=1)
    assert bytes_of_own_keys(target.animation_data.action) == before
    assert "muted" in scripted.session.message


def test_the_panel_says_how_many_keyed_times_are_kept(stage):
    target = hero(stage)
    for moment in (12, 20.5, 70):
        key_pose(target, moment)
    kept, timeline, scene = stage.module("addon.kept"), stage.module("addon.timeline"), bpy.context.scene
    assert kept.look(target, FIRST, LAST) is None
    assert "kept" not in timeline.summary(scene, scene, target, kept.look)
    kept.count_asked()
    assert timeline.summary(scene, scene, target, kept.look).endswith("· 2 keyed times kept")
    key_pose(target, 30)
    bpy.context.view_layer.update()
    assert kept.look(target, FIRST, LAST) is None
    kept.count_asked()
    assert kept.look(target, FIRST, LAST) == 3
    write(stage, target)
    assert kept.look(target, FIRST, LAST) == 3 or kept.count_asked() is None
    assert kept.look(target, FIRST, LAST) == 3  # of her own action, not of the take's
    scene.genmo.keep_keys = False
    assert "kept" not in timeline.summary(scene, scene, target, kept.look)


def test_a_stepped_key_beside_the_range_is_no_motion_to_go_on_from(scripted):
    target = hero(scripted)
    bone = target.pose.bones["pelvis"]
    for frame, x in ((4, 0.0), (8, 3.0), (54, 9.0), (70, 0.0)):
        bone.location = (x, 0.0, 0.0)
        bone.keyframe_insert("location", frame=frame)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    for curve in target.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "CONSTANT"
    scripted.strips(("a person walks", FIRST, LAST))
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    order = generate.order(scene, scene, target, 1, 5)
    at = np.rint(order.request.keys.time * 24 + order.begins).astype(int).tolist()
    assert at == [8, 9, 10, 50, 51, 52, 53]  # it stands at 3 m from frame 8 to 53
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
