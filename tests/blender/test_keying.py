"""Keys say what the engine's motion says: same joints, same length, no flips, nothing of the animator's touched."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

FRAMES = 121
RATES = [(24, 1.001), (24, 1.0), (25, 1.0), (30, 1.0), (50, 1.0), (60, 1.001), (60, 1.0), (120, 1.0)]


def random_motion(stage, frames=FRAMES, joints=22, seed=3, pace=0.06):
    """Joints that wander far beyond half turns, and a pelvis that walks."""
    rotations = stage.module("motion.rotations")
    rng = np.random.default_rng(seed)
    vectors = np.cumsum(rng.normal(0, pace, (frames, joints, 3)), axis=0)
    q = rotations.from_rotation_vector(vectors)
    # Signs as a careless engine might send them.
    q *= rng.choice([-1.0, 1.0], size=(frames, joints, 1))
    transl = np.cumsum(rng.normal(0, 0.01, (frames, 3)), axis=0) + (0.3, 0.95, -0.2)
    return q.astype(np.float32), transl.astype(np.float32)


def key(stage, target, motion, first=1, fps=30.0, frames=FRAMES):
    """Write a motion as a take under review, as a result does."""
    takes, motions = stage.module("addon.services.takes"), stage.module("protocol.motions")
    q, transl = motion
    take = motions.Take(5, q, transl, np.zeros((len(q), 6), np.float32), np.zeros(10, np.float32))
    last = first + round((len(q) - 1) / 30 * fps)
    placement = takes.Placement(first, last, fps, ("a person walks",), {})
    takes.begin(target, bpy.context.scene, motions.MotionResult(30.0, (take,)), placement)
    return last


def world_joints(stage, target, names):
    """Bone heads in the armature's space, in the model's axes."""
    heads = np.array([list(target.pose.bones[n].matrix.translation) for n in names])
    return stage.module("motion.frames").points_to_model(heads)


@pytest.mark.parametrize("joints", [22, 55])
def test_bones_stand_where_kinematics_puts_the_joints(stage, joints):
    target = stage.character()
    bpy.context.scene.render.fps = 30
    q, transl = motion = random_motion(stage, joints=joints)
    key(stage, target, motion)
    skeleton = stage.module("motion.skeleton").canonical(joints)
    kinematics = stage.module("motion.kinematics")
    for frame in (1, 2, 60, FRAMES):
        bpy.context.scene.frame_set(frame)
        expected = kinematics.joint_positions(skeleton, q[frame - 1].astype(float), transl[frame - 1].astype(float))
        assert np.abs(world_joints(stage, target, skeleton.names) - expected).max() < 5e-6


def test_quaternions_never_flip_their_sign(stage):
    target = stage.character()
    key(stage, target, random_motion(stage, pace=0.15), fps=120.0)
    curves = stage.curves(target)
    for bone in stage.module("addon.character").body_names():
        q = np.stack([curves[f'pose.bones["{bone}"].rotation_quaternion', i][:, 1] for i in range(4)], axis=-1)
        assert len(q) == 4 * (FRAMES - 1) + 1
        assert (np.sum(q[1:] * q[:-1], axis=-1) > 0).all()
        assert np.abs(np.linalg.norm(q, axis=-1) - 1).max() < 1e-5


@pytest.mark.parametrize(("fps", "base"), RATES)
def test_a_shot_lasts_equally_long_at_every_frame_rate(scripted, fps, base):
    stage = scripted
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    rate = fps / base
    target = stage.character()
    seconds = 4.0
    stage.strips(("a person walks", 1, 1 + round(seconds * rate)))
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    curves = stage.curves(target)
    frames = next(iter(curves.values()))[:, 0]
    assert np.array_equal(frames, np.arange(1, round(seconds * rate) + 2))
    assert abs((frames[-1] - frames[0]) / rate - seconds) <= 0.5 / rate
    # The scripted engine walks at exactly 1 m/s: the path tells that time itself is right, not the length alone.
    pelvis = np.stack([curves['pose.bones["pelvis"].location', i][:, 1] for i in range(3)], axis=-1)
    walked = np.linalg.norm(pelvis - pelvis[0], axis=-1)
    times = (frames - frames[0]) / rate
    before_end = times <= round(seconds * 30) / 30
    height_wobble = 0.03
    assert np.abs(walked - times)[before_end].max() < height_wobble


def test_the_animators_keys_outside_the_range_stay_bit_for_bit(stage):
    target = stage.character()
    bone = target.pose.bones["left_elbow"]
    for frame, angle in ((1, 0.1), (40, 0.5), (90, -0.3), (200, 0.2)):
        bone.rotation_quaternion = (np.cos(angle), np.sin(angle), 0.0, 0.0)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
        target.pose.bones["left_index1"].keyframe_insert("rotation_quaternion", frame=frame)
    own = target.animation_data.action
    compat = stage.module("addon.compat")
    before = {(c.data_path, c.array_index): stage.keys_of(c) for c in compat.find_channelbag(own, own.slots[0]).fcurves}
    last = key(stage, target, random_motion(stage, frames=31), first=50)
    take = target.animation_data.action
    assert take != own
    after = {(c.data_path, c.array_index): c for c in compat.find_channelbag(take, take.slots[0]).fcurves}
    for (path, index), (_points, everything) in before.items():
        if "left_index1" in path:
            assert stage.keys_of(after[path, index])[1] == everything
            continue
        keys = [k for k in after[path, index].keyframe_points if not 50 <= k.co[0] <= last]
        mine = [k for k in compat.find_channelbag(own, own.slots[0]).fcurves.find(path, index=index).keyframe_points]
        mine = [k for k in mine if not 50 <= k.co[0] <= last]
        assert len(keys) == len(mine) == 4
        for a, b in zip(keys, mine, strict=True):
            for field in ("co", "handle_left", "handle_right"):
                assert tuple(getattr(a, field)) == tuple(getattr(b, field))
            for field in ("interpolation", "type", "easing", "handle_left_type", "handle_right_type", "period"):
                assert getattr(a, field) == getattr(b, field)
    unchanged = {
        (c.data_path, c.array_index): stage.keys_of(c) for c in compat.find_channelbag(own, own.slots[0]).fcurves
    }
    assert {k: v[1] for k, v in unchanged.items()} == {k: v[1] for k, v in before.items()}


def test_keys_beside_the_animators_are_no_flip_away(stage):
    target = stage.character()
    bone = target.pose.bones["pelvis"]
    for sign in (1.0, -1.0):
        bone.rotation_quaternion = (-0.8 * sign, 0.0, -0.6 * sign, 0.0)
        bone.keyframe_insert("rotation_quaternion", frame=9)
        q, transl = random_motion(stage, frames=31, pace=0.001)
        key(stage, target, (q, transl), first=10)
        curves = stage.curves(target)
        values = np.stack([curves['pose.bones["pelvis"].rotation_quaternion', i][:, 1] for i in range(4)], axis=-1)
        assert (np.sum(values[1:] * values[:-1], axis=-1) > 0).all()
        stage.module("addon.services.takes").drop(target)


def test_an_action_shared_with_others_lends_the_take_its_own_slot_alone(stage):
    target, other = stage.character(), bpy.data.objects.new("Other", None)
    bpy.context.collection.objects.link(other)
    target.pose.bones["left_elbow"].keyframe_insert("rotation_quaternion", frame=1)
    shared = target.animation_data.action
    other.animation_data_create().action = shared
    other.animation_data.action_slot = shared.slots.new(id_type="OBJECT", name="Other")
    other.keyframe_insert("location", frame=1)
    identifier = target.animation_data.action_slot.identifier
    key(stage, target, random_motion(stage))
    take = target.animation_data.action
    assert [s.identifier for s in take.slots] == [identifier] == [target.animation_data.action_slot.identifier]
    assert other.animation_data.action == shared and len(shared.slots) == 2


def test_names_are_unique_and_trimmed_at_word_ends(stage):
    keying = stage.module("addon.keying")
    assert keying.take_name("Hero", ["a person walks forward", "The woman waves."], 3, 1234) == (
        "Hero · walks, waves · t03 · s1234"
    )
    long = keying.take_name(
        "A character with quite a long name", ["somebody somersaults"] + ["runs", "jumps"], 12, 2**31 - 9
    )
    assert len(long.encode()) <= 63 and long.endswith(" · t12 · s2147483639")
    assert keying.take_name("Hero", ["走る"], 1, 2) == "Hero · 走る · t01 · s2"
    target = stage.character()
    for _ in range(3):
        key(stage, target, random_motion(stage, frames=9))
    names = [a.name for a in stage.module("addon.services.takes").waiting(target)]
    assert names == [f"Hero · walks · t0{i} · s5" for i in (1, 2, 3)]
