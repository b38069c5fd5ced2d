"""Preferences: an engine in place of the built-in model."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

EXTENSION = __package__.rpartition(".addon")[0]
"""The package's name as Blender gave it (``bl_ext.<repository>.genmo_motion``)."""
ABOUT = (
    "Nothing need be set up: the built-in model answers, on the processor.",
    "An engine of your own (Python with torch) adds graphics cards and larger models.",
)


def _engine_chosen(_self: bpy.types.AddonPreferences, _context: bpy.types.Context) -> None:
    from . import session

    session.use_engine()


class GenmoPreferences(bpy.types.AddonPreferences):
    """Set once; everything else is in the panel."""

    bl_idname = EXTENSION

    engine_python: StringProperty(
        name="Engine Python",
        description="The Python of an engine's environment, which `python3 build.py engine -- --help` makes: "
        ".build/engine/bin/python in the project's folder. "
        "Empty: the environment variable GENMO_ENGINE_PYTHON names it, or the built-in model answers",
        subtype="FILE_PATH",
        update=_engine_chosen,
    )
    engine_command: StringProperty(
        name="Engine Command",
        description="For studios: the whole command that starts an engine, perhaps on another machine "
        "(`ssh host …`). Empty: the Python above counts",
        update=_engine_chosen,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        from . import session

        layout = self.layout
        for line in ABOUT:
            layout.label(text=line)
        layout.prop(self, "engine_python")
        layout.prop(self, "engine_command")
        layout.label(text=session.current().status())


def read() -> GenmoPreferences:
    """The preferences of this extension."""
    return bpy.context.preferences.addons[EXTENSION].preferences


def register() -> None:
    bpy.utils.register_class(GenmoPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(GenmoPreferences)
