"""What went wrong in the field for others (the recipes of public reports), tried on ours."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from mathutils import Vector

from tests.blender.clean_up_stage import FIRST, clip, joints_of, playing

FRAMES = 97


def walking(stage, fps: int = 24):
    """A character with one strip of four seconds."""
    bpy.context.scene.render.fps = fps
    target = stage.character()
    stage.strips(("a person walks forward", 1, 1 + 4 * fps))
    return target


def places(target, frames, bone: str = "pelvis") -> np.ndarray:
    """Where a bone is in the world, as Blender evaluates and plays it."""
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        out.append(tuple(target.matrix_world @ target.pose.bones[bone].head))
    return np.array(out)


@pytest.mark.parametrize("way", ["NEW", "INTO", "STRIP"])
def test_a_second_generation_does_not_go_still(stage, way):
    """A rival's second generation stood still: the slot was not bound to the new action."""
    target = walking(stage)
    target.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    bpy.context.scene.genmo.keep_as = way
    seen = []
    for seed in (1, 2):
        bpy.ops.genmo.generate(seed=seed)
        waiting = places(target, range(1, FRAMES, 12))
        bpy.ops.genmo.keep_take()
        seen.append(places(target, range(1, FRAMES, 12)))
        np.testing.assert_allclose(seen[-1], waiting, atol=2e-3)
        assert np.linalg.norm(seen[-1][-1] - seen[-1][0]) > 1.0
    assert np.abs(seen[1] - seen[0]).max() > 0.02


def test_a_second_layer_is_refused_in_words_and_the_take_is_not_lost(stage):
    target = walking(stage)
    target.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    bpy.context.scene.genmo.keep_as = "LAYER"
    bpy.ops.genmo.generate(seed=1)
    bpy.ops.genmo.keep_take()
    bpy.ops.genmo.generate(seed=2)
    waiting = places(target, range(1, FRAMES, 12))
    with pytest.raises(RuntimeError, match="its actions are strips in the NLA Editor. Keep the take as an NLA strip"):
        bpy.ops.genmo.keep_take()
    assert bpy.ops.genmo.keep_take(way="STRIP") == {"FINISHED"}
    np.testing.assert_allclose(places(target, range(1, FRAMES, 12)), waiting, atol=2e-3)


def test_feet_that_float_are_grounded_before_they_are_locked(stage):
    """Locking feet that the network put high above the floor made others walk on tip-toe."""
    rotations, path = clip()
    target = playing(stage, (rotations, path + [0.0, 0.06, 0.0]))
    frames = np.arange(FIRST, FIRST + len(path))
    assert bpy.ops.genmo.lock_feet() == {"FINISHED"}
    joints = joints_of(stage, target, frames)
    ground = joints_of(stage, playing(stage, (rotations, path), target=stage.character("Told")), frames)
    # soles: heels (7, 8) and balls (10, 11) come down with the body, no leg is stretched on its toes
    for heel, ball in ((7, 10), (8, 11)):
        assert abs(np.percentile(joints[:, ball, 1], 10) - np.percentile(ground[:, ball, 1], 10)) < 0.02
        assert abs(np.percentile(joints[:, heel, 1], 10) - np.percentile(ground[:, heel, 1], 10)) < 0.02
    assert abs(np.median(joints[:, 0, 1] - ground[:, 0, 1])) < 0.03


def test_pins_on_a_character_far_off_turned_and_on_a_raised_floor(stage):
    """ "What space, what height, must it start at zero?" Ours is the scene's."""
    target = walking(stage)
    target.location, target.rotation_euler = (12.0, -7.0, 3.0), (0.0, 0.0, math.radians(137))
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    bpy.ops.genmo.generate(seed=3)
    free = places(target, range(40, 60), "left_wrist")
    scene.frame_set(50)
    held = (target.matrix_world @ target.pose.bones["left_wrist"].head).copy()
    bpy.ops.genmo.pin_here(part="left_hand", frames=6)
    pin = target.genmo_direction.pins[0]
    assert (pin.target.matrix_world.translation - held).length < 1e-4 and held.z > 3.3
    pin.target.location += target.matrix_world.to_3x3() @ Vector((0.1, -0.1, 0.25))
    bpy.ops.genmo.drop_take()
    bpy.ops.genmo.generate(seed=3)
    hand = places(target, range(50, 56), "left_wrist")
    assert np.linalg.norm(hand - np.array(pin.target.location), axis=1).max() < 0.005
    assert np.abs(hand - free[10:16]).max() > 0.1  # a pin changes the result
    hips = places(target, (1, FRAMES))
    assert np.linalg.norm((hips[0] - target.location)[:2]) < 0.01 and 3.7 < hips[0][2] < 4.1
    ahead = np.array(target.matrix_world.to_3x3() @ Vector((0, -1, 0)))
    assert np.dot((hips[1] - hips[0]) / np.linalg.norm(hips[1] - hips[0]), ahead) > 0.8


def object_mode(_target):
    """As it is."""


def mode(name: str):
    """A mode of the character itself."""

    def enter(_target):
        bpy.ops.object.mode_set(mode=name)

    return enter


def weight_paint(target):
    """The body's weights are painted, the armature's pose in hand."""
    mesh = next(o for o in target.children_recursive if o.type == "MESH")
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.object.mode_set(mode="WEIGHT_PAINT")


def hidden_collection(target):
    """The character's collection is switched off in this view layer."""
    bpy.context.scene.genmo.follow_selection = False
    bpy.context.scene.genmo.character = target
    inner = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(inner)
    for thing in (target, *target.children_recursive):
        for holder in thing.users_collection:
            holder.objects.unlink(thing)
        inner.objects.link(thing)
    bpy.context.view_layer.layer_collection.children["Cast"].exclude = True


def hidden_object(target):
    """The character is hidden, as to look at something else."""
    bpy.context.scene.genmo.follow_selection = False
    bpy.context.scene.genmo.character = target
    target.hide_set(True)


@pytest.mark.parametrize(
    "enter",
    [object_mode, mode("POSE"), mode("EDIT"), weight_paint, hidden_collection, hidden_object],
    ids=["object", "pose", "edit", "weights", "collection", "hidden"],
)
@pytest.mark.parametrize("way", ["NEW", "INTO", "STRIP", "LAYER"])
def test_keep_gives_all_the_motion_in_every_mode(stage, enter, way):
    """A rival's preview played, and its bake was an empty action outside Pose Mode."""
    target = walking(stage)
    target.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    bpy.context.scene.genmo.keep_as = way
    bpy.ops.genmo.generate(seed=1)
    keys = {channel: len(values) for channel, values in stage.curves(target).items()}
    waiting = places(target, range(1, FRAMES, 12))
    enter(target)
    assert bpy.ops.genmo.keep_take() == {"FINISHED"}
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for layer in bpy.context.view_layer.layer_collection.children:
        layer.exclude = False
    target.hide_set(False)
    data = target.animation_data
    if way in ("NEW", "INTO"):
        assert {channel: len(values) for channel, values in stage.curves(target).items()} == keys
    else:
        assert data.action is None and len(data.nla_tracks) == 2
    np.testing.assert_allclose(places(target, range(1, FRAMES, 12)), waiting, atol=2e-3)


def test_a_clip_that_stands_still_stays_still(stage):
    """Others' bones jittered on perfectly still footage: every tool leaves a still body still."""
    rotations, path = clip()
    still = np.repeat(rotations[:1], 90, axis=0), np.repeat(path[:1], 90, axis=0)
    target = playing(stage, still, fps=60)
    frames = np.arange(FIRST, FIRST + 178)
    for tool in ("detect_contacts", "lock_feet", "smooth", "reduce_keys", "in_place", "restore_travel", "mirror"):
        getattr(bpy.ops.genmo, tool)()
        joints = joints_of(stage, target, frames)
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() * 60
        assert speed <= 0.01, f"{tool}: {speed * 100:.2f} cm/s"
