"""What the measuring scripts inside Blender share: the installed extension, a shot, a job driven as the timer does.

Scripts are run as modules with `OUT.json` as their first argument. No timer fires in Blender without a window, so
`until` calls the session's step itself, as often as the timer would.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .shots import FPS, SECONDS

EXTENSION = "bl_ext.user_default.genmo_motion"
PATIENCE = 900.0
"""Seconds until a measurement is given up."""


def arguments() -> argparse.ArgumentParser:
    """The command line that all scripts have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="", help="a checkpoint instead of the bundled one")
    return parser


def module(name: str) -> Any:
    """A module of the installed extension, as ``addon.keying``."""
    return importlib.import_module(f"{EXTENSION}.{name}")


def session() -> Any:
    """The extension's session."""
    return module("addon.session").current()


def use_model(path: str) -> None:
    """Let whoever answers load a checkpoint instead of the bundled one; "" changes nothing."""
    if path:
        folder = Path(bpy.utils.extension_path_user(EXTENSION, create=True))
        package = Path(module("addon").__file__ or "").parents[1]
        engine_command, torch = module("addon.engine_command"), os.environ.get("GENMO_ENGINE_PYTHON", "")
        room = engine_command.ENGINE if torch else engine_command.BUILT_IN
        python = Path(torch or sys.executable)
        command = engine_command.local_command(python, package, folder, ("--model", path), room)
        bpy.context.preferences.addons[EXTENSION].preferences.engine_command = shlex.join(command)


def shot(prompts: tuple[str, ...], seconds: float = SECONDS) -> bpy.types.Object:
    """An empty file with a character and prompts that share ``seconds`` evenly. Returns the character."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return direct(prompts, seconds)


def direct(prompts: tuple[str, ...], seconds: float = SECONDS) -> bpy.types.Object:
    """The character and the prompts in the open file, at 30 frames a second. Returns the character."""
    bpy.context.scene.render.fps = FPS
    bpy.ops.genmo.add_character(name="Hero")
    target = bpy.context.view_layer.objects.active
    edges = np.linspace(1, 1 + seconds * FPS, len(prompts) + 1).round().astype(int).tolist()
    for text, start, end in zip(prompts, edges, edges[1:], strict=False):
        bpy.ops.genmo.add_text_strip(text=text, start=start, end=end)
    return target


def start(seed: int = 7) -> int:
    """Queue a job for the character of the shot without waiting for it, as in a window. Returns its number."""
    scene = bpy.context.scene
    order = module("addon.services.generate").order(scene, scene, scene.genmo.character, 1, seed)
    return session().submit(order).id


def until(condition: Callable[[], object], tick: float = 0.1) -> None:
    """Step as the timer does until a condition holds. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    here = session()
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE:.0f} s; the panel says: {here.message or here.status()}")
        time.sleep(tick)
        here.step()


def solving() -> bool:
    """Whether the engine works on the job and has counted a step."""
    return any(job.progress is not None and job.progress.stage == "solving" for job in session().jobs.open())


def engine_pid() -> int:
    """The process of the engine that this Blender has started. Raises LookupError when there is none."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if parent == os.getpid() and b"start.py" in command:
            return int(path.parent.name)
    raise LookupError("Blender has no engine among its children")


def curves_digest(target: bpy.types.Object) -> str:
    """A hash of the bytes of all keys of the character's action."""
    data = target.animation_data
    digest = hashlib.sha256()
    bag = module("addon.compat").find_channelbag(data.action, data.action_slot)
    for curve in sorted(bag.fcurves, key=lambda c: (c.data_path, c.array_index)):
        digest.update(f"{curve.data_path} {curve.array_index}".encode())
        for field, size, kind in module("addon.keying").KEY_FIELDS:
            values = np.empty(len(curve.keyframe_points) * size, kind)
            curve.keyframe_points.foreach_get(field, values)
            digest.update(values.tobytes())
    return digest.hexdigest()


def timed_applies() -> list[float]:
    """A list that grows by the seconds of every application of a result from now on."""
    delivery = module("addon.services.delivery")
    applied, seconds = delivery.apply, []

    def apply(*args: Any) -> Any:
        began = time.perf_counter()
        try:
            return applied(*args)
        finally:
            seconds.append(time.perf_counter() - began)

    delivery.apply = apply
    return seconds


def write(out: Path, record: dict[str, Any]) -> None:
    """Leave what was measured."""
    out.write_text(json.dumps(record, indent=1), encoding="utf-8")
