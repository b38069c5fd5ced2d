"""The sub-panel Direction: path, waypoints, pins, and what about them cannot be followed."""

from __future__ import annotations

import bpy

from ..protocol.failures import GenmoFailure
from . import compat, measure, panels, timeline
from .operators.common import current_character
from .services import direction_notes


class _Direction:
    """What both sidebars show."""

    bl_label = "Direction"
    bl_category = "GENMO"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012
    layout: bpy.types.UILayout

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return current_character(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        with measure.span("draw"):
            _draw(self.layout, context)


class GENMO_PT_direction(_Direction, bpy.types.Panel):
    """Direction beside the character"""

    bl_idname = "GENMO_PT_direction"
    bl_space_type = "VIEW_3D"
    bl_parent_id = "GENMO_PT_view3d"


class GENMO_PT_direction_sequencer(_Direction, bpy.types.Panel):
    """Direction beside the strips"""

    bl_idname = "GENMO_PT_direction_sequencer"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_parent_id = "GENMO_PT_sequencer"


def _draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    target = current_character(context)
    if target is None:
        return
    settings = target.genmo_direction
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "path")
    if settings.path is not None:
        column.prop(settings, "timing")
        column.prop(settings, "facing")
        if settings.facing == "TOWARD":
            column.prop(settings, "toward")
    row = layout.row(align=True)
    row.operator("genmo.path_from_curve", icon="CURVE_PATH")
    row.operator("genmo.curve_from_path", icon="CURVE_BEZCURVE")
    _draw_waypoints(layout, settings)
    _draw_pins(layout, settings)
    try:
        frames = timeline.frame_range(context.scene, compat.sequencer_scene(context), target)
    except GenmoFailure:
        frames = timeline.own_range(context.scene)
    for note in direction_notes.notes(context.scene, target, frames.first, frames.last, frames.fps):
        panels._draw_text(layout, note, panels._letters(context), alert=True)


def _draw_waypoints(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    for index, way in enumerate(settings.waypoints):
        column = _entry(layout, way, "waypoints", index)
        row = column.row(align=True)
        row.prop(way, "frame")
        if way.between:
            row.prop(way, "last")
        row = column.row(align=True)
        row.prop(way, "between", toggle=True)
        row.prop(way, "use_facing", toggle=True)
        column.prop(way, "radius")
    layout.operator("genmo.add_waypoint", icon="ADD")


def _draw_pins(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    for index, pin in enumerate(settings.pins):
        column = _entry(layout, pin, "pins", index)
        row = column.row(align=True)
        row.prop(pin, "part", text="")
        row.prop(pin, "hold_rotation", toggle=True)
        for names in (("first", "last"), ("ease_in", "ease_out")):
            row = column.row(align=True)
            for name in names:
                row.prop(pin, name)
    layout.operator_menu_enum("genmo.pin_here", "part", icon="PINNED")


def _entry(layout: bpy.types.UILayout, entry: bpy.types.PropertyGroup, kind: str, index: int) -> bpy.types.UILayout:
    """A box of a list's entry: its object in the first row, a column for its own settings below."""
    box = layout.box()
    row = box.row(align=True)
    row.prop(entry, "enabled", text="")
    row.prop(entry, "target", text="")
    remove = row.operator("genmo.direction_remove", text="", icon="REMOVE")
    remove.kind, remove.index = kind, index
    column = box.column(align=True)
    column.active = entry.enabled
    return column


CLASSES = (GENMO_PT_direction, GENMO_PT_direction_sequencer)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
