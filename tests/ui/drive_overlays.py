"""The overlays of the 3D View and the lane of the Dope Sheet in a real window: what they show, and what clicks do.

Runs inside Blender (tools/window.py starts it). Leaves pictures, ``results.json`` and ``measured.jsonl`` (how long each
draw took) in the folder it is given.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler

OUT = Path(sys.argv[sys.argv.index("--") + 1])
EXTENSION = "bl_ext.user_default.genmo_motion"
PATIENCE = 240.0
RESULTS: dict[str, object] = {}
POSES = (1, 24, 48, 72, 97)


def module(name: str):
    """A module of the extension."""
    return sys.modules[f"{EXTENSION}.addon.{name}"]


def window() -> bpy.types.Window:
    """The one window."""
    return bpy.context.window_manager.windows[0]


def area(kind: str) -> bpy.types.Area:
    """The largest area of a kind."""
    return max((a for a in window().screen.areas if a.type == kind), key=lambda a: a.width * a.height)


def region(kind: str) -> bpy.types.Region:
    """Its main region."""
    return next(r for r in area(kind).regions if r.type == "WINDOW")


def picture(name: str) -> Iterator[float]:
    """A picture of the whole screen, taken from outside."""
    for a in window().screen.areas:
        a.tag_redraw()
    yield 1.5  # software draws slowly, and what is gathered anew is drawn at the second time
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)
    yield 0.1


def pixels(name: str, kind: str) -> np.ndarray:
    """(height, width, 3) of a region in a picture, from its bottom row up."""
    image = bpy.data.images.load(str(OUT / f"{name}.png"))
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    r = region(kind)
    return values.reshape(height, width, 4)[r.y : r.y + r.height, r.x : r.x + r.width, :3]


def changed(one: str, two: str, kind: str) -> int:
    """How many pixels of a region differ between two pictures."""
    return int((np.abs(pixels(one, kind) - pixels(two, kind)).max(axis=-1) > 0.08).sum())


def until(condition) -> Iterator[float]:
    """Wait for something that the timer brings."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE} s in vain; the panel says: {module('session').current().message}")
        yield 0.05


def clicked(x: float, y: float) -> Iterator[float]:
    """The left button at a pixel of the Dope Sheet."""
    r = region("DOPESHEET_EDITOR")
    where = {"x": r.x + round(x), "y": r.y + round(y)}
    window().event_simulate(type="MOUSEMOVE", value="NOTHING", **where)
    yield 0.3
    window().event_simulate(type="LEFTMOUSE", value="PRESS", **where)
    window().event_simulate(type="LEFTMOUSE", value="RELEASE", **where)
    yield 0.5


def lane():
    """The lane as it is drawn now."""
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR"), region=region("DOPESHEET_EDITOR")):
        return module("lane.draw").shown(bpy.context)


def middle_of(index: int) -> tuple[float, float]:
    """A pixel in the middle of a strip in the lane."""
    _, box = lane().strips[index]
    return (box.left + box.right) / 2, (box.bottom + box.top) / 2


def switch(**switches: object) -> None:
    """Set switches of the overlays."""
    for name, value in switches.items():
        setattr(bpy.context.scene.genmo.overlays, name, value)


def action() -> bpy.types.Action:
    """What the character plays."""
    return bpy.data.objects["Character"].animation_data.action


def curves() -> list[bpy.types.FCurve]:
    """Its curves."""
    return list(module("compat").find_channelbag(action(), action().slots[0]).fcurves)


def selected_keys() -> int:
    """How many keys are selected."""
    return sum(key.select_control_point for curve in curves() for key in curve.keyframe_points)


def prepare() -> Iterator[float]:
    """The Animation workspace with a character in view."""
    os.environ.pop("GENMO_ENGINE_PYTHON", None)
    bpy.context.preferences.addons[EXTENSION].preferences.engine_command = ""  # the built-in model answers
    window().workspace = bpy.data.workspaces["Animation"]
    yield 1.0
    for thing in list(bpy.data.objects):
        if thing.type == "MESH":
            bpy.data.objects.remove(thing)
    view = area("VIEW_3D").spaces[0]
    view.show_region_ui = False
    view.shading.type = "SOLID"
    view.region_3d.view_distance, view.region_3d.view_location = 6.0, (0.3, -1.6, 0.75)
    view.region_3d.view_rotation = Euler((1.2, 0.0, 0.9)).to_quaternion()
    yield 0.5
    bpy.ops.genmo.add_character(name="Character")
    for bone in bpy.data.objects["Character"].pose.bones:  # the Dope Sheet shows the selected bones' keys
        bone.select = bone.name in ("pelvis", "left_knee", "right_knee")
    scene = bpy.context.scene
    scene.frame_end = 150
    bpy.ops.genmo.add_text_strip(text="a person walks forward", start=1, end=97)
    bpy.ops.genmo.add_text_strip(text="a person waves with the left hand", start=97, end=145)
    scene.genmo.play = False
    scene.frame_set(1)
    yield 0.5


def view_all() -> Iterator[float]:
    """The Dope Sheet over the whole range."""
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR"), region=region("DOPESHEET_EDITOR")):
        bpy.ops.action.view_all()
    yield 0.7


def own_poses() -> None:
    """Make some generated keys the animator's own, and tell where feet stand."""
    for curve in curves():
        for key in curve.keyframe_points:
            key.type = "KEYFRAME" if round(key.co.x) in POSES else "GENERATED"
    action().update_tag()
    bars = standing()
    if hasattr(action().genmo, "contacts"):
        for part, first, last in bars:
            one = action().genmo.contacts.add()
            one.part, one.first, one.last = part, first, last
    else:
        for name in ("overlays.gather", "lane.contents"):
            module(name).contacts_of = lambda _: bars


def standing() -> tuple[tuple[int, int, int], ...]:
    """(part, first, last) of the action's contacts."""
    target = bpy.data.objects["Character"]
    own = module("character").read_state(target)
    joints, _, _ = module("overlays.gather")._figures(target, own, np.arange(1, 146))
    found = importlib.import_module(f"{EXTENSION}.motion.contacts").detect(joints, bpy.context.scene.render.fps)
    return tuple((bar.part, bar.first + 1, bar.last + 1) for bar in found)


def story() -> Iterator[float]:
    """The whole story."""
    yield from prepare()
    module("measure").TARGET = str(OUT / "measured.jsonl")
    bpy.ops.genmo.generate("INVOKE_DEFAULT", seed=5)
    yield from until(lambda: not module("session").current().working and action() is not None)
    yield from view_all()
    bpy.context.scene.frame_set(60)
    yield from picture("10-take")
    switch(path=False, lane=False)
    yield from picture("10-take-off")
    switch(path=True, lane=True)
    RESULTS["path"] = changed("10-take", "10-take-off", "VIEW_3D")
    RESULTS["lane"] = changed("10-take", "10-take-off", "DOPESHEET_EDITOR")
    RESULTS["take range"] = module("lane.contents").take_range(bpy.data.objects["Character"])
    bpy.ops.genmo.keep_take()
    own_poses()
    yield from picture("11-poses")
    for name in ("ghosts", "contacts", "numbers"):
        switch(**{name: False})
        yield from picture(f"11-without-{name}")
        switch(**{name: True})
        RESULTS[name] = changed("11-poses", f"11-without-{name}", "VIEW_3D")
    view = area("VIEW_3D").spaces[0].region_3d
    before = view.view_distance, view.view_location.copy(), view.view_rotation.copy()
    view.view_distance, view.view_location = 4.4, (0.1, -1.7, 0.6)
    view.view_rotation = Euler((0.95, 0.0, 0.8)).to_quaternion()
    yield from picture("14-close")
    view.view_distance, view.view_location, view.view_rotation = before
    yield from clicks()
    with bpy.context.temp_override(window=window(), area=area("VIEW_3D"), region=region("VIEW_3D")):
        bpy.ops.wm.call_panel("INVOKE_DEFAULT", name="GENMO_PT_overlays", keep_open=True)
    yield from picture("15-panel")
    RESULTS["failed"] = sorted(module("guard").failed())


def clicks() -> Iterator[float]:
    """Clicks in the lane and beside it."""
    scene = bpy.context.scene
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR"), region=region("DOPESHEET_EDITOR")):
        bpy.ops.action.select_all(action="SELECT")
    yield 0.3
    before = selected_keys()
    picked = []
    for index in (1, 0):
        yield from clicked(*middle_of(index))
        picked.append(scene.sequence_editor.active_strip.text)
    RESULTS["picked"] = picked
    RESULTS["keys stay selected"] = before == selected_keys() > 0
    yield from picture("12-picked")
    switch(lane_edge="TOP")
    yield from picture("12-top")
    yield from clicked(*middle_of(1))
    RESULTS["picked at the top"] = scene.sequence_editor.active_strip.text
    switch(lane_edge="BOTTOM")
    yield from clicked(*middle_of(0))
    x, _ = middle_of(1)
    RESULTS["keys before"] = selected_keys()
    yield from clicked(x, region("DOPESHEET_EDITOR").height / 2)
    RESULTS["passes on beside the lane"] = [selected_keys(), scene.sequence_editor.active_strip.text]
    switch(lane=False)
    yield 0.5
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR"), region=region("DOPESHEET_EDITOR")):
        bpy.ops.action.select_all(action="SELECT")
    switch(lane=True)
    place = middle_of(1)
    switch(lane=False)
    yield from clicked(*place)
    RESULTS["passes on where the lane is off"] = scene.sequence_editor.active_strip.text
    switch(lane=True)
    yield from edited()


def edited() -> Iterator[float]:
    """Words changed in the popup that a double click opens (which cannot be simulated: its operator is called)."""
    x, y = middle_of(0)
    r = region("DOPESHEET_EDITOR")
    window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=r.x + round(x), y=r.y + round(y))
    yield 0.3
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR"), region=r):
        bpy.ops.genmo.lane_edit("INVOKE_DEFAULT")
    yield 0.7
    yield from picture("13-edit")
    where = {"x": r.x + round(x), "y": r.y + round(y)}
    for key, text, held in (("A", "", True), ("H", "h", False), ("I", "i", False), ("RET", "", False)):
        unicode = {"unicode": text} if text else {}
        window().event_simulate(type=key, value="PRESS", ctrl=held, **where, **unicode)
        window().event_simulate(type=key, value="RELEASE", ctrl=held, **where)
        yield 0.3
    window().event_simulate(type="RET", value="PRESS", **where)
    window().event_simulate(type="RET", value="RELEASE", **where)
    yield 0.7
    RESULTS["edited"] = sorted(s.text for s in bpy.context.scene.sequence_editor.strips)


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
