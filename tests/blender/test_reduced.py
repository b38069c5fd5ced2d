"""Reduce Keys in Blender: its curves are what the fit evaluated, the body stays near, and the dense keys come back."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.clean_up_stage import FIRST, clip, fields_of, joints_of, motion_of, outside, playing, preview

FRAMES = 118
LAST = FIRST + FRAMES - 1
ALL = np.arange(FIRST, LAST + 1)


@pytest.fixture
def walker(stage):
    """A character that walks over frames 11 to 128, with dense keys."""
    return playing(stage, clip())


def heads(target, frames):
    """Heads and tails (N, 110, 3) of all bones as Blender itself poses them, fingers too, in the armature's space."""
    names = [bone.name for bone in target.pose.bones]
    told = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame))
        told.append([list(p) for n in names for p in (target.pose.bones[n].head, target.pose.bones[n].tail)])
    return np.array(told)


def test_blender_evaluates_the_keys_as_the_fit_did(stage, walker, monkeypatch):
    """The distance on the body between Blender's curves and `motion.reducing.curves.evaluate`, at frames and between
    them."""
    reducing = stage.module("addon.services.reducing")
    written, original = [], reducing.reduce_keys
    monkeypatch.setattr(reducing, "reduce_keys", lambda *given: written.append(original(*given)) or written[-1])
    assert bpy.ops.genmo.reduce_keys(distance=5.0) == {"FINISHED"}
    times = np.arange(0, FRAMES - 1, 0.25)
    measure, body = stage.module("motion.reducing.measure"), stage.module("motion.reducing.body")
    q, path = measure.dense(written[0], times)
    curves = stage.module("addon.reading").curves_of(
        walker.animation_data.action, walker.animation_data.action_slot.identifier
    )
    pose = stage.module("addon.character").read_state(walker).pose
    values = stage.module("addon.reading").values_at(curves, pose, times + FIRST)
    built = reducing.body(walker)
    ours = body.pose(built, np.moveaxis(q, 1, 0), path).points
    theirs = body.pose(built, np.moveaxis(values[:, 3:].reshape(-1, 22, 4), 1, 0), values[:, :3]).points
    worst = 1000 * np.linalg.norm(ours - theirs, axis=-1).max()
    print(f"Blender against the fit: {worst:.4f} mm at the worst")
    assert worst < 0.05


def test_the_body_stays_within_the_error_and_keys_are_few(stage, walker):
    before = heads(walker, ALL)
    count = sum(len(keys["co"]) for keys in fields_of(stage, walker).values())
    assert bpy.ops.genmo.reduce_keys(distance=5.0) == {"FINISHED"}
    print(stage.session.message)
    after = sum(len(keys["co"]) for keys in fields_of(stage, walker).values())
    worst = 1000 * np.linalg.norm(heads(walker, ALL) - before, axis=-1).max()
    print(f"{count} keys to {after} ({100 * after / count:.1f} %), Blender's pose off by {worst:.2f} mm at the worst")
    # The other fingers and the bones of the face are not watched, but lie no farther out than what is.
    assert worst <= 5.01 and after < 0.3 * count
    assert f"{count} to {after} keys" in stage.session.message


def test_keys_are_shared_typed_and_bezier(stage, walker):
    bpy.ops.genmo.reduce_keys(distance=5.0)
    fields = fields_of(stage, walker)
    compat = stage.module("addon.compat")
    for name in stage.module("addon.character").body_names():
        times = [tuple(fields[f'pose.bones["{name}"].rotation_quaternion', i]["co"][:, 0]) for i in range(4)]
        assert len(set(times)) == 1
    kinds = {int(k) for keys in fields.values() for k in keys["type"][:, 0]}
    assert kinds <= {compat.KEY_TYPES[k] for k in ("KEYFRAME", "EXTREME", "BREAKDOWN")} and len(kinds) == 3
    assert {int(k) for keys in fields.values() for k in keys["interpolation"][:, 0]} == {compat.BEZIER}
    contact_bars, contacts = stage.module("addon.services.contact_bars"), stage.module("motion.contacts")
    flags = contacts.flags_of(contact_bars.within(walker.animation_data.action, FIRST, LAST), FRAMES)
    down = flags[:, :2].any(axis=1).astype(int)
    ends = FIRST + np.union1d(np.flatnonzero(np.diff(down) > 0) + 1, np.flatnonzero(np.diff(down) < 0))
    ankle = fields['pose.bones["left_ankle"].rotation_quaternion', 0]["co"][:, 0]
    assert len(ends) >= 3 and np.isin(ends, ankle).all()


def test_locked_feet_take_keys_and_more_slide_takes_fewer(stage, walker):
    bpy.ops.genmo.lock_feet(mode="AUTO")
    counts, slides = [], []
    for slide in (0.1, 1.0):
        bpy.ops.genmo.reduce_keys(distance=5.0, slide=slide)
        print(stage.session.message)
        counts.append(sum(len(keys["co"]) for keys in fields_of(stage, walker).values()))
        bars = stage.module("addon.services.contact_bars").within(walker.animation_data.action, FIRST, LAST)
        slides.append(stage.module("motion.feet").measured(joints_of(stage, walker, ALL), 30.0, bars).slide)
        bpy.ops.genmo.restore_dense_keys()
    assert counts[1] < 0.8 * counts[0] and counts[0] < 0.3 * 91 * FRAMES
    assert slides[0] <= 0.12 and 0.1 < slides[1] <= 1.02


def test_dense_keys_come_back_bit_for_bit(stage, walker):
    action = walker.animation_data.action
    before, actions = stage.action_hash(action), len(bpy.data.actions)
    bpy.ops.genmo.reduce_keys(distance=5.0)
    assert action.genmo.dense is not None and action.genmo.dense.use_fake_user
    assert stage.action_hash(action) != before == stage.action_hash(action.genmo.dense)
    once = stage.action_hash(action)
    bpy.ops.genmo.reduce_keys(distance=20.0)
    assert stage.action_hash(action) != once
    assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
    assert stage.action_hash(action) == once
    assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
    assert stage.action_hash(action) == before and len(bpy.data.actions) == actions
    assert not bpy.ops.genmo.restore_dense_keys.poll()


def test_keys_outside_the_range_stay_and_what_the_animator_set_since_too(stage, walker):
    preview(40, 100)
    before = fields_of(stage, walker)
    bpy.ops.genmo.reduce_keys(distance=5.0)
    assert outside(fields_of(stage, walker), 40, 100) == outside(before, 40, 100)
    # A pose set by hand outside the range after reducing outlives Restore.
    curves = stage.module("addon.reading").curves_of(
        walker.animation_data.action, walker.animation_data.action_slot.identifier
    )
    curve = curves['pose.bones["head"].rotation_quaternion', 1]
    curve.keyframe_points[0].co[1] = 0.25
    bpy.ops.genmo.restore_dense_keys()
    after = fields_of(stage, walker)
    assert after['pose.bones["head"].rotation_quaternion', 1]["co"][0, 1] == 0.25
    for channel in before:
        inside = (before[channel]["co"][:, 0] >= 40) & (before[channel]["co"][:, 0] <= 100)
        assert np.array_equal(after[channel]["co"][inside], before[channel]["co"][inside])


def test_a_still_bone_holds_up_to_the_keys_after_the_range(stage, walker):
    q, p = clip()
    q[:80, 18] = q[0, 18]
    playing(stage, (q, p), target=walker)
    preview(FIRST, FIRST + 60)
    before = motion_of(stage, walker, ALL)[0]
    bpy.ops.genmo.reduce_keys(distance=5.0)
    after = motion_of(stage, walker, ALL)[0]
    off = 1 - np.abs(np.sum(before[:61, 18] * after[:61, 18], axis=-1))
    assert off.max() < 1e-6


def test_poses_by_hand_keep_frame_and_value(stage, walker):
    compat = stage.module("addon.compat")
    curves = stage.module("addon.reading").curves_of(
        walker.animation_data.action, walker.animation_data.action_slot.identifier
    )
    channels = [('pose.bones["right_elbow"].rotation_quaternion', i) for i in range(4)]
    for channel in channels:
        curves[channel].keyframe_points[37].type = "KEYFRAME"
    before = {c: fields_of(stage, walker)[c]["co"][37] for c in channels}
    bpy.ops.genmo.reduce_keys(distance=20.0)
    after = fields_of(stage, walker)
    for channel in channels:
        row = np.flatnonzero(after[channel]["co"][:, 0] == before[channel][0])
        assert len(row) == 1 and after[channel]["co"][row[0], 1] == before[channel][1]
        assert after[channel]["type"][row[0], 0] == compat.KEY_TYPES["KEYFRAME"]


def test_a_generated_key_that_the_animator_changed_keeps_frame_and_value(stage, walker):
    curves = stage.module("addon.reading").curves_of(
        walker.animation_data.action, walker.animation_data.action_slot.identifier
    )
    channel = 'pose.bones["head"].rotation_quaternion', 1
    key = curves[channel].keyframe_points[43]
    key.co[1] += 0.02
    frame, value = key.co
    assert key.type == "GENERATED"
    bpy.ops.genmo.reduce_keys(distance=50.0)
    after = fields_of(stage, walker)[channel]["co"]
    assert [float(v) for f, v in after if f == frame] == pytest.approx([value], abs=1e-6)


def test_keys_of_the_animator_stay_hers_with_their_types(stage, walker):
    """In an action that remembers which keys were generated: hers are among the keys that the next request obeys."""
    compat, posing = stage.module("addon.compat"), stage.module("addon.posing")
    action, slot = walker.animation_data.action, walker.animation_data.action_slot.identifier
    names = stage.module("addon.character").body_names()
    curves = stage.module("addon.reading").curves_of(action, slot)
    elbow = 'pose.bones["right_elbow"].rotation_quaternion'
    stage.module("addon.ownership").remember_range(action, list(curves.values()), FIRST, LAST)
    for i in range(4):
        curves[elbow, i].keyframe_points[37].type = "EXTREME"
        curves[elbow, i].keyframe_points[71].type = "JITTER"
    moved = curves['pose.bones["head"].rotation_quaternion', 1].keyframe_points[43]
    moved.co[1] += 0.02
    assert moved.type == "GENERATED"
    for _ in range(2):
        bpy.ops.genmo.reduce_keys(distance=20.0)
        keys = posing.own_keys(action, slot, FIRST, LAST)
        assert keys.frames.tolist() == [FIRST + 37, FIRST + 43, FIRST + 71]
        assert keys.turned.sum(0).nonzero()[0].tolist() == sorted(names.index(n) for n in ("head", "right_elbow"))
        fields = fields_of(stage, walker)
        told = fields[elbow, 0]
        assert {int(f): int(t) for f, t in zip(told["co"][:, 0], told["type"][:, 0], strict=True)}.items() >= {
            FIRST + 37: compat.KEY_TYPES["EXTREME"],
            FIRST + 71: compat.KEY_TYPES["JITTER"],
        }.items()
    bpy.ops.genmo.restore_dense_keys()
    bpy.ops.genmo.restore_dense_keys()
    assert len(posing.own_keys(action, slot, FIRST, LAST).frames) == 3


def test_a_key_of_hers_between_frames_stays_there_and_stays_hers(stage, walker):
    posing, path = stage.module("addon.posing"), 'pose.bones["right_elbow"].rotation_quaternion'
    action, slot = walker.animation_data.action, walker.animation_data.action_slot.identifier
    curves = stage.module("addon.reading").curves_of(action, slot)
    stage.module("addon.ownership").remember_range(action, list(curves.values()), FIRST, LAST)
    bpy.context.scene.frame_set(FIRST + 40, subframe=0.3)
    walker.pose.bones["right_elbow"].keyframe_insert("rotation_quaternion", frame=FIRST + 40.3)
    for i in range(4):
        key = next(k for k in curves[path, i].keyframe_points if k.co[0] % 1 > 0.1)
        key.type = "EXTREME"

    def hers() -> list[tuple]:
        found = stage.module("addon.reading").curves_of(action, slot)
        return [(*k.co, k.type) for i in range(4) for k in found[path, i].keyframe_points if k.co[0] % 1 > 0.1]

    asked, before = hers(), heads(walker, ALL)
    assert len(asked) == 4
    for times in (1, 2):
        assert bpy.ops.genmo.reduce_keys(distance=5.0) == {"FINISHED"}
        assert hers() == asked
        assert posing.own_keys(action, slot, FIRST, LAST).frames.tolist() == [pytest.approx(FIRST + 40.3, abs=1e-5)]
        assert 1000 * np.linalg.norm(heads(walker, ALL) - before, axis=-1).max() <= 5.01 * times
        for i in range(4):
            now = stage.module("addon.reading").curves_of(action, slot)[path, i]
            assert (np.diff([k.co[0] for k in now.keyframe_points]) > 0).all()


def test_reducing_is_one_undo_step(stage, walker):
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="start")
    before = stage.scene_hash()
    assert bpy.ops.genmo.reduce_keys("EXEC_DEFAULT", True, distance=5.0) == {"FINISHED"}
    after = stage.scene_hash()
    bpy.ops.ed.undo()
    assert stage.scene_hash() == before
    bpy.ops.ed.redo()
    assert stage.scene_hash() == after


def test_dropping_a_reduced_take_leaves_no_action_behind(scripted):
    scripted.shot()
    bpy.ops.genmo.generate(seed=4)
    bpy.ops.genmo.reduce_keys(distance=5.0)
    assert len(bpy.data.actions) == 2
    bpy.ops.genmo.drop_take()
    assert not len(bpy.data.actions)


@pytest.mark.parametrize("before", [False, True])
def test_a_reduced_take_that_is_kept_in_her_own_action_can_be_dense_again(scripted, before):
    """In steps: the take's dense keys, then those that her action had from an earlier Reduce Keys."""
    target = scripted.shot()
    playing(scripted, clip(), first=1, target=target)
    own = target.animation_data.action
    first = fields_of(scripted, target)
    if before:
        bpy.ops.genmo.reduce_keys(distance=5.0)
    bpy.ops.genmo.generate(seed=4)
    dense = fields_of(scripted, target)
    bpy.ops.genmo.reduce_keys(distance=5.0)
    assert bpy.ops.genmo.keep_take(way="INTO") == {"FINISHED"}
    assert target.animation_data.action == own and len(bpy.data.actions) == 2 + before
    assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
    after = fields_of(scripted, target)
    assert after.keys() == dense.keys()
    assert all(np.array_equal(after[c][f], dense[c][f]) for c in dense for f in dense[c])
    assert bpy.ops.genmo.restore_dense_keys.poll() == before
    if before:
        assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
        now = fields_of(scripted, target)
        assert all(np.array_equal(now[c]["co"][:FRAMES], first[c]["co"]) for c in first)
    assert len(bpy.data.actions) == 1


def test_the_reduced_body_looks_the_same_from_the_joints(stage, walker):
    before = joints_of(stage, walker, ALL)
    bpy.ops.genmo.reduce_keys(distance=5.0)
    assert 1000 * np.linalg.norm(joints_of(stage, walker, ALL) - before, axis=-1).max() <= 5.01


def test_a_take_over_a_reduced_action_leaves_what_belongs_to_the_original(scripted):
    target = scripted.shot()
    playing(scripted, clip(), first=1, target=target)
    own = target.animation_data.action
    bpy.ops.genmo.reduce_keys(distance=5.0)
    bars = scripted.module("addon.services.contact_bars")
    known, dense = bars.kept(own), own.genmo.dense.name
    assert known
    bpy.ops.genmo.generate(seed=4)
    take = target.animation_data.action
    assert take != own and take.genmo.dense is None and not bars.kept(take)
    bpy.ops.genmo.drop_take()
    assert own.genmo.dense.name == dense and bars.kept(own) == known
    # A copy made by hand shares the dense keys: what one brings back stays for the other.
    own.copy()
    assert bpy.ops.genmo.restore_dense_keys() == {"FINISHED"}
    assert dense in bpy.data.actions
