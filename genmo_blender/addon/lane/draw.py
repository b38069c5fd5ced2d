"""Draws the lane in the Dope Sheet and the Timeline."""

from __future__ import annotations

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from .. import compat, guard, measure
from ..operators.common import current_character
from . import contents
from .layout import Box, Layout, View, laid_out

FONT = 0
TEXT_SIZE = 11.0
SCRUBBING, SCROLLBAR, MARKERS = 23.0, 14.0, 42.0
"""Heights at scale 1 of what Blender has at the edges: the frame numbers where one scrubs, the scroll bar, markers."""
MODES = ("DOPESHEET", "ACTION", "TIMELINE")
"""Modes of the Dope Sheet that show an armature's keys."""
_handles: list[object] = []


def shown(context: bpy.types.Context) -> Layout:
    """The lane of the region that is being drawn or clicked; empty where there is none."""
    space, region = context.space_data, context.region
    if not context.scene.genmo.overlays.lane or space.mode not in MODES or region.type != "WINDOW":
        return Layout()
    target = current_character(context)
    if target is None:
        return Layout()
    preferences = context.preferences
    colours = contents.tag_colours(preferences)
    told = contents.read(context.scene, compat.sequencer_scene(context), target, colours)
    scale = preferences.system.ui_scale
    first, _ = region.view2d.region_to_view(0, 0)
    last, _ = region.view2d.region_to_view(region.width, 0)
    hangs = context.scene.genmo.overlays.lane_edge == "TOP"
    markers = space.show_markers and len(context.scene.timeline_markers) > 0
    edge = region.height - SCRUBBING * scale if hangs else (MARKERS if markers else SCROLLBAR) * scale
    view = View(region.width, first, last, edge, scale, hangs)
    blf.size(FONT, TEXT_SIZE * scale)
    return laid_out(told, view, lambda text: blf.dimensions(FONT, text)[0])


def _draw_lane() -> None:
    with measure.span("lane"):
        layout = shown(bpy.context)
        if not layout.boxes:
            return
        gpu.state.blend_set("ALPHA")
        try:
            _draw_boxes(layout.boxes)
        finally:
            gpu.state.blend_set("NONE")
        for words in layout.words:
            blf.color(FONT, *words.colour)
            blf.position(FONT, words.x, words.y, 0.0)
            blf.draw(FONT, words.text)


def _draw_boxes(boxes: tuple[Box, ...]) -> None:
    edges = np.array([(b.left, b.bottom, b.right, b.top) for b in boxes], np.float32)
    corners = edges[:, [0, 1, 2, 1, 2, 3, 0, 1, 2, 3, 0, 3]].reshape(-1, 2)
    places = np.concatenate([corners, np.zeros((len(corners), 1), np.float32)], axis=1)
    colours = np.repeat(np.array([b.colour for b in boxes], np.float32), 6, axis=0)
    shader = gpu.shader.from_builtin("FLAT_COLOR")
    batch_for_shader(shader, "TRIS", {"pos": places, "color": colours}).draw(shader)


def _in_view_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.prop(context.scene.genmo.overlays, "lane", text="GENMO Lane")


def register() -> None:
    draw = guard.safely("lane", _draw_lane)
    _handles.append(bpy.types.SpaceDopeSheetEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL"))
    bpy.types.DOPESHEET_MT_view.append(_in_view_menu)


def unregister() -> None:
    bpy.types.DOPESHEET_MT_view.remove(_in_view_menu)
    while _handles:
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_handles.pop(), "WINDOW")
    guard.forgive()
