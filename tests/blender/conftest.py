"""Tests of the installed extension inside a real Blender (the bpy module).

The zip is installed once a run as a user would, into user folders of its own. Who answers is said by the fixture:

| fixture | who answers |
| --- | --- |
| `stage` | the built-in model, as where nothing is set up |
| `scripted` | a real child process that follows a script and misbehaves on demand (tests/scripted_engine.py) |
| `real` | the built-in model and, in tests marked `torch`, the engine with torch |

In a test, `stage.scripted(SWITCHES)` and `stage.built_in(OPTIONS)` change it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "bl_ext.user_default.genmo_motion"
SCRIPTED = ROOT / "tests" / "scripted_engine.py"
PATIENCE = 60.0
"""Seconds until a test gives up waiting: generous, so that a slow machine does not decide."""

# Who answers is chosen by fixtures alone.
ENGINE_PYTHON = os.environ.pop("GENMO_ENGINE_PYTHON", "")
STEPS = 5
"""Of the sampler: motion that is rough, but the model's, in a fraction of the time."""

# Before the first import of bpy: never the user's own preferences and extensions.
if "BLENDER_USER_RESOURCES" not in os.environ:
    os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="genmo-blender-")

import bpy  # noqa: E402
import numpy as np  # noqa: E402


@functools.lru_cache(maxsize=1)
def _installed_zip() -> Path:
    if "GENMO_EXTENSION_ZIP" in os.environ:
        return Path(os.environ["GENMO_EXTENSION_ZIP"])
    sys.path.insert(0, str(ROOT))
    from tools.packaging import write_zip

    return write_zip(ROOT, Path(os.environ["BLENDER_USER_RESOURCES"]))


@pytest.fixture(scope="session")
def archive() -> Path:
    """The zip that is installed."""
    return _installed_zip()


@pytest.fixture(scope="session")
def installed() -> Iterator[str]:
    """The module's name of the installed and enabled extension."""
    if EXTENSION not in bpy.context.preferences.addons:
        bpy.ops.extensions.package_install_files(
            filepath=str(_installed_zip()), repo="user_default", enable_on_install=True
        )
    assert EXTENSION in bpy.context.preferences.addons
    importlib.import_module(f"{EXTENSION}.addon.session").use_engine()  # it may have been enabled with ENGINE_PYTHON
    yield EXTENSION
    bpy.ops.preferences.addon_disable(module=EXTENSION)


def keys_of(curve: bpy.types.FCurve) -> tuple[np.ndarray, bytes]:
    """A curve's keys (N, 2), and everything its keys are made of as bytes."""
    keys = curve.keyframe_points
    co = np.empty(2 * len(keys), np.float32)
    keys.foreach_get("co", co)
    rest = [(tuple(k.handle_left), tuple(k.handle_right), k.interpolation, k.type, k.easing) for k in keys]
    return co.reshape(-1, 2), co.tobytes() + repr(rest).encode()


def action_hash(action: bpy.types.Action) -> str:
    """A hash of everything that an action's curves are made of."""
    digest = hashlib.sha256()
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                for curve in sorted(bag.fcurves, key=lambda c: (c.data_path, c.array_index)):
                    digest.update(f"{bag.slot.identifier} {curve.data_path} {curve.array_index}".encode())
                    digest.update(keys_of(curve)[1])
    return digest.hexdigest()


def scene_hash() -> str:
    """A hash of what a job must not change on its own: actions, who plays what, poses, ranges, strips."""
    digest = hashlib.sha256()
    for action in sorted(bpy.data.actions, key=lambda a: a.name):
        digest.update(f"{action.name} {action.use_fake_user} {action_hash(action)}".encode())
    for target in sorted(bpy.data.objects, key=lambda o: o.name):
        data = target.animation_data
        playing = (data.action.name, data.action_slot.identifier) if data and data.action else None
        digest.update(f"{target.name} {playing} {data is not None} {target.mode} {list(target.matrix_world)}".encode())
        for bone in target.pose.bones if target.pose else ():
            digest.update(repr((bone.name, list(bone.matrix_basis))).encode())
    for scene in bpy.data.scenes:
        preview = (scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end)
        digest.update(repr((scene.name, preview, scene.frame_current, scene.frame_start, scene.frame_end)).encode())
        for strip in scene.sequence_editor.strips if scene.sequence_editor else ():
            start = strip.left_handle if hasattr(strip, "left_handle") else strip.frame_final_start
            digest.update(repr((strip.name, strip.channel, strip.text, start)).encode())
    return digest.hexdigest()


class Stage:
    """What a test does again and again: a fresh scene, an engine, a look at curves and poses."""

    keys_of = staticmethod(keys_of)
    action_hash = staticmethod(action_hash)
    scene_hash = staticmethod(scene_hash)
    scripted_engine = SCRIPTED

    def __init__(self, extension: str) -> None:
        self.extension = extension
        self.answer = self.built_in

    def module(self, name: str) -> ModuleType:
        """A module of the installed extension, as ``addon.keying``."""
        return importlib.import_module(f"{self.extension}.{name}")

    @property
    def archive(self) -> Path:
        """The zip that is installed."""
        return _installed_zip()

    @property
    def session(self):
        """The extension's session."""
        return self.module("addon.session").current()

    @property
    def preferences(self) -> bpy.types.AddonPreferences:
        """The extension's preferences."""
        return bpy.context.preferences.addons[self.extension].preferences

    def built_in(self, *options: str) -> None:
        """Let the built-in model answer, as where nothing is set up, or with options (``--model FILE``)."""
        self._answers(self._command(sys.executable, options, "lite") if options else "")

    def torch(self, *options: str) -> None:
        """Let the engine with torch answer; `build.py test torch` says where its Python is."""
        assert ENGINE_PYTHON, "tests marked torch are run by `build.py test torch`, which sets GENMO_ENGINE_PYTHON"
        self._answers(self._command(ENGINE_PYTHON, options, "engine") if options else "", ENGINE_PYTHON)

    def scripted(self, *switches: str) -> None:
        """Let the scripted engine answer, with these switches."""
        self._answers(shlex.join([sys.executable, str(SCRIPTED), *switches]))

    def _command(self, python: str, options: tuple[str, ...], room: str) -> str:
        package = Path(self.module("addon").__file__).parents[1]
        user = Path(bpy.utils.extension_path_user(self.extension, create=True))
        command = self.module("addon.engine_command").local_command(Path(python), package, user, options, room)
        return shlex.join(command)

    def _answers(self, command: str, python: str = "") -> None:
        """Set the preferences where they differ; an engine that runs so already goes on."""
        for name, value in (("engine_command", command), ("engine_python", python)):
            if getattr(self.preferences, name) != value:
                setattr(self.preferences, name, value)

    def character(self, name: str = "Hero") -> bpy.types.Object:
        """A new character at the cursor, selected."""
        assert bpy.ops.genmo.add_character(name=name) == {"FINISHED"}
        bpy.context.scene.genmo.steps = STEPS
        return bpy.context.view_layer.objects.active

    def strips(self, *prompts: tuple[str, int, int]) -> list[bpy.types.Strip]:
        """Text strips for the current character: (text, first frame, first frame after it)."""
        for text, start, end in prompts:
            assert bpy.ops.genmo.add_text_strip(text=text, start=start, end=end) == {"FINISHED"}
        return list(bpy.context.scene.sequence_editor.strips)

    def shot(self) -> bpy.types.Object:
        """A character with two prompts over four seconds at 30 frames a second."""
        bpy.context.scene.render.fps = 30
        target = self.character()
        self.strips(("a person walks forward", 1, 61), ("a person waves", 61, 121))
        return target

    def start(self, count: int = 1, seed: int = 7) -> int:
        """Queue a job for the current character without waiting for it, as in a window. Returns its number."""
        scene, generate = bpy.context.scene, self.module("addon.services.generate")
        target = self.module("addon.operators.common").current_character(bpy.context)
        return self.session.submit(generate.order(scene, scene, target, count, seed)).id

    def until(self, condition: Callable[[], object]) -> None:
        """Tick until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE} s in vain; last sentence: {self.session.message}"
            self.session.step()
            time.sleep(0.01)

    def outcome(self, job: int):
        """Tick until the job has its outcome."""
        self.until(lambda: job in self.session.outcomes)
        return self.session.outcomes[job]

    def curves(self, target: bpy.types.Object) -> dict[tuple[str, int], np.ndarray]:
        """All keys (frame, value) of the character's present action and slot."""
        data = target.animation_data
        bag = self.module("addon.compat").find_channelbag(data.action, data.action_slot)
        return {(c.data_path, c.array_index): keys_of(c)[0] for c in bag.fcurves}


@pytest.fixture
def stage(installed: str) -> Iterator[Stage]:
    """An empty file, and the built-in model."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    made = Stage(installed)
    made.built_in()
    yield made
    if made.extension in bpy.context.preferences.addons:
        made.session.cancel()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


@pytest.fixture
def scripted(stage: Stage) -> Stage:
    """An empty file, and the well-behaved scripted engine."""
    stage.scripted()
    return stage


@pytest.fixture(params=["built_in", pytest.param("torch", marks=pytest.mark.torch)])
def real(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """An empty file, and each engine with the shipped weights; ``real.answer(OPTIONS)`` is that engine with options."""
    stage.answer = getattr(stage, request.param)
    stage.answer()
    return stage
