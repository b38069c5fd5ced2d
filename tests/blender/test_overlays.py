"""What is drawn for a character in space: which figures, paths and dots, where, and when they are made anew."""

from __future__ import annotations

import logging

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix


@pytest.fixture
def posed(stage):
    """A character that is turned, moved and twice as large, with poses of its own at frames 1, 11 and 31."""
    target = stage.character()
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 40
    target.matrix_world = Matrix.LocRotScale((3.0, 2.0, 1.0), Euler((0.0, 0.0, 1.0)), (2.0, 2.0, 2.0))
    pelvis = target.pose.bones["pelvis"]
    for frame, x in ((1, 0.0), (11, 0.5), (31, 2.0)):
        pelvis.location = (x, 0.0, 0.3 * x)
        pelvis.rotation_quaternion = Euler((0.1 * x, 0.5 * x, 0.0)).to_quaternion()
        target.pose.bones["left_elbow"].rotation_quaternion = Euler((0.0, 0.0, 0.4 * x)).to_quaternion()
        pelvis.keyframe_insert("location", frame=frame)
        pelvis.keyframe_insert("rotation_quaternion", frame=frame)
        target.pose.bones["left_elbow"].keyframe_insert("rotation_quaternion", frame=frame)
    bpy.context.view_layer.update()
    return target


def only(scene, *names):
    for name in ("ghosts", "path", "contacts"):
        setattr(scene.genmo.overlays, name, name in names)


def test_a_ghost_stands_where_the_bones_stand_at_its_frame(stage, posed):
    scene = bpy.context.scene
    only(scene, "ghosts")
    made = stage.module("addon.overlays.gather").shapes_of(scene, posed)
    names = stage.module("addon.character").body_names()
    assert [label.text for label in made.labels] == ["1", "11", "31"] and not made.dots
    ends = made.lines[0].points.reshape(3, 22, 2, 3)
    for row, frame in enumerate((1, 11, 31)):
        scene.frame_set(frame)
        children = [posed.pose.bones[name] for name in names[1:]]
        heads = [posed.matrix_world @ bone.head for bone in children]
        tops = [posed.matrix_world @ posed.pose.bones[names[bone_parent(bone, names)]].head for bone in children]
        np.testing.assert_allclose(ends[row, :-1, 1], heads, atol=2e-5)
        np.testing.assert_allclose(ends[row, :-1, 0], tops, atol=2e-5)
        crown = ends[row, -1, 1] - ends[row, -1, 0]
        head = posed.pose.bones["head"]
        turned = (posed.matrix_world @ head.matrix @ head.bone.matrix_local.inverted()).to_quaternion()
        np.testing.assert_allclose(crown, 2.0 * 0.17 * np.array(turned.to_matrix())[:, 2], atol=2e-5)


def bone_parent(bone, names):
    """The nearest parent among the 22."""
    while (bone := bone.parent).name not in names:
        pass
    return names.index(bone.name)


def test_the_path_lies_on_the_floor_under_the_hips_with_a_dot_each_frame(stage, posed):
    scene = bpy.context.scene
    only(scene, "path")
    made = stage.module("addon.overlays.gather").shapes_of(scene, posed)
    assert len(made.dots[0].points) == 40 and [label.text for label in made.labels] == ["1", "11", "31"]
    for frame in (1, 17, 31, 40):
        scene.frame_set(frame)
        hips = posed.matrix_world @ posed.pose.bones["pelvis"].head
        np.testing.assert_allclose(made.dots[0].points[frame - 1], (*hips[:2], 1.0 + 2 * 0.004), atol=2e-4)
    ticks = made.lines[0].points.reshape(-1, 2, 3)[39:42]
    along = np.gradient(made.dots[0].points.astype(float), axis=0)[[0, 10, 30]]
    assert np.abs(np.einsum("ka,ka->k", ticks[:, 1] - ticks[:, 0], along)).max() < 1e-4
    np.testing.assert_allclose(np.linalg.norm(ticks[:, 1] - ticks[:, 0], axis=1), 0.56, atol=1e-5)


def test_generated_keys_and_keys_outside_the_range_have_no_ghost(stage, posed):
    scene, gather = bpy.context.scene, stage.module("addon.overlays.gather")
    only(scene, "ghosts")
    scene.use_preview_range = True
    scene.frame_preview_end, scene.frame_preview_start = 31, 5
    for curve in (
        stage.module("addon.reading")
        .curves_of(posed.animation_data.action, posed.animation_data.action_slot.identifier)
        .values()
    ):
        curve.keyframe_points[1].type = "GENERATED"
    assert [label.text for label in gather.shapes_of(scene, posed).labels] == ["31"]


def test_a_key_of_a_muted_curve_has_no_ghost_since_it_moves_nothing(stage, posed):
    scene, gather = bpy.context.scene, stage.module("addon.overlays.gather")
    only(scene, "ghosts")
    head = posed.pose.bones["head"]
    head.keyframe_insert("rotation_quaternion", frame=20)
    assert [label.text for label in gather.shapes_of(scene, posed).labels] == ["1", "11", "20", "31"]
    data = posed.animation_data
    for (path, _), curve in stage.module("addon.reading").curves_of(data.action, data.action_slot.identifier).items():
        curve.mute = "head" in path
    assert [label.text for label in gather.shapes_of(scene, posed).labels] == ["1", "11", "31"]


def test_a_take_has_a_path_and_no_ghost(stage):
    target = stage.shot()
    bpy.ops.genmo.generate(seed=3)
    made = stage.module("addon.overlays.gather").shapes_of(bpy.context.scene, target)
    assert not made.labels and len(made.lines) == 1 and len(made.dots[0].points) == 121


def test_more_keys_than_can_be_seen_are_thinned_evenly(stage):
    gather = stage.module("addon.overlays.gather")
    kept = gather.thinned(np.arange(1.0, 500.0))
    assert len(kept) == gather.MOST_GHOSTS and (kept[0], kept[-1]) == (1.0, 499.0)
    assert np.ptp(np.diff(kept)) <= 1.0


def test_contacts_stand_under_their_foot_and_are_bright_in_their_frames(stage, posed, monkeypatch):
    scene, gather = bpy.context.scene, stage.module("addon.overlays.gather")
    only(scene, "contacts")
    monkeypatch.setattr(gather, "contacts_of", lambda action: ((0, 1, 11), (3, 20, 30), (4, 1, 3), (1, 90, 95)))
    dots = gather.shapes_of(scene, posed).discs[0]
    assert len(dots.points) == 3  # the last lies outside the range
    rims = dots.triangles()[:, :, 1].astype(float) - dots.points[:, None]
    np.testing.assert_allclose(np.linalg.norm(rims, axis=-1), 2 * 0.06, atol=1e-5)
    assert np.abs(rims[..., 2]).max() < 1e-5  # they lie on the floor
    assert dots.bright(11).tolist() == [True, False, False] and dots.bright(12).tolist() == [False] * 3
    scene.frame_set(6)
    rest = posed.data.bones["left_ankle"].head_local.z
    ankle = posed.matrix_world @ posed.pose.bones["left_ankle"].head
    np.testing.assert_allclose(dots.points[0], (*ankle[:2], ankle.z - 2 * (rest - 0.008)), atol=2e-3)
    scene.frame_set(2)
    wrist = posed.matrix_world @ posed.pose.bones["left_wrist"].head
    np.testing.assert_allclose(dots.points[2], wrist, atol=1e-4)
    shapes = stage.module("addon.overlays.shapes")
    assert [tuple(c) for c in dots.colours] == [tuple(np.float32(x)) for x in (shapes.LEFT, shapes.RIGHT, shapes.LEFT)]


def test_shapes_are_made_anew_only_when_something_changed(stage, posed):
    scene, cache = bpy.context.scene, stage.module("addon.overlays.cache")
    first = cache.refresh(scene, posed)
    scene.frame_set(20)
    bpy.context.view_layer.update()
    assert cache.refresh(scene, posed) is first
    posed.pose.bones["pelvis"].keyframe_insert("location", frame=20)
    posed.animation_data.action.update_tag()
    bpy.context.view_layer.update()
    second = cache.refresh(scene, posed)
    assert second is not first and [x.text for x in second.shapes.labels] == ["1", "11", "20", "31"]
    scene.frame_end = 15
    assert [x.text for x in cache.refresh(scene, posed).shapes.labels] == ["1", "11"]
    posed.location.x += 1.0
    bpy.context.view_layer.update()
    moved = cache.refresh(scene, posed).shapes.lines[0].points - second.shapes.lines[0].points[: 2 * 22 * 2]
    np.testing.assert_allclose(moved, np.tile([1.0, 0.0, 0.0], (len(moved), 1)), atol=1e-5)


def test_a_drawing_that_finds_something_old_asks_but_not_for_a_ride_while_the_scene_plays(stage, posed, monkeypatch):
    scene, cache = bpy.context.scene, stage.module("addon.overlays.cache")
    asked = []
    monkeypatch.setattr(cache, "ask", lambda: asked.append(1))
    assert cache.look(scene, posed) is None and len(asked) == 1
    entry = cache.refresh(scene, posed)
    assert cache.look(scene, posed) is entry and len(asked) == 1
    posed.location.x += 1.0
    bpy.context.view_layer.update()
    monkeypatch.setattr(cache, "_playing", lambda: True)
    assert cache.look(scene, posed) is entry and len(asked) == 1
    scene.genmo.overlays.path = False
    assert cache.look(scene, posed) is entry and len(asked) == 2
    scene.genmo.overlays.path = True
    monkeypatch.setattr(cache, "_playing", lambda: False)
    assert cache.look(scene, posed) is entry and len(asked) == 3


def test_a_character_without_animation_or_without_our_bones_shows_nothing(stage, posed):
    scene, gather = bpy.context.scene, stage.module("addon.overlays.gather")
    empty = stage.module("addon.overlays.shapes").Shapes()
    assert gather.shapes_of(scene, stage.character("Still")) == empty
    bpy.context.view_layer.objects.active = posed
    bpy.ops.object.mode_set(mode="EDIT")
    posed.data.edit_bones.remove(posed.data.edit_bones["left_wrist"])
    bpy.ops.object.mode_set(mode="OBJECT")
    assert gather.shapes_of(scene, posed) == empty


def test_a_standing_character_has_a_path_without_arrow_and_without_nan(stage, posed):
    scene = bpy.context.scene
    only(scene, "path")
    for curve in (
        stage.module("addon.reading")
        .curves_of(posed.animation_data.action, posed.animation_data.action_slot.identifier)
        .values()
    ):
        for key in curve.keyframe_points:
            key.co.y = key.handle_left.y = key.handle_right.y = 0.5
    made = stage.module("addon.overlays.gather").shapes_of(scene, posed)
    assert np.isfinite(made.lines[0].points).all()
    assert len(made.lines[0].points) == 2 * (39 + 3)


def test_what_fails_to_draw_is_told_once_and_rests_until_a_switch_is_used(stage, caplog):
    guard, calls = stage.module("addon.guard"), []

    def broken():
        calls.append(1)
        raise ValueError("no")

    draw = guard.safely("a thing", broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            draw()
    assert len(calls) == 1 and len(caplog.records) == 1 and guard.failed() == {"a thing"}
    bpy.context.scene.genmo.overlays.path = False
    draw()
    assert len(calls) == 2
    guard.forgive()


def test_path_waypoints_and_pins_are_drawn_where_they_are(stage):
    target = stage.character()
    target.location = (2.0, 0.0, 1.0)
    scene = bpy.context.scene
    settings = target.genmo_direction
    curve = bpy.data.curves.new("Road", "CURVE")
    curve.dimensions = "3D"
    spline = curve.splines.new("POLY")
    spline.points.add(2)
    for point, co in zip(spline.points, ((2, 0, 4), (2, -1, 4), (3, -3, 4)), strict=True):
        point.co = (*co, 1.0)
    road, stone, cup = bpy.data.objects.new("Road", curve), *(bpy.data.objects.new(n, None) for n in ("Stone", "Cup"))
    for one in (road, stone, cup):
        scene.collection.objects.link(one)
    stone.location, cup.location = (3.0, -3.0, 7.0), (2.5, -1.0, 2.2)
    settings.path = road
    way, pin = settings.waypoints.add(), settings.pins.add()
    way.target, way.frame, way.radius, way.use_facing = stone, 40, 0.5, True
    pin.target, pin.part, pin.first, pin.last = cup, "right_hand", 10, 30
    bpy.context.view_layer.update()
    gather = stage.module("addon.overlays.gather")
    shapes = gather.shapes_of(scene, target)
    assert {label.text for label in shapes.labels} == {"40", "right hand 10–30"}
    path, ring, star = (lines.points for lines in shapes.lines)
    assert np.abs(path[:, 2] - 1.0).max() < 0.01  # on the character's floor, however high the curve is
    np.testing.assert_allclose(path[0, :2], (2.0, 0.0), atol=1e-5)
    rim = np.linalg.norm(ring[:64, :2] - (3.0, -3.0), axis=1)
    np.testing.assert_allclose(rim, 0.5, atol=1e-5)
    np.testing.assert_allclose(star.reshape(-1, 2, 3).mean(axis=1), np.tile((2.5, -1.0, 2.2), (3, 1)), atol=1e-5)
    before = gather.key_of(scene, target, {})
    cup.location.x += 1.0
    bpy.context.view_layer.update()
    assert gather.key_of(scene, target, {}) != before
    scene.collection.objects.unlink(cup)
    assert {label.text for label in gather.shapes_of(scene, target).labels} == {"40"}
    scene.genmo.overlays.direction = False
    assert not gather.shapes_of(scene, target).lines
