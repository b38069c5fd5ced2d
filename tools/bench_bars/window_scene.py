"""A shot in a real window by simulated keys and mouse, while ticks and draws are timed; in Blender 5.2.

Started by tools/window.py with `-- OUT [MODEL]`; leaves OUT/measure.jsonl (genmo_blender/addon/measure.py) and
OUT/window.json. With `-- OUT MODEL close` or `kill` it is the Blender that ends in the middle of a generation: the
first one starts it and watches its engine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.bench_bars import stage  # noqa: E402
from tools.bench_bars.shots import FIRST  # noqa: E402

OUT, MODEL, ENDING = Path(sys.argv[sys.argv.index("--") + 1]), *([*sys.argv[sys.argv.index("--") + 2 :], "", ""][:2])
PATIENCE = 240.0
KEYS = {"F13": "genmo.generate", "F14": "genmo.cancel", "F15": "genmo.keep_take"}
LONG = 300
"""Seconds of motion, so that the generation is not over before Blender ends."""
TOLD: dict[str, list] = {"idle": [], "redraws": [], "cancel": [], "closing": [], "killed": []}
DRAWN: list[tuple[float, bool]] = []
"""When the tab's region was drawn, and whether a job was under way."""


def window() -> bpy.types.Window:
    """The one window."""
    return bpy.context.window_manager.windows[0]


def area(kind: str) -> bpy.types.Area:
    """The largest area of a kind."""
    return max((a for a in window().screen.areas if a.type == kind), key=lambda a: a.width * a.height)


def region(kind: str, name: str) -> bpy.types.Region:
    """A region of that area."""
    return next(r for r in area(kind).regions if r.type == name)


def place(name: str, step: int) -> tuple[int, int]:
    """A place in a region of the 3D View, another one at every step: the mouse wanders up and down."""
    r = region("VIEW_3D", name)
    return r.x + r.width // 2, r.y + 20 + (37 * step) % max(r.height - 40, 1)


def pressed(key: str) -> float:
    """Press a key over the 3D View; returns when."""
    x, y = place("WINDOW", 5)
    at = time.perf_counter()
    window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
    window().event_simulate(type=key, value="PRESS", x=x, y=y)
    window().event_simulate(type=key, value="RELEASE", x=x, y=y)
    return at


def moving(condition: Callable[[], object]) -> Iterator[float]:
    """Until a condition holds: move the mouse over tab and view, and have the tab drawn as often as Blender can."""
    end, step = time.monotonic() + PATIENCE, 0
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE} s in vain; the panel says: {stage.session().message}")
        step += 1
        x, y = place("UI" if step // 40 % 2 else "WINDOW", step)
        window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
        for kind in ("VIEW_3D", "SEQUENCE_EDITOR"):
            region(kind, "UI").tag_redraw()
        yield 0.0


def prepare() -> Iterator[float]:
    """A 3D View and a Sequencer with the GENMO tab open in both; an empty scene; keys for the operators."""
    window().workspace = bpy.data.workspaces["Animation"]
    yield 1.0
    area("DOPESHEET_EDITOR").type = "SEQUENCE_EDITOR"
    # The workspace's second view shows the camera's picture: without a graphics card it would slow all that is drawn.
    min((a for a in window().screen.areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height).type = "INFO"
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    yield 1.0
    for kind in ("VIEW_3D", "SEQUENCE_EDITOR"):
        area(kind).spaces[0].show_region_ui = True
    yield 1.0
    for kind in ("VIEW_3D", "SEQUENCE_EDITOR"):
        region(kind, "UI").active_panel_category = "GENMO"
    keymap = bpy.context.window_manager.keyconfigs.addon.keymaps.new("Window", space_type="EMPTY")
    for key, operator in KEYS.items():
        keymap.keymap_items.new(operator, key, "PRESS")
    yield 0.5


def rate(began: float) -> dict[str, float]:
    """How often the tab was drawn since a moment."""
    return {"seconds": time.perf_counter() - began, "draws": sum(at >= began for at, _ in DRAWN)}


def generated() -> Iterator[float]:
    """Generate by its key; how often the tab was drawn until the take was there. Then Keep, and stop playing."""
    here = stage.session()
    began = pressed("F13")
    yield from moving(lambda: here.working)
    yield from moving(lambda: not here.working)
    TOLD["redraws"].append(rate(began))
    if not bpy.data.actions:
        raise RuntimeError(f"no take was written; the panel says: {here.message}")
    yield from moving(second_later())
    pressed("F15")
    yield from moving(second_later())
    pressed("ESC")
    yield from moving(second_later())


def cancelled() -> Iterator[float]:
    """Generate, then Cancel by its key; how long until the tab was drawn idle."""
    here = stage.session()
    pressed("F13")
    yield from moving(lambda: stage.solving() and here.jobs.open()[0].progress.done >= 5)
    at = pressed("F14")
    yield from moving(lambda: DRAWN[-1][0] > at and not DRAWN[-1][1])
    TOLD["cancel"].append(next(drawn for drawn, working in DRAWN if drawn > at and not working) - at)
    if not here.message.startswith("Cancelled"):
        raise RuntimeError(f"Cancel was not felt; the panel says: {here.message}")


def outlived(ending: str) -> Iterator[float]:
    """Let another Blender end while it generates; seconds until its engine is gone."""
    found = OUT / f"{ending}.json"
    blender = subprocess.Popen([bpy.app.binary_path, *victim_options(ending)])
    yield from quietly(found.is_file)
    pids = json.loads(found.read_text(encoding="utf-8"))
    at = time.perf_counter()
    if ending == "kill":
        os.kill(pids["blender"], signal.SIGKILL)
    yield from quietly(lambda: not Path(f"/proc/{pids['engine']}/status").is_file() or zombie(pids["engine"]))
    TOLD["killed" if ending == "kill" else "closing"].append(time.perf_counter() - at)
    blender.wait(PATIENCE)


def victim_options(ending: str) -> list[str]:
    """The command line of the Blender that ends."""
    return ["--window-geometry", "0", "0", "640", "480", "--python", __file__, "--", str(OUT), MODEL, ending]


def zombie(pid: int) -> bool:
    """Whether a process is dead and only not yet waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def second_later() -> Callable[[], bool]:
    """Whether a second has gone since now."""
    end = time.monotonic() + 1.0
    return lambda: time.monotonic() > end


def quietly(condition: Callable[[], object]) -> Iterator[float]:
    """Until a condition holds, and nothing else."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE} s in vain")
        yield 0.02


def measured() -> Iterator[float]:
    """The whole story."""
    stage.use_model(MODEL)
    yield from prepare()
    stage.direct(FIRST)
    handler = bpy.types.SpaceView3D.draw_handler_add(
        lambda: DRAWN.append((time.perf_counter(), stage.session().working)), (), "UI", "POST_PIXEL"
    )
    stage.module("addon.measure").TARGET = str(OUT / "measure.jsonl")
    for _ in range(3):  # the first second is for the graphics driver, which compiles
        began = time.perf_counter()
        yield from moving(second_later())
        TOLD["idle"].append(rate(began))
    for _ in range(2):
        yield from generated()
    subprocess.run(["import", "-window", "root", str(OUT / "window.png")], check=True)
    for _ in range(3):
        yield from cancelled()
        yield from moving(lambda: not stage.session().jobs.engine.busy)
    stage.module("addon.measure").TARGET = ""
    bpy.types.SpaceView3D.draw_handler_remove(handler, "UI")
    for ending in ("close", "kill"):
        yield from outlived(ending)


def ended_in_the_middle() -> Iterator[float]:
    """The other Blender: generate, tell the process ids, and close or wait to be killed."""
    stage.use_model(MODEL)
    stage.direct(FIRST, LONG)
    yield 1.0
    stage.start()
    yield from quietly(stage.solving)
    pids = {"blender": os.getpid(), "engine": stage.engine_pid()}
    partial = OUT / f"{ENDING}.partial"
    stage.write(partial, pids)
    partial.rename(OUT / f"{ENDING}.json")
    if ENDING == "close":
        bpy.ops.wm.quit_blender()
    yield PATIENCE


STORY = ended_in_the_middle() if ENDING else measured()


def step() -> float | None:
    """One step of the story; the timer comes again when its pause is over."""
    error = ""
    try:
        return next(STORY)
    except StopIteration:
        pass
    except Exception:
        error = traceback.format_exc()
        subprocess.run(["import", "-window", "root", str(OUT / "error.png")], check=False)
    if not ENDING:
        stage.write(OUT / "window.json", {**TOLD, "error": error})
    bpy.ops.wm.quit_blender()
    return None


bpy.app.timers.register(step, first_interval=2.0)
