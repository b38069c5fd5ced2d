"""Paths and pins, in Blender: an S-curve walked along, hands and feet held at points."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Vector

from ..bench_bars import stage
from ..figures import Table
from . import acting, pops

Array = np.ndarray
FPS, SECONDS = 30, 4
WALKS = ("a person walks forward", "a person jogs", "a person walks slowly")
PINS = {"left_hand": (0.3, -0.3, 0.15), "right_hand": (-0.2, -0.3, 0.3), "left_foot": (0.15, -0.15, -0.6)}
"""Where a part is held, from the hips, in the character's axes: metres."""
HELD = 30


def paths(table: Table) -> None:
    """S-curves of 4 m in 4 s, in each timing."""
    for seed, text in enumerate(WALKS):
        for timing in ("EVEN", "FREE"):
            last = 1 + SECONDS * FPS
            target = acting.fresh(FPS, 1, last)
            bpy.ops.genmo.add_text_strip(text=text, start=1, end=last)
            road = _s_curve(target)
            target.genmo_direction.path, target.genmo_direction.timing = road, timing
            acting.generate(seed + 1)
            joints, _ = acting.played(target, np.arange(1, last + 1))
            line = _points(road)
            away, share, leg = _nearest(joints[:, 0, :2], line)
            name = f"{text}, {timing}"
            table.add("path: hips from an S-curve, cm", 3.0, 100 * away.max(), name)
            legs = np.diff(line, axis=0)
            way = np.arctan2(legs[leg, 1], legs[leg, 0])
            across = joints[:, 16, :2] - joints[:, 17, :2]
            hips = joints[:, 1, :2] - joints[:, 2, :2]
            looks = np.arctan2(-(across + hips)[:, 0], (across + hips)[:, 1])
            off = np.degrees(np.abs(np.angle(np.exp(1j * (looks - way)))))
            table.add("path: heading of hips and shoulders off it, mean degrees", 10.0, off.mean(), name)
            table.add("path: share of it that is gone", None, share.max(), name, least=True)


def pins(table: Table) -> None:
    """A part held for a second at a point that goes along with the hips, waving."""
    for seed, (part, place) in enumerate(PINS.items()):
        for text in WALKS[:2] if part.endswith("hand") else ("a person stands", "a person dances"):
            last = 1 + SECONDS * FPS
            target = acting.fresh(FPS, 1, last)
            bpy.ops.genmo.add_text_strip(text=text, start=1, end=last)
            acting.generate(seed + 1)
            free, _ = acting.played(target, np.arange(1, last + 1))
            first = 46
            bpy.context.scene.frame_set(first)
            bpy.ops.genmo.pin_here(part=part, frames=HELD)
            (pin,) = target.genmo_direction.pins
            bpy.ops.genmo.drop_take()
            held = np.arange(first, first + HELD)
            points = free[held - 1, 0] + place + np.outer(np.sin(np.arange(HELD) / 5), [0, 0, 0.05])
            for frame, point in zip(held, points, strict=True):
                pin.target.location = point
                pin.target.keyframe_insert("location", frame=int(frame))
            acting.generate(seed + 1)
            joints, _ = acting.played(target, np.arange(1, last + 1))
            joint = stage.module("motion.pinning").JOINT[part]
            missed = np.linalg.norm(joints[held - 1, joint] - points, axis=1)
            name = f"{part}, {text}"
            table.add("pins: miss over 30 frames, worst, mm", 2.0, 1000 * missed.max(), name)
            edges = [at + d for at in (first - 1, first + HELD - 2) for d in (-1, 0, 1)]
            table.add("pins: speed at their ends / beside them", 1.25, pops.speeding(joints, FPS, edges), name)


def _s_curve(target: bpy.types.Object) -> bpy.types.Object:
    data = bpy.data.curves.new("Road", "CURVE")
    data.dimensions, data.resolution_u = "3D", 24
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(4)
    for i, point in enumerate(spline.bezier_points):
        point.co = target.matrix_world @ Vector((0.3 * math.sin(i * math.pi / 2), -1.0 * i, 0.0))
        point.handle_left_type = point.handle_right_type = "AUTO"
    road = bpy.data.objects.new("Road", data)
    bpy.context.collection.objects.link(road)
    bpy.context.view_layer.update()
    return road


def _points(road: bpy.types.Object) -> Array:
    """(N, 2): the curve as Blender draws it, on the floor."""
    evaluated = road.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    found = np.array([tuple(road.matrix_world @ v.co)[:2] for v in mesh.vertices])
    evaluated.to_mesh_clear()
    return found


def _nearest(places: Array, line: Array) -> tuple[Array, Array, Array]:
    """Of places (T, 2): metres from the line (N, 2), how much of it lies behind, and at which of its legs."""
    legs = np.diff(line, axis=0)
    to = places[:, None] - line[:-1]
    share = np.clip(np.sum(to * legs, axis=-1) / np.sum(legs * legs, axis=-1), 0.0, 1.0)
    apart = np.linalg.norm(to - share[..., None] * legs, axis=-1)
    leg = apart.argmin(axis=1)
    rows, lengths = np.arange(len(places)), np.linalg.norm(legs, axis=1)
    gone = (np.concatenate([[0.0], np.cumsum(lengths)])[leg] + share[rows, leg] * lengths[leg]) / lengths.sum()
    return apart[rows, leg], gone, leg
