"""The animator's hand in a real window: poses keyed and filled between, a way to go, a hand held, feet cleaned.

Runs inside Blender (tools/window.py starts it, on a tall screen: every panel is open). Leaves pictures and
``results.json`` in the folder it is given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy
from mathutils import Euler, Vector

OUT = Path(sys.argv[sys.argv.index("--") + 1])
EXTENSION = "bl_ext.user_default.genmo_motion"
PATIENCE = 240.0
RESULTS: dict[str, object] = {}
PANELS = {
    "direction_panel": ("GENMO_PT_direction",),
    "clean_up_panel": ("GENMO_PT_clean_up_view3d", "GENMO_PT_clean_up_dopesheet"),
    "overlays.panel": ("GENMO_PT_overlays",),
}
POSES = {  # bones turned in the poses, by Euler angles in degrees
    1: {},
    13: {"left_shoulder": (0, 0, 70), "left_elbow": (0, 0, 40), "right_shoulder": (0, 0, 20)},
    31: {"left_shoulder": (0, -60, -30), "spine2": (0, 30, 0), "right_hip": (-25, 0, 0), "right_knee": (40, 0, 0)},
    49: {},
}


def module(name: str):
    """A module of the extension."""
    return sys.modules[f"{EXTENSION}.addon.{name}"]


def window() -> bpy.types.Window:
    """The one window."""
    return bpy.context.window_manager.windows[0]


def area(kind: str) -> bpy.types.Area:
    """The largest area of a kind."""
    return max((a for a in window().screen.areas if a.type == kind), key=lambda a: a.width * a.height)


def region(kind: str, name: str = "WINDOW") -> bpy.types.Region:
    """A region of that area."""
    return next(r for r in area(kind).regions if r.type == name)


def over(kind: str):
    """Operators act as if the mouse were over an editor."""
    return bpy.context.temp_override(window=window(), area=area(kind), region=region(kind))


def picture(name: str) -> Iterator[float]:
    """A picture of the whole screen, taken from outside."""
    for a in window().screen.areas:
        a.tag_redraw()
    yield 1.5
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)
    yield 0.1


def until(condition) -> Iterator[float]:
    """Wait for something that the timer brings."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE} s in vain; the panel says: {session().message}")
        yield 0.05


def session():
    """The extension's session."""
    return module("session").current()


def hero() -> bpy.types.Object:
    """The character."""
    return bpy.data.objects["Character"]


def curves() -> list[bpy.types.FCurve]:
    """What it plays."""
    action = hero().animation_data.action
    return list(module("compat").find_channelbag(action, hero().animation_data.action_slot).fcurves)


def own_keys() -> list[tuple]:
    """All that is keyed and not generated."""
    return [
        (c.data_path, c.array_index, *k.co, *k.handle_left, *k.handle_right, k.interpolation, k.type)
        for c in sorted(curves(), key=lambda c: (c.data_path, c.array_index))
        for k in c.keyframe_points
        if k.type != "GENERATED"
    ]


def noted(name: str, value: object) -> None:
    """Keep a fact for the test to look at."""
    RESULTS[name] = value


def opened() -> None:
    """The sub-panels are closed at first: register them anew without that."""
    for name, classes in PANELS.items():
        for found in classes:
            cls = getattr(module(name), found)
            bpy.utils.unregister_class(cls)
            cls.bl_options = set()
            bpy.utils.register_class(cls)


def prepare() -> Iterator[float]:
    """The Animation workspace with the GENMO tab open and a character that looks to the right of the view."""
    os.environ.pop("GENMO_ENGINE_PYTHON", None)
    bpy.context.preferences.addons[EXTENSION].preferences.engine_command = ""  # the built-in model answers
    opened()
    window().workspace = bpy.data.workspaces["Animation"]
    yield 1.0
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    view = area("VIEW_3D")
    view.spaces[0].show_region_ui = True
    view.spaces[0].shading.type = "SOLID"
    yield 1.0
    region("VIEW_3D", "UI").active_panel_category = "GENMO"
    looked(2.6, (0.0, 0.0, 0.85), (1.4, 0.0, 0.5))
    bpy.ops.genmo.add_character(name="Character")
    bpy.context.scene.genmo.play = False
    bpy.context.scene.frame_end = 97
    yield 0.5


def alone(kind: str) -> Iterator[float]:
    """One editor over the whole window, so that all of its sidebar is seen."""
    with over(kind):
        bpy.ops.screen.screen_full_area()
    yield 1.0


def together() -> Iterator[float]:
    """All editors again."""
    with over("VIEW_3D"):
        bpy.ops.screen.back_to_previous()
    yield 1.0


def looked(distance: float, at: tuple[float, float, float], turn: tuple[float, float, float]) -> None:
    """The view from somewhere."""
    view = area("VIEW_3D").spaces[0].region_3d
    view.view_distance, view.view_location, view.view_rotation = distance, at, Euler(turn).to_quaternion()


def posed() -> None:
    """Whole poses keyed by hand, as blocking."""
    names = module("character").body_names()
    for frame, turned in POSES.items():
        for name in names:
            bone = hero().pose.bones[name]
            angles = [a * 0.017453 for a in turned.get(name, (0, 0, 0))]
            bone.rotation_quaternion = Euler(angles).to_quaternion()
            bone.keyframe_insert("rotation_quaternion", frame=frame)
        hero().pose.bones[names[0]].keyframe_insert("location", frame=frame)


def between() -> Iterator[float]:
    """In-between Selected Keys on keys that are selected in the Dope Sheet."""
    posed()
    with over("VIEW_3D"):
        bpy.ops.object.mode_set(mode="POSE")
        bpy.ops.pose.select_all(action="SELECT")
    yield 0.5
    with over("DOPESHEET_EDITOR"):
        bpy.ops.action.view_all()
        bpy.ops.action.select_all(action="SELECT")
    before = own_keys()
    bpy.context.scene.frame_set(20)
    yield from picture("20-blocking")
    with over("VIEW_3D"):
        noted("in-between", list(bpy.ops.genmo.in_between("INVOKE_DEFAULT", seed=3)))
    yield from until(lambda: not session().working)
    noted("between says", session().message)
    noted("own keys stay", own_keys() == before and len(before) > 300)
    noted("keys between", sum(k.type == "GENERATED" for c in curves() for k in c.keyframe_points))
    yield from picture("21-between")
    yield from alone("VIEW_3D")
    yield from picture("21-panels")
    yield from together()
    with over("VIEW_3D"):
        bpy.context.scene.genmo.keep_as = "INTO"
        bpy.ops.genmo.keep_take()
    noted("kept", [session().message, own_keys() == before])
    hero().animation_data_clear()
    with over("VIEW_3D"):
        bpy.ops.pose.transforms_clear()
        bpy.ops.object.mode_set(mode="OBJECT")
    yield 0.5


def road() -> bpy.types.Object:
    """A bend that begins where the character stands."""
    data = bpy.data.curves.new("Road", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(2)
    for point, place in zip(spline.bezier_points, ((0, 0, 0), (0.35, -1.4, 0), (1.3, -2.4, 0)), strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "AUTO"
    made = bpy.data.objects.new("Road", data)
    bpy.context.scene.collection.objects.link(made)
    return made


def picked(target: bpy.types.Object) -> None:
    """One object selected and active."""
    for other in bpy.context.view_layer.objects:
        other.select_set(other == target)
    bpy.context.view_layer.objects.active = target


def directed() -> Iterator[float]:
    """A path, a waypoint and a pin."""
    scene = bpy.context.scene
    looked(4.6, (0.9, -1.1, 0.6), (1.1, 0.0, 0.75))
    with over("VIEW_3D"):
        bpy.ops.genmo.add_text_strip(text="a person walks forward", start=1, end=97)
        scene.genmo.character = hero()
        picked(road())
        noted("path", list(bpy.ops.genmo.path_from_curve()))
        picked(hero())
        scene.frame_set(97)
        scene.cursor.location = (1.3, -2.4, 0.0)
        bpy.ops.genmo.add_waypoint()
        scene.frame_set(40)
    yield from picture("22-directed")
    with over("VIEW_3D"):
        bpy.ops.genmo.generate("INVOKE_DEFAULT", seed=5)
    yield from until(lambda: not session().working)
    scene.frame_set(40)
    with over("VIEW_3D"):
        bpy.ops.genmo.pin_here(part="left_hand", frames=30)
    pin = hero().genmo_direction.pins[0]
    pin.target.location += Vector((0.25, -0.35, 0.35))
    yield from alone("VIEW_3D")
    yield from picture("23-pinned")
    yield from together()
    before = hero().animation_data.action.name
    with over("VIEW_3D"):
        bpy.ops.genmo.drop_take()
        bpy.ops.genmo.generate("INVOKE_DEFAULT", seed=5)
    yield from until(lambda: not session().working)
    scene.frame_set(55)
    hand = hero().matrix_world @ hero().pose.bones["left_wrist"].head
    noted("hand from its pin", (hand - pin.target.location).length)
    noted("another take", before != hero().animation_data.action.name)
    yield from picture("24-held")


def cleaned() -> Iterator[float]:
    """Clean-up of the kept take; its panel in the Dope Sheet too."""
    with over("VIEW_3D"):
        bpy.context.scene.genmo.keep_as = "NEW"
        bpy.ops.genmo.keep_take()
        bpy.ops.genmo.detect_contacts()
        bpy.ops.genmo.lock_feet()
    noted("feet", session().message)
    area("DOPESHEET_EDITOR").spaces[0].show_region_ui = True
    yield 1.0
    region("DOPESHEET_EDITOR", "UI").active_panel_category = "GENMO"
    yield from picture("25-clean-up")
    yield from alone("VIEW_3D")
    yield from picture("26-panels")
    noted("failed", sorted(module("guard").failed()))


def story() -> Iterator[float]:
    """The whole story."""
    yield from prepare()
    yield from between()
    yield from directed()
    yield from cleaned()


def finish(error: str) -> None:
    """Leave the results and end Blender."""
    RESULTS["error"] = error
    (OUT / "results.json").write_text(json.dumps(RESULTS, indent=1), encoding="utf-8")
    bpy.ops.wm.quit_blender()


STORY = story()


def step() -> float | None:
    """One step of the story; the timer comes again when its pause is over."""
    try:
        return next(STORY)
    except StopIteration:
        finish("")
    except Exception:
        subprocess.run(["import", "-window", "root", str(OUT / "error.png")], check=False)
        finish(traceback.format_exc())
    return None


bpy.app.timers.register(step, first_interval=2.0)
