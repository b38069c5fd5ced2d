"""Path, waypoints and pins that cannot be followed: said by the panel and refused before anything runs."""

from __future__ import annotations

import re
from types import SimpleNamespace

import bpy
import pytest
from mathutils import Vector

from tests.blender.directing import gone, keyed_twice, notes_of, placed, s_curve


def test_two_pins_on_one_hand_are_said_in_the_panel_as_when_they_are_refused(stage):
    target = placed(stage)
    objects, scene = stage.module("addon.services.direction_objects"), bpy.context.scene
    objects.pin_here(scene, target, "left_hand", 10, 40)
    objects.pin_here(scene, target, "left_hand", 39, 60)
    objects.pin_here(scene, target, "right_hand", 10, 40)
    (note,) = notes_of(stage, target)
    assert "Two pins hold the left hand at frame 39." in note
    with pytest.raises(RuntimeError, match=re.escape(note)):
        bpy.ops.genmo.generate(seed=1)
    target.genmo_direction.pins[1].first = 40
    assert notes_of(stage, target) == []
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}


@pytest.mark.parametrize("free", [False, True])
def test_a_waypoint_too_far_from_where_the_character_stands_is_said_in_the_panel_too(stage, free):
    target = placed(stage)
    target.scale = (0.5, 0.5, 0.5)
    target.pose.bones["pelvis"].keyframe_insert("location", frame=1)  # its own keys say where it stands
    bpy.context.view_layer.update()
    ahead = stage.module("addon.services.direction_objects").add_waypoint
    way = ahead(bpy.context.scene, target, target.matrix_world @ Vector((0, -27, 0)), 40)
    way.between, way.last = free, 91
    bpy.context.view_layer.update()
    words = "is 27.0 m from where the character stands and asks for " + ("9 m/s" if free else "21 m/s")
    (note,) = notes_of(stage, target)
    assert words in note and note.startswith(way.target.name)
    with pytest.raises(RuntimeError, match="at frames 40–91 are 27.0 m" if free else "at frame 40 are 27.0 m"):
        bpy.ops.genmo.generate(seed=1)
    way.target.location = target.matrix_world @ Vector((0, -3, 0))
    bpy.context.view_layer.update()
    assert notes_of(stage, target) == []


def test_what_cannot_be_followed_is_said_before_it_runs(stage):
    target = placed(stage)
    objects = stage.module("addon.services.direction_objects")
    scene = bpy.context.scene
    objects.add_waypoint(scene, target, target.location, 1)
    way = objects.add_waypoint(scene, target, target.matrix_world @ Vector((0, -9, 0)), 31)
    bpy.context.view_layer.update()
    assert any("9.0 m" in n and "9 m/s" in n for n in notes_of(stage, target))
    before = stage.scene_hash()
    words = "at frame 1 to the waypoint at frame 31 are 9.0 m, which asks for 9 m/s: nobody is that fast"
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.genmo.generate(seed=1)
    assert stage.scene_hash() == before
    way.frame = 300
    assert notes_of(stage, target) == [f"{way.target.name} is outside the range and will not be used."]
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}
    bpy.ops.genmo.drop_take()
    way.frame = 60
    bpy.data.objects.remove(way.target)
    with pytest.raises(RuntimeError, match="object of a waypoint is not in this scene"):
        bpy.ops.genmo.generate(seed=1)
    assert bpy.ops.genmo.direction_remove(kind="waypoints", index=1) == {"FINISHED"}
    assert bpy.ops.genmo.generate(seed=1) == {"FINISHED"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, road: setattr(d, "timing", "OFFSET"), "Evaluation Time of Road does not move"),
        (lambda d, road: setattr(d, "facing", "TOWARD"), "no object to look toward"),
        (lambda d, road: road.data.splines.clear(), "The curve Road has no length"),
        (lambda d, road: setattr(road, "scale", (20, 20, 20)), "nobody is that fast"),
        (
            lambda d, road: bpy.context.collection.objects.unlink(road),
            "Road, the object of a path, is not in this scene",
        ),
    ],
)
def test_a_path_that_is_none_gets_a_sentence(stage, change, words):
    target = placed(stage)
    road = s_curve(target)
    target.genmo_direction.path = road
    change(target.genmo_direction, road)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.genmo.generate(seed=1)
    assert not target.animation_data or target.animation_data.action is None


@pytest.mark.parametrize("how", [gone, lambda _, found: bpy.data.objects.remove(found)])
def test_an_object_that_is_gone_is_said_by_the_panel_before_generate_refuses(stage, how):
    target = placed(stage)
    scene = bpy.context.scene
    bpy.ops.genmo.pin_here(part="head")
    bpy.ops.genmo.add_waypoint()
    settings = target.genmo_direction
    bpy.context.view_layer.update()
    before = notes_of(stage, target)
    assert not any("not in this scene" in note for note in before)
    for kind, entry in (("pin", settings.pins[0]), ("waypoint", settings.waypoints[0])):
        how(scene, entry.target)
        (said,) = [note for note in notes_of(stage, target) if "not in this scene" in note]
        assert f"object of a {kind}" in said and "Choose another in Direction, or remove the entry." in said
        with pytest.raises(RuntimeError) as refusal:
            bpy.ops.genmo.generate(seed=1)
        assert said in str(refusal.value)
        entry.enabled = False
        assert not any("not in this scene" in note for note in notes_of(stage, target))


def test_a_path_that_is_gone_or_looks_at_nothing_and_a_pin_turned_round_are_said_by_the_panel(stage):
    target = placed(stage)
    road = s_curve(target)
    target.genmo_direction.path = road
    target.genmo_direction.facing = "TOWARD"
    bpy.ops.genmo.pin_here(part="head")
    pin = target.genmo_direction.pins[0]
    pin.first, pin.last = 20, 10
    said = notes_of(stage, target)
    assert any("no object to look toward" in note for note in said)
    assert any("ends before it begins" in note for note in said) == (pin.last < pin.first)
    gone(bpy.context.scene, road)
    assert any(note.startswith("Road, the object of a path, is not in this scene.") for note in notes_of(stage, target))


class Layout:
    """A layout that draws nothing, and fails for properties and operators that are not there."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def row(self, align: bool = False) -> Layout:
        return self

    column = box = row

    def prop(self, data, name: str, **_options) -> None:
        assert name in data.bl_rna.properties, name

    def label(self, text: str = "", **_options) -> None:
        self.said.append(text)

    def operator(self, name: str, **_options) -> SimpleNamespace:
        room, _, operator = name.partition(".")
        assert hasattr(getattr(bpy.ops, room), operator) and getattr(getattr(bpy.ops, room), operator).get_rna_type()
        return SimpleNamespace()

    def operator_menu_enum(self, name: str, prop: str, **options) -> None:
        self.operator(name, **options)
        assert prop in getattr(bpy.ops.genmo, name.partition(".")[2]).get_rna_type().properties


def test_the_panel_shows_all_entries_and_what_is_wrong(stage):
    target = placed(stage)
    scene = bpy.context.scene
    target.genmo_direction.path = s_curve(target)
    target.genmo_direction.path.scale = (20, 20, 20)
    target.genmo_direction.facing = "TOWARD"
    bpy.ops.genmo.pin_here(part="head")
    bpy.ops.genmo.add_waypoint()
    bpy.context.view_layer.update()
    context = SimpleNamespace(
        scene=scene,
        view_layer=bpy.context.view_layer,
        region=SimpleNamespace(width=2000),
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
        workspace=bpy.context.workspace,
        sequencer_scene=scene,
    )
    layout = Layout()
    stage.module("addon.direction_panel")._draw(layout, context)
    assert any("Road is" in line and "m/s" in line for line in layout.said)
    target.genmo_direction.path.scale = (1, 1, 1)
    bpy.context.view_layer.update()
    layout = Layout()
    stage.module("addon.direction_panel")._draw(layout, context)
    assert [line for line in layout.said if "no object to look toward" in line] == layout.said != []
    target.genmo_direction.toward = target.genmo_direction.pins[0].target
    layout = Layout()
    stage.module("addon.direction_panel")._draw(layout, context)
    assert layout.said == []


def test_what_was_ignored_is_said_when_takes_arrive(stage):
    target = placed(stage)
    bpy.ops.genmo.pin_here(part="right_hand", frames=30)
    target.genmo_direction.pins[0].target.location.z += 3.0
    bpy.ops.genmo.generate(seed=3)
    assert "The right hand misses its pin" in stage.session.message
    report = stage.module("addon.keying").recipe_of(target.animation_data.action)["report"]
    assert report["direction"]["pins_off_mm"] > 100 and report["ignored"]


def test_in_between_says_what_of_the_direction_is_not_for_its_bones(scripted):
    target = placed(scripted)
    arm = ("left_shoulder", "left_elbow", "left_wrist")
    keyed_twice(target, arm, 1, 61)
    for curve in target.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.select_control_point = "pelvis" not in curve.data_path
    target.genmo_direction.path = s_curve(target)
    bpy.context.view_layer.update()
    for part in ("left_hand", "right_hand"):
        bpy.ops.genmo.pin_here(part=part, frames=10)
    generate, scene = scripted.module("addon.services.generate"), bpy.context.scene
    order = generate.between_selected_keys(scene, scene, target, 1, 5)
    assert [pin.part for pin in order.request.direction.pins] == ["left_hand"] and not order.request.direction.leads
    bpy.ops.genmo.in_between(seed=2)
    assert (
        "Not followed, because no keys of these bones of Hero are selected: the path (pelvis), "
        "the pin of the right hand (right_shoulder, right_elbow, right_wrist)." in scripted.session.message
    )
