"""Path, waypoints and pins in a scene: read in its own space and met by the motion."""

from __future__ import annotations

import math
import re

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from tests.blender.directing import FRAMES, each_frame, keyed_twice, notes_of, placed, points_of, s_curve, use


@pytest.mark.parametrize("fps", [30, 24])
@pytest.mark.parametrize("timing", ["EVEN", "FREE", "OFFSET"])
def test_the_hips_follow_a_curve_anywhere_in_the_scene(stage, fps, timing):
    target = placed(stage, fps)
    bpy.context.scene.genmo.character = target
    road = s_curve(target)
    use(road)
    assert bpy.ops.genmo.path_from_curve() == {"FINISHED"} and target.genmo_direction.path == road
    use(target)
    target.genmo_direction.timing = timing
    last = 1 + 3 * fps
    if timing == "OFFSET":
        road.data.path_duration = 100
        for frame, value in ((1, 0.0), (last, 90.0)):
            road.data.eval_time = value
            road.data.keyframe_insert("eval_time", frame=frame)
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    line = points_of(road)[:, :2]
    hips = each_frame(target, "pelvis", range(1, last + 1))[:, :2]
    legs = np.diff(line, axis=0)
    to = hips[:, None] - line[:-1]
    share = np.clip(np.sum(to * legs, axis=-1) / np.sum(legs * legs, axis=-1), 0.0, 1.0)
    assert np.linalg.norm(to - share[..., None] * legs, axis=-1).min(axis=1).max() < 0.03
    if timing == "OFFSET":  # nine tenths of the way
        length = np.linalg.norm(legs, axis=1)
        gone = np.cumsum(length) / length.sum()
        assert np.linalg.norm(hips[-1] - line[1 + np.searchsorted(gone, 0.9)]) < 0.08


@pytest.mark.parametrize("fps", [30, 24])
def test_a_hand_is_held_at_an_animated_empty(stage, fps):
    target = placed(stage, fps)
    scene = bpy.context.scene
    bpy.ops.genmo.generate(seed=3)
    scene.frame_set(40)
    bpy.ops.genmo.pin_here(part="left_hand", frames=30)
    (pin,) = target.genmo_direction.pins
    assert (pin.first, pin.last) == (40, 69) and pin.target.location[:] == pytest.approx(
        (target.matrix_world @ target.pose.bones["left_wrist"].head)[:], abs=1e-5
    )
    # along with the body, a little higher and further out, with a wave in it
    hips = each_frame(target, "pelvis", range(40, 70))
    bpy.ops.genmo.drop_take()
    raised = np.array(target.matrix_world.to_3x3() @ Vector((0.3, -0.3, 0.15)))
    for i, place in enumerate(hips):
        pin.target.location = place + raised + [0.0, 0.0, 0.05 * math.sin(i / 5)]
        pin.target.keyframe_insert("location", frame=40 + i)
    scene.frame_set(12)
    before = stage.scene_hash()
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    assert scene.frame_current == 12
    hand, held = each_frame(target, "left_wrist", range(40, 70)), []
    for frame in range(40, 70):
        scene.frame_set(frame)
        held.append(tuple(pin.target.matrix_world.translation))
    assert np.linalg.norm(hand - np.array(held), axis=1).max() < 0.002
    bpy.ops.genmo.drop_take()
    scene.frame_set(12)
    assert stage.scene_hash() == before


@pytest.mark.parametrize("part", ["left_hand", "right_foot", "head", "hips"])
@pytest.mark.parametrize("held", [True, False])
def test_a_part_is_turned_as_its_empty_where_that_is_wanted(stage, part, held):
    target = placed(stage, 24)
    target.scale = (0.8, 0.8, 0.8)
    scene = bpy.context.scene
    bpy.ops.genmo.generate(seed=3)
    bone = stage.module("addon.character").body_names()[stage.module("motion.holds").JOINT[part]]
    scene.frame_set(30)
    bpy.ops.genmo.pin_here(part=part, frames=12)
    (pin,) = target.genmo_direction.pins
    pin.hold_rotation = held
    bpy.context.view_layer.update()

    def away() -> float:
        """Degrees between the bone and the empty."""
        pose = target.matrix_world @ target.pose.bones[bone].matrix
        turns = [m.to_quaternion() for m in (pose, pin.target.matrix_world)]
        return math.degrees(turns[0].rotation_difference(turns[1]).angle)

    assert away() < 0.01  # as it is turned now
    places = each_frame(target, bone, range(30, 42))
    bpy.ops.genmo.drop_take()
    for i, place in enumerate(places):
        pin.target.location = place
        pin.target.keyframe_insert("location", frame=30 + i)
        if i in (0, 11):
            pin.target.rotation_euler.z += 0.4
            pin.target.keyframe_insert("rotation_euler", frame=30 + i)
    assert bpy.ops.genmo.generate(seed=3) == {"FINISHED"}
    found = []
    for frame in range(30, 42):
        scene.frame_set(frame)
        found.append(away())
    assert (max(found) < 0.6) == held
    off = np.linalg.norm(each_frame(target, bone, range(30, 42)) - places, axis=1)
    assert off.max() < 0.005  # of a foot that swings, between two of the model's frames
    for frame in (1, 60):
        scene.frame_set(frame)
        assert away() > 1.0


def test_waypoints_are_met_with_their_facing(stage):
    target = placed(stage)
    scene = bpy.context.scene
    scene.frame_set(76)
    scene.cursor.location = target.matrix_world @ Vector((0.8, -2.2, 0.0))
    assert bpy.ops.genmo.add_waypoint() == {"FINISHED"}
    (way,) = target.genmo_direction.waypoints
    way.use_facing = True
    way.target.rotation_euler.z += 0.6
    bpy.ops.genmo.generate(seed=2)
    scene.frame_set(76)
    there = target.matrix_world @ target.pose.bones["pelvis"].head
    assert (there - scene.cursor.location).to_2d().length < 0.04
    rest = target.data.bones["pelvis"].matrix_local.to_3x3()
    ahead = target.pose.bones["pelvis"].matrix.to_3x3() @ rest.inverted() @ Vector((0, -1, 0))
    looks = target.matrix_world.to_3x3() @ ahead
    wanted = way.target.matrix_world.to_3x3() @ Vector((0, -1, 0))
    assert math.degrees(looks.to_2d().angle(wanted.to_2d())) < 5.0
    scene.frame_set(1)
    assert (target.pose.bones["pelvis"].head.to_2d()).length < 0.01


def test_a_waypoint_is_passed_when_it_suits(stage):
    target = placed(stage)
    scene = bpy.context.scene
    scene.frame_set(10)
    scene.cursor.location = target.matrix_world @ Vector((0.2, -1.4, 0.0))
    bpy.ops.genmo.add_waypoint()
    (way,) = target.genmo_direction.waypoints
    way.between, way.last = True, 300
    place = Vector(scene.cursor.location)
    for last, words in ((300, None), (9, "waypoint 10 ends before it begins")):
        way.last = last
        said = notes_of(stage, target)
        if words:
            assert [words in note for note in said] == [True]
            with pytest.raises(RuntimeError, match=words):
                bpy.ops.genmo.generate(seed=2)
        else:
            assert said == [] and bpy.ops.genmo.generate(seed=2) == {"FINISHED"}
            told = re.search("passed when it suits: at frame ([0-9]+)", stage.session.message)
            assert 10 <= int(told[1]) <= FRAMES
            assert (Vector(each_frame(target, "pelvis", [int(told[1])])[0]) - place).to_2d().length < 0.04
            bpy.ops.genmo.drop_take()
    way.frame, way.last = 95, 300
    assert notes_of(stage, target) == [f"{way.target.name} is outside the range and will not be used."]


def test_travel_becomes_a_curve_and_the_curve_a_path(stage):
    target = placed(stage)
    bpy.ops.genmo.generate(seed=3)
    hips = each_frame(target, "pelvis", range(1, FRAMES + 1))
    assert bpy.ops.genmo.curve_from_path() == {"FINISHED"}
    road = target.genmo_direction.path
    line = points_of(road)
    assert np.abs(line[:, 2] - 3.0).max() < 1e-4
    away = np.linalg.norm(hips[:, None, :2] - line[:, :2], axis=-1).min(axis=1)
    assert away.max() < 0.08
    for point in road.data.splines[0].bezier_points[6:]:
        point.co += Vector((0.3, 0.2, 0.0))
    bpy.ops.genmo.drop_take()
    bpy.ops.genmo.generate(seed=3)
    again = each_frame(target, "pelvis", range(1, FRAMES + 1))
    assert np.linalg.norm(again[-1] - hips[-1]) > 0.25


def test_a_tube_a_closed_curve_and_a_scaled_character_are_read_alike(stage):
    target = placed(stage)
    road = s_curve(target)
    target.genmo_direction.path = road
    module = stage.module("addon.services.direction")
    clock = module.Clock(1, FRAMES, 30.0, 1)
    plain = module.read(bpy.context.scene, target, clock).path
    assert plain.places[0] == pytest.approx((0.0, 0.0), abs=1e-5)
    assert plain.places[-1] == pytest.approx((0.0, 3.6), abs=1e-4)
    objects, curves = len(bpy.data.objects), len(bpy.data.curves)
    road.data.bevel_depth = 0.05
    tube = module.read(bpy.context.scene, target, clock).path
    np.testing.assert_allclose(tube.places, plain.places, atol=1e-5)
    assert (len(bpy.data.objects), len(bpy.data.curves)) == (objects, curves)
    road.data.bevel_depth = 0.0
    target.matrix_world = target.matrix_world @ Matrix.Scale(2.0, 4)
    bpy.context.view_layer.update()
    half = module.read(bpy.context.scene, target, clock).path
    np.testing.assert_allclose(half.places, plain.places / 2, atol=1e-4)
    road.data.splines[0].use_cyclic_u = True
    closed = module.read(bpy.context.scene, target, clock).path
    np.testing.assert_allclose(closed.places[-1], closed.places[0], atol=1e-4)


@pytest.mark.parametrize("use_strips", [True, False])
def test_in_between_holds_pins_and_goes_through_waypoints(stage, use_strips):
    target = placed(stage)
    scene = bpy.context.scene
    keyed_twice(target, stage.module("addon.character").body_names(), 1, 61)
    scene.frame_set(20)
    bpy.ops.genmo.pin_here(part="right_hand", frames=16)
    pin = target.genmo_direction.pins[0]
    pin.target.location = target.matrix_world @ Vector((-0.3, -0.5, 1.2))
    scene.frame_set(45)
    scene.cursor.location = target.matrix_world @ Vector((0.15, -0.4, 0.0))
    bpy.ops.genmo.add_waypoint()
    bpy.context.view_layer.update()
    assert bpy.ops.genmo.in_between(seed=2, use_strips=use_strips) == {"FINISHED"}
    hand = each_frame(target, "right_wrist", range(20, 36))
    assert np.linalg.norm(hand - np.array(pin.target.location), axis=1).max() < 0.002
    hips = each_frame(target, "pelvis", [45])[0]
    assert np.linalg.norm(hips[:2] - np.array(scene.cursor.location)[:2]) < 0.04
    assert "Not followed" not in stage.session.message


def test_a_kept_walk_goes_on_along_a_path(stage):
    target = placed(stage)
    scene = bpy.context.scene
    bpy.ops.genmo.generate(seed=3)
    bpy.ops.genmo.keep_take()
    kept = each_frame(target, "pelvis", (85, FRAMES))
    scene.sequence_editor.strips[0].genmo.enabled = False
    stage.strips(("a person walks forward", FRAMES, FRAMES + 90))
    ahead = Vector(kept[1] - kept[0]).to_2d().normalized()
    aside = Vector((-ahead.y, ahead.x))
    data = bpy.data.curves.new("Road", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(3)
    for i, point in enumerate(spline.bezier_points):
        point.co = (*(Vector(kept[1]).to_2d() + 1.0 * i * ahead + 0.15 * i * i * aside), 3.0)
        point.handle_left_type = point.handle_right_type = "AUTO"
    target.genmo_direction.path = bpy.data.objects.new("Road", data)
    bpy.context.collection.objects.link(target.genmo_direction.path)
    bpy.context.view_layer.update()
    assert bpy.ops.genmo.generate(seed=4) == {"FINISHED"}
    line = points_of(target.genmo_direction.path)[:, :2]
    hips = each_frame(target, "pelvis", range(85, FRAMES + 91))
    off = np.linalg.norm(hips[6:, None, :2] - line, axis=-1).min(axis=1)
    assert off.max() < 0.06  # from the nearest vertex of the curve
    steps = np.linalg.norm(np.diff(hips, axis=0), axis=1)
    assert steps.max() < 0.08  # nowhere a jump
