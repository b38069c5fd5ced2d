"""A character far off that is given a way, and looks at where it went."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Vector

FRAMES = 91


def placed(stage, fps: int = 30):
    """A character far off, turned, on a raised floor, walking for three seconds."""
    scene = bpy.context.scene
    scene.render.fps = fps
    target = stage.character()
    target.location, target.rotation_euler = (12.0, -7.0, 3.0), (0.0, 0.0, math.radians(137))
    bpy.context.view_layer.update()
    stage.strips(("a person walks forward", 1, 1 + round(3 * fps)))
    return target


def s_curve(target, name: str = "Road") -> bpy.types.Object:
    """An S of 3.6 m that begins where the character stands and goes where it looks, floating over its floor."""
    data = bpy.data.curves.new(name, "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(4)
    for i, point in enumerate(spline.bezier_points):
        point.co = target.matrix_world @ Vector((0.3 * math.sin(i * math.pi / 2), -0.9 * i, 0.4))
        point.handle_left_type = point.handle_right_type = "AUTO"
    data.resolution_u = 24
    road = bpy.data.objects.new(name, data)
    bpy.context.collection.objects.link(road)
    return road


def points_of(road) -> np.ndarray:
    graph = bpy.context.evaluated_depsgraph_get()
    evaluated = road.evaluated_get(graph)
    mesh = evaluated.to_mesh()
    out = np.array([road.matrix_world @ v.co for v in mesh.vertices])
    evaluated.to_mesh_clear()
    return out


def each_frame(target, bone: str, frames) -> np.ndarray:
    """Heads of a bone in the world."""
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        out.append(tuple(target.matrix_world @ target.pose.bones[bone].head))
    return np.array(out)


def use(target) -> None:
    for other in bpy.context.view_layer.objects.selected:
        other.select_set(False)
    target.select_set(True)
    bpy.context.view_layer.objects.active = target


def notes_of(stage, target):
    return stage.module("addon.services.direction_notes").notes(bpy.context.scene, target, 1, FRAMES, 30.0)


def gone(scene, found) -> None:
    """As X in the 3D View does: the entry's pointer keeps the object."""
    for collection in found.users_collection:
        collection.objects.unlink(found)


def keyed_twice(target, names, first: int, last: int) -> None:
    """The character keyed where it stands and 60 cm further on, selected."""
    rest = target.data.bones["pelvis"].matrix_local.to_3x3()
    for frame, far in ((first, 0.0), (last, 0.6)):
        target.pose.bones["pelvis"].location = rest.inverted() @ Vector((0.0, -far, 0.0))
        for name in names:
            target.pose.bones[name].keyframe_insert("rotation_quaternion", frame=frame)
        target.pose.bones["pelvis"].keyframe_insert("location", frame=frame)
    for curve in target.animation_data.action.layers[0].strips[0].channelbags[0].fcurves:
        for key in curve.keyframe_points:
            key.select_control_point = True
