"""Where a character shall go and what it shall hold, as shapes: its path, waypoints and pins."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...motion import frames as axes
from ...motion.rotations import Array
from ...protocol.failures import GenmoFailure
from ..direction_properties import PART_ITEMS
from ..services.direction import frames_of, in_scene, line_of
from .shapes import DIRECTION, Label, Lines, Shapes, arrowed, number, ring, star

PART_NAMES = {part: words.lower() for part, words, _ in PART_ITEMS}
FACING = 0.4
"""Metres: the arrow of a waypoint that says where to look."""


def key_of(target: bpy.types.Object) -> tuple[Any, ...]:
    """All that the shapes depend on but the places of objects."""
    settings = target.genmo_direction
    return (
        settings.path.session_uid if settings.path is not None else 0,
        tuple(
            (w.target.session_uid if w.target else 0, *frames_of(w), w.use_facing, w.radius, w.enabled)
            for w in settings.waypoints
        ),
        tuple((p.target.session_uid if p.target else 0, p.part, p.first, p.last, p.enabled) for p in settings.pins),
    )


def places_of(target: bpy.types.Object) -> tuple[float, ...]:
    """Where the objects of a direction are."""
    settings = target.genmo_direction
    seen = [settings.path, *(w.target for w in settings.waypoints), *(p.target for p in settings.pins)]
    return tuple(x for one in seen if one is not None for row in one.matrix_world for x in row)


def shapes_of(scene: bpy.types.Scene, target: bpy.types.Object) -> Shapes:
    """The path as it lies on the character's floor with an arrow at its end, a ring with its frame at each waypoint, a
    star with part and frames at each pin. Objects that are not in the scene are left out."""
    settings, home = target.genmo_direction, np.array(target.matrix_world)
    up = home[:3, 2] / max(float(np.linalg.norm(home[:3, 2])), 1e-9)
    scale = max(float(np.linalg.norm(home[:3, 0])), 1e-9)
    out = Shapes()
    if settings.path is not None and in_scene(scene, settings.path):
        out += _path(settings.path, home, up, scale)
    for way in settings.waypoints:
        if way.enabled and in_scene(scene, way.target):
            matrix = np.array(way.target.matrix_world)
            place = on_floor(matrix[None, :3, 3], home, up)[0]
            lines = [ring(place, max(way.radius, 0.05) * scale, up)]
            if way.use_facing:
                ahead = -matrix[:3, 1] - (-matrix[:3, 1] @ up) * up
                ahead /= max(float(np.linalg.norm(ahead)), 1e-9)
                lines.append(arrowed(np.stack([place, place + FACING * scale * ahead]), up, scale))
            out += _drawn(lines, place + 0.1 * scale * up, "–".join(number(f) for f in frames_of(way)))
    for pin in settings.pins:
        if pin.enabled and in_scene(scene, pin.target):
            place = np.array(pin.target.matrix_world)[:3, 3]
            words = f"{PART_NAMES[pin.part]} {pin.first}–{pin.last}"
            out += _drawn([star(place, 0.06 * scale)], place + 0.1 * scale * up, words)
    return out


def _path(curve: bpy.types.Object, home: Array, up: Array, scale: float) -> Shapes:
    evaluated = curve.evaluated_get(bpy.context.evaluated_depsgraph_get())
    try:
        points = axes.points_to_blender(line_of(curve, evaluated, np.array(evaluated.matrix_world, dtype=np.float64)))
    except GenmoFailure:  # a curve without points: the panel says it
        return Shapes()
    return _drawn([arrowed(on_floor(points, home, up), up, scale)])


def on_floor(points: Array, home: Array, up: Array) -> Array:
    """Points (N, 3) of the world let down on the floor of a character that stands at ``home`` (4, 4)."""
    return points - ((points - home[:3, 3]) @ up)[:, None] * up


def _drawn(lines: list[Array], place: Array | None = None, words: str = "") -> Shapes:
    points = np.concatenate(lines).reshape(-1, 3).astype(np.float32)
    colours = np.tile(np.array(DIRECTION, np.float32), (len(points), 1))
    labels = () if place is None else (Label((float(place[0]), float(place[1]), float(place[2])), words, DIRECTION),)
    return Shapes(lines=(Lines(points, colours, 2.0),), labels=labels)
