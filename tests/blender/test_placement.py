"""Motion starts where the character stands: place and heading exact, in any parent and at any scale."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix, Quaternion, Vector

PARENTS = {
    "no parent": (Matrix.Identity(4), 1.0),
    "far off and turned": (Matrix.Translation((12, -7, 3)) @ Matrix.Rotation(math.radians(137), 4, "Z"), 1.0),
    "tilted deck": (Matrix.Translation((0, 1, 2)) @ Euler((0.3, -0.2, 1.0)).to_matrix().to_4x4(), 1.0),
    "scaled parent": (Matrix.Diagonal((2.5, 2.5, 2.5, 1)) @ Matrix.Rotation(0.7, 4, "Z"), 0.4),
    "uneven parent": (Matrix.Diagonal((1.0, 2.0, 0.5, 1)), 1.0),
}


def placed(stage, name):
    """A character in a parent, itself moved, turned and scaled."""
    matrix, scale = PARENTS[name]
    target = stage.character()
    if name != "no parent":
        parent = bpy.data.objects.new("Parent", None)
        bpy.context.collection.objects.link(parent)
        parent.matrix_world = matrix
        target.parent = parent
    target.location = (0.5, -1.0, 0.25)
    target.rotation_euler = (0.0, 0.0, 1.1)
    target.scale = (scale, scale, scale)
    bpy.context.view_layer.update()
    return target


def pelvis_world(target):
    """Place (3,) and directions of the pelvis (3, 3) in the world at the present frame."""
    bpy.context.view_layer.update()
    matrix = target.matrix_world @ target.pose.bones["pelvis"].matrix
    return np.array(matrix.translation), np.array(matrix.to_3x3())


def facing(target):
    """Where the pelvis looks, on the armature's floor: an angle about its Z, 0 along -Y."""
    rest = target.data.bones["pelvis"].matrix_local.to_3x3()
    turn = target.pose.bones["pelvis"].matrix.to_3x3() @ rest.inverted()
    ahead = turn @ Vector((0, -1, 0))
    return math.atan2(ahead.x, -ahead.y)


@pytest.mark.parametrize("name", PARENTS)
def test_the_first_frame_stands_where_the_character_stood(stage, name):
    target = placed(stage, name)
    bone = target.pose.bones["pelvis"]
    bone.rotation_quaternion = Quaternion((0, 1, 0), 0.8)  # the pelvis bone points up: a turn of the heading
    bone.location = (0.3, 0.0, 0.2)
    bpy.context.view_layer.update()
    place, heading = target.pose.bones["pelvis"].matrix.translation.copy(), facing(target)
    world, _ = pelvis_world(target)
    stage.strips(("a person walks", 1, 97))
    bpy.ops.genmo.generate(seed=1)
    bpy.context.scene.frame_set(1)
    now = target.pose.bones["pelvis"].matrix.translation.copy()
    assert (now.x, now.y) == pytest.approx((place.x, place.y), abs=2e-6)
    assert facing(target) == pytest.approx(heading, abs=2e-6)
    after, _ = pelvis_world(target)
    # The engine says how high the pelvis is; the way over the floor is what must not jump.
    up = np.array(target.matrix_world.to_3x3() @ Vector((0, 0, 1)))
    drift = after - world
    drift -= up * (drift @ up) / (up @ up)
    if name != "uneven parent":  # there "up" is not at right angles to the floor
        assert np.abs(drift).max() < 1e-5


def test_motion_goes_on_from_the_kept_take(stage):
    target = stage.character()
    scene = bpy.context.scene
    scene.render.fps = 30
    stage.strips(("a person walks", 1, 61))
    bpy.ops.genmo.generate(seed=1)
    bpy.ops.genmo.keep_take()
    scene.frame_set(61)
    place = target.pose.bones["pelvis"].matrix.translation.copy()
    assert place.length > 1.5
    scene.frame_set(1)
    scene.sequence_editor.strips[0].genmo.enabled = False
    stage.strips(("a person walks", 61, 121))
    bpy.ops.genmo.generate(seed=2)
    scene.frame_set(61)
    now = target.pose.bones["pelvis"].matrix.translation.copy()
    assert (now.x, now.y) == pytest.approx((place.x, place.y), abs=2e-6)
    scene.frame_set(121)
    assert (target.pose.bones["pelvis"].matrix.translation - now).length > 1.5
    assert len(stage.curves(target)['pose.bones["pelvis"].location', 0]) == 121


def test_a_take_under_review_does_not_move_the_start(stage):
    target = stage.shot()
    target.pose.bones["pelvis"].location = (0.4, 0.0, -0.1)
    bpy.context.view_layer.update()
    generate, scene = stage.module("addon.services.generate"), bpy.context.scene
    first = generate.order(scene, scene, target, 1, 5).request.start
    bpy.ops.genmo.generate(seed=5)
    scene.frame_set(100)
    assert generate.order(scene, scene, target, 1, 5).request.start == first
    bpy.ops.genmo.take_next()
    assert generate.order(scene, scene, target, 1, 5).request.start == first


def test_constraints_and_nla_tracks_count(stage):
    target = stage.character()
    scene = bpy.context.scene
    bone = target.pose.bones["pelvis"]
    for frame, x in ((1, 0.0), (50, 2.0)):
        bone.location = (x, 0.0, 0.0)
        bone.keyframe_insert("location", frame=frame)
    data = target.animation_data
    action, slot = data.action, data.action_slot
    data.action = None
    strip = data.nla_tracks.new().strips.new("walk", 1, action)
    strip.action_slot = slot
    bone.location = (0.0, 0.0, 0.0)
    target.pose.bones["left_elbow"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)  # not keyed: must survive the visit
    scene.frame_set(7)
    timeline, character = stage.module("addon.timeline"), stage.module("addon.character")
    before = stage.scene_hash()
    start = timeline.start_state(scene, target, character.read_state(target), 50)
    assert start.position[0] == pytest.approx(2.0, abs=1e-5)
    assert stage.scene_hash() == before and scene.frame_current == 7


def test_generating_leaves_the_playhead_and_unkeyed_poses_alone(stage):
    target = stage.shot()
    bpy.context.scene.frame_set(33)
    target.pose.bones["left_elbow"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    before = stage.scene_hash()
    stage.scripted("--steps", "3", "--fail-at", "1")
    with pytest.raises(RuntimeError):
        bpy.ops.genmo.generate(seed=5)
    assert stage.scene_hash() == before
