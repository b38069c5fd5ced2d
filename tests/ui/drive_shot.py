"""One whole shot in a real window, by simulated mouse and keys: add, prompt, generate, takes, keep, undo, cancel.

Runs inside Blender (tools/window.py starts it). Leaves pictures and ``results.json`` in the folder it is given; the
engine's command is the other argument.
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
from mathutils import Euler

OUT = Path(sys.argv[sys.argv.index("--") + 1])
ENGINE = sys.argv[sys.argv.index("--") + 2]
EXTENSION = "bl_ext.user_default.genmo_motion"
PATIENCE = 120.0
RESULTS: dict[str, object] = {}
# Pixels under the upper edge of the GENMO tab; what they hit is checked by what happens.
FIRST_ROW, SECOND_ROW = 160, 180
ADD_STRIP = 238
GENERATE = 295
KEEP = 354
CANCEL = 0.83  # share of the tab's width


def session():
    """The extension's session."""
    return sys.modules[f"{EXTENSION}.addon.session"].current()


def window() -> bpy.types.Window:
    """The one window."""
    return bpy.context.window_manager.windows[0]


def area(kind: str) -> bpy.types.Area:
    """The largest area of a kind."""
    return max((a for a in window().screen.areas if a.type == kind), key=lambda a: a.width * a.height)


def region(kind: str, name: str) -> bpy.types.Region:
    """A region of that area."""
    return next(r for r in area(kind).regions if r.type == name)


def middle(kind: str) -> tuple[int, int]:
    """The middle of an area's main region."""
    r = region(kind, "WINDOW")
    return r.x + r.width // 3, r.y + r.height // 2


def press(key: str, where: tuple[int, int], text: str = "", **modifiers: bool) -> None:
    """A key or button, down and up, with the mouse at a place of the window."""
    x, y = where
    down = {"unicode": text} if text else {}
    window().event_simulate(type=key, value="PRESS", x=x, y=y, **down, **modifiers)
    window().event_simulate(type=key, value="RELEASE", x=x, y=y, **modifiers)


def move(where: tuple[int, int]) -> None:
    """The mouse to a place."""
    window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=where[0], y=where[1])


KEYS = {" ": "SPACE", "-": "MINUS", ".": "PERIOD", ",": "COMMA", ":": "SEMI_COLON"}


def typed(text: str, where: tuple[int, int]) -> Iterator[float]:
    """Words, letter by letter."""
    for letter in text:
        press(KEYS.get(letter, letter.upper()), where, letter)
        yield 0.05


def searched(words: str) -> Iterator[float]:
    """F3 over the 3D View, an operator's name, Return: how any operator is found."""
    where = middle("VIEW_3D")
    move(where)
    yield 0.2
    press("F3", where)
    yield 0.6
    yield from typed(words, where)
    yield 0.4
    press("RET", where)
    yield 0.6


def clicked(where: tuple[int, int], **modifiers: bool) -> Iterator[float]:
    """The left button at a place."""
    move(where)
    yield 0.3
    press("LEFTMOUSE", where, **modifiers)
    yield 0.5


def picture(name: str) -> Iterator[float]:
    """A picture of the whole screen, taken from outside."""
    for a in window().screen.areas:
        a.tag_redraw()
    yield 0.7
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)
    yield 0.1


def until(condition) -> Iterator[float]:
    """Wait for something that the timer brings."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE} s in vain; the panel says: {session().message}")
        yield 0.05


def noted(name: str, value: object) -> None:
    """Keep a fact for the test to look at."""
    RESULTS[name] = value


def curves() -> list:
    """All keys of the character's action, for comparing."""
    data = bpy.data.objects["Character"].animation_data
    if data is None or data.action is None:
        return []
    bag = sys.modules[f"{EXTENSION}.addon.compat"].find_channelbag(data.action, data.action_slot)
    return [(c.data_path, c.array_index, [tuple(k.co) for k in c.keyframe_points]) for c in bag.fcurves]


def prepare() -> Iterator[float]:
    """The Animation workspace with the GENMO tab open in the 3D View and a Sequencer below."""
    window().workspace = bpy.data.workspaces["Animation"]
    yield 1.0
    # Read after the workspace has really changed.
    view = area("VIEW_3D")
    view.spaces[0].show_region_ui = True
    view.spaces[0].shading.type = "SOLID"
    area("DOPESHEET_EDITOR").type = "SEQUENCE_EDITOR"
    yield 1.0
    area("SEQUENCE_EDITOR").spaces[0].show_region_ui = False
    region("VIEW_3D", "UI").active_panel_category = "GENMO"
    yield 0.5


def button(below_top: int, from_left: float = 0.5) -> tuple[int, int]:
    """A place in the GENMO tab: pixels under its upper edge, share of its width."""
    r = region("VIEW_3D", "UI")
    return r.x + int(from_left * r.width), r.y + r.height - below_top


def prompt_typed(below_top: int, words: str) -> Iterator[float]:
    """Ctrl click on a row of the strips' list (a double click is not simulated), then words and Return."""
    where = button(below_top, 0.3)
    yield from clicked(where, ctrl=True)
    press("A", where, ctrl=True)
    yield 0.1
    yield from typed(words, where)
    press("RET", where)
    yield 0.5


def texts() -> list[str]:
    """The prompts, from left to right."""
    strips = bpy.context.scene.sequence_editor.strips
    return [s.text for s in sorted(strips, key=lambda s: s.left_handle)]


def waiting() -> list[str]:
    """Names of the takes that wait."""
    target = bpy.data.objects["Character"]
    return [a.name for a in sys.modules[f"{EXTENSION}.addon.services.takes"].waiting(target)]


def undone(redo: bool = False) -> Iterator[float]:
    """Ctrl Z over the 3D View, or Shift Ctrl Z."""
    move(middle("VIEW_3D"))
    yield 0.2
    press("Z", middle("VIEW_3D"), ctrl=True, shift=redo)
    yield 0.8


def generated() -> Iterator[float]:
    """Click on Generate; goes on when the engine has told how far it is."""
    yield from clicked(button(GENERATE, 0.3))
    yield from until(lambda: session().jobs.open() and session().jobs.open()[0].progress is not None)


def dragging() -> bool:
    """Whether a modal tool runs."""
    return len(window().modal_operators) > 0


def took_its_turn() -> Iterator[float]:
    """Takes that arrive while the character is being dragged wait until the drag is over."""
    yield from generated()
    yield from until(lambda: session().jobs.open()[0].progress.done >= 12)
    bpy.ops.screen.animation_cancel(restore_frame=False)
    move(middle("VIEW_3D"))
    yield 0.2
    press("G", middle("VIEW_3D"))
    yield 0.3
    noted("dragging", dragging())
    yield from until(lambda: not session().jobs.open())
    yield 1.0
    noted("waits for the drag", [dragging(), waiting() == [], session().message])
    yield from picture("08-waits")
    press("ESC", middle("VIEW_3D"))
    yield from until(lambda: not session().working)
    noted("arrived after the drag", len(waiting()))


def by_the_built_in_model() -> Iterator[float]:
    """One more take as in a fresh install: no engine named, the built-in model in this Blender's own Python."""
    os.environ.pop("GENMO_ENGINE_PYTHON", None)
    bpy.context.preferences.addons[EXTENSION].preferences.engine_command = ""
    before = len(waiting())
    noted("fresh", session().status())
    yield from generated()
    yield from until(lambda: not session().working)
    noted("built-in", [session().status(), len(waiting()) - before])
    yield from picture("09-built-in")


def shot() -> Iterator[float]:
    """The whole story."""
    bpy.context.preferences.addons[EXTENSION].preferences.engine_command = ENGINE
    yield from prepare()
    for thing in list(bpy.data.objects):
        if thing.type == "MESH":
            bpy.data.objects.remove(thing)
    view = area("VIEW_3D").spaces[0].region_3d
    view.view_distance, view.view_location = 7.0, (1.6, -1.0, 0.7)
    view.view_rotation = Euler((1.35, 0.0, 0.35)).to_quaternion()
    yield from picture("01-empty")
    yield from searched("GENMO Character")
    noted("character", "Character" in bpy.data.objects)
    yield from clicked(button(ADD_STRIP))
    yield from prompt_typed(FIRST_ROW, "a person walks forward")
    bpy.context.scene.frame_set(97)
    yield from clicked(button(ADD_STRIP))
    yield from prompt_typed(SECOND_ROW, "a person waves with the left hand")
    noted("texts", texts())
    bpy.context.scene.genmo.takes = 2
    yield from picture("02-strips")
    noted("before", len(curves()))
    yield from generated()
    yield from picture("03-generating")
    yield from until(lambda: not session().working)
    yield 1.0
    noted("playing", window().screen.is_animation_playing)
    noted("waiting", waiting())
    first = curves()
    bpy.context.scene.frame_set(60)  # playing goes on from here: in the middle of a step
    yield from picture("04-take")
    yield from undone()
    noted("after undo", [len(bpy.data.actions), waiting(), session().working])
    yield from undone(redo=True)
    noted("redone", curves() == first and waiting() == RESULTS["waiting"])
    yield from searched("GENMO: Next Take")
    noted("another take", curves() != first)
    noted("shown", bpy.data.objects["Character"].animation_data.action.name)
    bpy.context.scene.frame_set(140)
    yield from picture("05-next-take")
    yield from clicked(button(KEEP, 0.2))
    noted("kept", [a.name for a in bpy.data.actions])
    noted("waiting after keep", waiting())
    kept = curves()
    yield from picture("06-kept")
    yield from undone()
    noted("waiting after undo", waiting())
    yield from searched("GENMO: Keep")
    noted("kept again", curves() == kept and not waiting())
    bpy.context.scene.genmo.takes = 1
    yield from generated()
    pressed = time.monotonic()
    yield from clicked(button(GENERATE, CANCEL))
    yield from until(lambda: not session().working)
    noted("seconds to cancel", time.monotonic() - pressed)
    noted("unchanged by cancel", curves() == kept and not waiting())
    noted("message", session().message)
    yield from picture("07-cancelled")
    yield from took_its_turn()
    yield from by_the_built_in_model()


def finish(error: str) -> None:
    """Leave the results and end Blender."""
    RESULTS["error"] = error
    (OUT / "results.json").write_text(json.dumps(RESULTS, indent=1), encoding="utf-8")
    bpy.ops.wm.quit_blender()


STORY = shot()


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
