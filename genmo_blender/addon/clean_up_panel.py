"""The sub-panel Clean-Up of the GENMO tab, in the 3D View, the Graph Editor and the Dope Sheet: closed until opened."""

from __future__ import annotations

import bpy

from . import clean_up_properties, measure, session
from .operators.common import current_character
from .panels import draw_text, letters_of
from .services import clean_up


class GENMO_UL_contacts(bpy.types.UIList):
    """When feet and hands touch"""

    def draw_item(  # noqa: D102
        self, _context, layout, _data, bar, _icon, _active_data, _active_property, _index=0, _filter=0
    ) -> None:
        row = layout.row(align=True)
        row.label(text=tuple(clean_up_properties.PART_NAMES.values())[bar.part])
        row.prop(bar, "first", text="", emboss=False)
        row.prop(bar, "last", text="", emboss=False)


class _CleanUp:
    """What all sidebars show."""

    bl_label = "Clean-Up"
    bl_category = "GENMO"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}
    layout: bpy.types.UILayout

    def draw(self, context: bpy.types.Context) -> None:
        with measure.span("draw"):
            _draw(self.layout, context)


class GENMO_PT_clean_up_view3d(_CleanUp, bpy.types.Panel):
    """Clean-Up beside the character"""

    bl_idname = "GENMO_PT_clean_up_view3d"
    bl_space_type = "VIEW_3D"
    bl_parent_id = "GENMO_PT_view3d"


class GENMO_PT_clean_up_graph(_CleanUp, bpy.types.Panel):
    """Clean-Up beside the curves"""

    bl_idname = "GENMO_PT_clean_up_graph"
    bl_space_type = "GRAPH_EDITOR"


class GENMO_PT_clean_up_dopesheet(_CleanUp, bpy.types.Panel):
    """Clean-Up beside the keys"""

    bl_idname = "GENMO_PT_clean_up_dopesheet"
    bl_space_type = "DOPESHEET_EDITOR"


def _draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.genmo.clean_up
    target = current_character(context)
    data = target.animation_data if target is not None else None
    action = data.action if data is not None else None
    if action is not None:
        layout.label(text=action.name, icon="ACTION")
    _draw_feet(layout, settings, action)
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("genmo.smooth", text="Smooth")
    row.prop(settings, "strength", text="")
    row = column.row(align=True)
    row.operator("genmo.reduce_keys")
    row.prop(settings, "distance", text="mm")
    column.operator("genmo.restore_dense_keys")
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("genmo.make_loop")
    row.prop(settings, "loop_in_place", text="", icon="PINNED")
    row = column.row(align=True)
    if action is not None and clean_up.TRAVEL in action:
        row.operator("genmo.restore_travel")
    else:
        row.operator("genmo.in_place")
        row.prop(settings, "turning", text="", icon="CON_ROTLIKE")
    column.operator("genmo.mirror")
    row = column.row(align=True)
    row.operator("genmo.retime")
    row.prop(settings, "length", text="")
    column.operator("genmo.stitch_takes")
    here = session.current()
    if context.area is not None and context.area.type != "VIEW_3D" and here.message:
        draw_text(layout, here.message, letters_of(context), alert=here.alert)


def _draw_feet(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, action: bpy.types.Action | None) -> None:
    column = layout.column(align=True)
    column.operator("genmo.detect_contacts")
    row = column.row(align=True)
    row.operator("genmo.lock_feet")
    row.prop(settings, "foot_mode", text="")
    if action is None or not action.is_editable:
        return
    header, body = layout.panel("genmo_contacts", default_closed=True)
    header.label(text=f"Contacts ({len(action.genmo.contacts)})")
    if body is None:
        return
    body.template_list("GENMO_UL_contacts", "", action.genmo, "contacts", action.genmo, "contact_index", rows=4)
    row = body.row(align=True)
    row.prop(settings, "part", text="")
    row.operator("genmo.contact_add", text="", icon="ADD")
    row.operator("genmo.contact_remove", text="", icon="REMOVE")


CLASSES = (GENMO_UL_contacts, GENMO_PT_clean_up_view3d, GENMO_PT_clean_up_graph, GENMO_PT_clean_up_dopesheet)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
