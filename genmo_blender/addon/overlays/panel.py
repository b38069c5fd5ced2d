"""The sub-panel with what is drawn while one works."""

from __future__ import annotations

import bpy


class GENMO_PT_overlays(bpy.types.Panel):
    """What is drawn over the 3D View and the Dope Sheet"""

    bl_idname = "GENMO_PT_overlays"
    bl_label = "Overlays"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "GENMO"
    bl_parent_id = "GENMO_PT_view3d"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        overlays = context.scene.genmo.overlays
        column = self.layout.column(align=True)
        column.prop(overlays, "ghosts")
        row = column.row(align=True)
        row.active = overlays.ghosts or overlays.path
        row.prop(overlays, "numbers")
        column.prop(overlays, "path")
        column.prop(overlays, "contacts")
        column.prop(overlays, "direction")
        self.layout.prop(overlays, "lane")
        row = self.layout.row(align=True)
        row.active = overlays.lane
        row.prop(overlays, "lane_edge", expand=True)


def register() -> None:
    bpy.utils.register_class(GENMO_PT_overlays)


def unregister() -> None:
    bpy.utils.unregister_class(GENMO_PT_overlays)
