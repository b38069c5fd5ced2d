"""Puts a character's shapes into the 3D View. Looks only at what is ready, and never raises."""

from __future__ import annotations

import blf
import bpy
import gpu
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader
from mathutils import Vector

from .. import guard, measure
from ..operators.common import current_character
from . import cache
from .shapes import Discs, Dots, Lines, faded

FONT = 0
TEXT_SIZE = 11.0
_handles: list[object] = []


def _entry(context: bpy.types.Context) -> cache.Entry | None:
    """What there is for this view, or None where nothing is to be shown."""
    space = context.space_data
    if space is None or not space.overlay.show_overlays:
        return None
    target = current_character(context)
    if target is None or not target.visible_get(view_layer=context.view_layer):
        return None
    return cache.look(context.scene, target)


def _draw_shapes() -> None:
    context = bpy.context
    with measure.span("overlays"):
        entry = _entry(context)
        if entry is None:
            return
        gpu.state.blend_set("ALPHA")
        gpu.state.depth_test_set("LESS_EQUAL")
        gpu.state.depth_mask_set(False)
        try:
            scale = context.preferences.system.ui_scale
            for index, lines in enumerate(entry.shapes.lines):
                _draw_lines(entry, index, lines, scale)
            for index, dots in enumerate(entry.shapes.dots):
                _draw_dots(entry, index, dots, scale)
            for index, discs in enumerate(entry.shapes.discs):
                _draw_discs(entry, index, discs, context.scene.frame_current_final)
        finally:
            gpu.state.depth_mask_set(True)
            gpu.state.depth_test_set("NONE")
            gpu.state.blend_set("NONE")


def _draw_lines(entry: cache.Entry, index: int, lines: Lines, scale: float) -> None:
    shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
    batch = entry.batches.get(("lines", index))
    if batch is None:
        batch = batch_for_shader(shader, "LINES", {"pos": lines.points, "color": lines.colours})
        entry.batches["lines", index] = batch
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", lines.width * scale)
    batch.draw(shader)


def _draw_dots(entry: cache.Entry, index: int, dots: Dots, scale: float) -> None:
    shader = gpu.shader.from_builtin("POINT_FLAT_COLOR")
    batch = entry.batches.get(("dots", index))
    if batch is None:
        batch = batch_for_shader(shader, "POINTS", {"pos": dots.points, "color": dots.colours})
        entry.batches["dots", index] = batch
    gpu.state.point_size_set(dots.size * scale)
    batch.draw(shader)


def _draw_discs(entry: cache.Entry, index: int, discs: Discs, frame: float) -> None:
    """Those that are bright at the frame, the others faint. Made anew only where others become bright."""
    shader = gpu.shader.from_builtin("FLAT_COLOR")
    bright = discs.bright(frame)
    kept = entry.batches.get(("discs", index))
    if kept is None or not np.array_equal(kept[0], bright):
        corners = discs.triangles()
        colours = np.where(bright[:, None], discs.colours, faded(discs.colours))
        every = np.repeat(colours, corners.shape[1] * 3, axis=0)
        batch = batch_for_shader(shader, "TRIS", {"pos": corners.reshape(-1, 3), "color": every})
        kept = entry.batches["discs", index] = (bright, batch)
    kept[1].draw(shader)


def _draw_labels() -> None:
    context = bpy.context
    with measure.span("overlays"):
        entry = _entry(context)
        if entry is None or not entry.shapes.labels or not context.scene.genmo.overlays.numbers:
            return
        blf.size(FONT, TEXT_SIZE * context.preferences.system.ui_scale)
        blf.enable(FONT, blf.SHADOW)
        blf.shadow(FONT, 3, 0.0, 0.0, 0.0, 0.9)
        blf.shadow_offset(FONT, 1, -1)
        try:
            for label in entry.shapes.labels:
                spot = location_3d_to_region_2d(context.region, context.region_data, Vector(label.place))
                if spot is not None:
                    blf.color(FONT, *label.colour)
                    blf.position(FONT, spot.x - 0.5 * blf.dimensions(FONT, label.text)[0], spot.y, 0.0)
                    blf.draw(FONT, label.text)
        finally:
            blf.disable(FONT, blf.SHADOW)


def register() -> None:
    space = bpy.types.SpaceView3D
    for name, draw, moment in (("overlays", _draw_shapes, "POST_VIEW"), ("frame numbers", _draw_labels, "POST_PIXEL")):
        _handles.append(space.draw_handler_add(guard.safely(name, draw), (), "WINDOW", moment))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
    guard.forgive()
