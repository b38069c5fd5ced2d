"""Curves and empties made for a character's direction: its travel as a curve, waypoints, pins."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Vector

from ...motion.holds import JOINT
from .. import character, reading, sentences

STEP = 6
"""Frames from one point of a travel's curve to the next: a stride has four."""
_MOVES = 0.05  # m


def add_empty(scene: bpy.types.Scene, name: str, place: Sequence[float], shape: str, size: float) -> bpy.types.Object:
    """A new empty of the scene at a place of the world."""
    made = bpy.data.objects.new(name, None)
    made.empty_display_type, made.empty_display_size = shape, size
    made.location = place
    scene.collection.objects.link(made)
    return made


def add_waypoint(
    scene: bpy.types.Scene, target: bpy.types.Object, place: Sequence[float], frame: int
) -> bpy.types.PropertyGroup:
    """A waypoint of the character at a place of the world and a frame."""
    made = add_empty(scene, f"{target.name} waypoint {frame}", place, "ARROWS", 0.25)
    made.rotation_euler = (0.0, 0.0, target.matrix_world.to_euler().z)
    way = target.genmo_direction.waypoints.add()
    way.target, way.frame, way.last = made, frame, frame + round(scene.render.fps / scene.render.fps_base)
    return way


def pin_here(
    scene: bpy.types.Scene, target: bpy.types.Object, part: str, first: int, last: int
) -> bpy.types.PropertyGroup:
    """The part held where it is now, over frames. Raises RequestFailure for a character that has lost bones."""
    _need_bones(target)
    bone = target.pose.bones[character.body_names()[JOINT[part]]]
    place = target.matrix_world @ bone.head
    made = add_empty(scene, f"{target.name} {part.replace('_', ' ')}", place, "SPHERE", 0.06)
    made.rotation_euler = (target.matrix_world @ bone.matrix).to_euler()  # as the part is turned now
    pin = target.genmo_direction.pins.add()
    pin.part, pin.target, pin.first, pin.last = part, made, first, last
    return pin


def _need_bones(target: bpy.types.Object) -> None:
    failure = character.missing_bones(target)
    if failure is not None:
        raise failure


def curve_of_travel(scene: bpy.types.Scene, target: bpy.types.Object, first: int, last: int) -> bpy.types.Object:
    """The way of the hips over the character's floor as a curve object that can be edited. Raises RequestFailure when
    the character stays in its place or has lost bones."""
    _need_bones(target)
    pelvis = target.pose.bones[character.body_names()[0]]
    frames = sorted({*range(first, last, STEP), last})
    places = []
    for _ in reading.visited(scene, target, frames):
        head = pelvis.head
        places.append(tuple(target.matrix_world @ Vector((head.x, head.y, 0.0))))
    points = np.array(places)
    if np.linalg.norm(points - points[0], axis=1).max() < _MOVES:
        raise sentences.stays_in_place(target.name)
    data = bpy.data.curves.new(f"{target.name} path", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(len(points) - 1)
    for point, place in zip(spline.bezier_points, places, strict=True):
        point.co = place
        point.handle_left_type = point.handle_right_type = "AUTO"
    made = bpy.data.objects.new(data.name, data)
    scene.collection.objects.link(made)
    return made
