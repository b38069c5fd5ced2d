"""A bone that was renamed: every button says so or works, nothing shows an error of Python, and nothing is lost."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import pytest

from tests.blender.acting import hero, key_pose, write

MISSING = r"Hero has lost bones that the motion needs \({}\)"
BONES = ("pelvis", "left_knee", "head", "left_index1")
OPERATORS = {
    "generate": {"seed": 1},
    "in_between": {"seed": 1},
    "again": {},
    "key_as_mine": {},
    "pin_here": {"part": "hips"},
    "add_waypoint": {},
    "curve_from_path": {},
    "detect_contacts": {},
    "lock_feet": {},
    "smooth": {},
    "mirror": {},
    "in_place": {},
    "restore_travel": {},
    "reduce_keys": {},
    "restore_dense_keys": {},
    "make_loop": {},
    "retime": {"length": 30},
    "contact_add": {},
    "contact_remove": {},
    "take_next": {},
    "stitch_takes": {},
}


def press(name: str, **options) -> str:
    """Press a button; what it refuses with, "" when it works or is greyed. Fails where an error of Python shows."""
    operator = getattr(bpy.ops.genmo, name)
    if not operator.poll():
        return ""
    try:
        operator(**options)
    except RuntimeError as error:
        assert "Traceback" not in str(error) and "Python" not in str(error), f"{name}: {error}"
        return str(error)
    return ""


@pytest.fixture
def moved(scripted):
    """A character with keys of its own, and a text strip over the scene's range."""
    target = hero(scripted)
    scripted.strips(("a person walks", 10, 51))
    for moment in (10, 30, 50):
        key_pose(target, moment)
    return target


@pytest.mark.parametrize("name", BONES)
@pytest.mark.parametrize("waits", [False, True])
def test_no_button_shows_an_error_of_python(scripted, moved, name, waits):
    if waits:
        for seed in (0, 1):
            scripted.module("addon.keying").store_recipe(write(scripted, moved, seed=seed), {"frames": [10, 50]})
    moved.data.bones[name].name = "Renamed"
    for operator, options in OPERATORS.items():
        said = press(operator, **options)
        if name != "left_index1" and operator in ("generate", "key_as_mine", "pin_here", "curve_from_path"):
            assert f"lost bones that the motion needs ({name})" in said, operator
    for way in ("STRIP", "LAYER", "INTO") if waits else ():
        press("keep_take", way=way)
        write(scripted, moved) if name == "left_index1" else None
    press("drop_take")


@pytest.mark.parametrize("part", ["hips", "head", "left_hand"])
def test_pinning_makes_nothing_where_bones_are_missing(scripted, moved, part):
    moved.data.bones["pelvis"].name = "Hips"
    objects = len(bpy.data.objects)
    with pytest.raises(RuntimeError, match=MISSING.format("pelvis")):
        bpy.ops.genmo.pin_here(part=part)
    assert len(bpy.data.objects) == objects and not len(moved.genmo_direction.pins)


class Layout:
    """Draws nothing, whatever it is asked for."""

    def __getattr__(self, _name: str):
        return lambda *_a, **_o: self

    def operator(self, *_a, **_o) -> SimpleNamespace:
        return SimpleNamespace()

    def panel(self, *_a, **_o) -> tuple[Layout, Layout]:
        return self, self


@pytest.mark.parametrize("name", BONES)
def test_panels_lane_and_overlays_are_drawn(scripted, moved, name):
    bpy.ops.genmo.pin_here(part="hips")
    write(scripted, moved)
    moved.data.bones[name].name = "Renamed"
    scene = bpy.context.scene
    context = SimpleNamespace(
        scene=scene,
        view_layer=bpy.context.view_layer,
        region=SimpleNamespace(width=2000),
        area=SimpleNamespace(type="VIEW_3D"),
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
        workspace=bpy.context.workspace,
        sequencer_scene=scene,
    )
    for panel in ("panels", "direction_panel", "clean_up_panel"):
        scripted.module(f"addon.{panel}")._draw(Layout(), context)
    scripted.module("addon.kept").count_asked()
    assert scripted.module("addon.lane.contents").read(scene, scene, moved, {}).strips
    gather = scripted.module("addon.overlays.gather")
    scene.genmo.overlays.ghosts = scene.genmo.overlays.path = scene.genmo.overlays.contacts = True
    shapes = gather.shapes_of(scene, moved)
    assert bool(shapes.lines) == (name == "left_index1")
