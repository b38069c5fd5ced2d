"""Where operators are found besides the panel: Add menus and Object > Animation, and with them F3's search."""

from __future__ import annotations

import bpy


def _add_object(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator("genmo.add_character", text="GENMO Character", icon="OUTLINER_OB_ARMATURE")


def _add_strip(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("genmo.add_text_strip", text="GENMO Text Strip", icon="FONT_DATA")


def _animate(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    layout = self.layout
    layout.separator()
    for name in (
        "add_text_strip",
        "generate",
        "in_between",
        "key_as_mine",
        "cancel",
        "take_previous",
        "take_next",
        "keep_take",
        "drop_take",
        "again",
    ):
        operator = getattr(bpy.ops.genmo, name)
        layout.operator(operator.idname_py(), text=f"GENMO: {operator.get_rna_type().name}")


MENUS = (
    ("VIEW3D_MT_add", _add_object),
    ("SEQUENCER_MT_add", _add_strip),
    ("VIEW3D_MT_object_animation", _animate),
)


def register() -> None:
    for name, draw in MENUS:
        getattr(bpy.types, name).append(draw)


def unregister() -> None:
    for name, draw in MENUS:
        getattr(bpy.types, name).remove(draw)
