"""What is wrong with a character's path, waypoints and pins as the scene stands, for the panel."""

from __future__ import annotations

from itertools import combinations

import bpy
import numpy as np

from ...protocol.direction import PARTS
from ...protocol.direction_checks import FASTEST
from .. import sentences
from . import standing
from .direction import frames_of, in_scene


def notes(scene: bpy.types.Scene, target: bpy.types.Object, first: int, last: int, fps: float) -> list[str]:
    """What is wrong with a character's direction as the scene stands, in sentences: cheap enough to draw."""
    settings, out = target.genmo_direction, _unusable(scene, target.genmo_direction)
    size = max(float(np.linalg.norm(np.array(target.matrix_world)[:3, 0])), 1e-9)
    seconds = (last - first) / fps
    path = settings.path
    if path is not None and in_scene(scene, path) and path.data is not None and path.data.splines and seconds > 0:
        scale = float(np.linalg.norm(np.array(path.matrix_world)[:3, 0])) / size
        length = path.data.splines[0].calc_length() * scale
        if length / seconds > FASTEST:
            out.append(sentences.path_too_fast(path.name, length, length / seconds))
    used = [w for w in settings.waypoints if w.enabled and in_scene(scene, w.target)]
    stops = sorted((w for w in used if first <= w.frame <= last and not w.between), key=lambda w: w.frame)
    for one, two in zip(stops, stops[1:], strict=False):
        way = np.array(two.target.matrix_world)[:2, 3] - np.array(one.target.matrix_world)[:2, 3]
        far = float(np.linalg.norm(way)) / size
        speed = max(far - one.radius - two.radius, 0.0) * fps / max(two.frame - one.frame, 1)
        if speed > FASTEST and far > 0.25:
            out.append(sentences.waypoint_too_fast(two.target.name, far, speed))
    if path is None and used:
        out += standing.too_far(target, [*stops[:1], *(w for w in used if w.between)], first, fps, size)
    outside = [w.target.name for w in used if frames_of(w)[0] > last or frames_of(w)[-1] < first]
    pins = [p for p in settings.pins if p.enabled and in_scene(scene, p.target)]
    outside += [p.target.name for p in pins if p.first > last or p.last < first]
    return out + [sentences.direction_outside(name) for name in outside]


def _unusable(scene: bpy.types.Scene, settings: bpy.types.PropertyGroup) -> list[str]:
    """Why Generate would refuse: a sentence for each entry whose object is gone, or that asks for what cannot be."""
    failures = []
    if settings.path is not None:
        if not in_scene(scene, settings.path):
            failures.append(sentences.direction_object_missing("path", settings.path.name))
        if settings.facing == "TOWARD" and settings.toward is None:
            failures.append(sentences.facing_nothing())
    for kind, entries in (("waypoint", settings.waypoints), ("pin", settings.pins)):
        for entry in entries:
            if entry.enabled and not in_scene(scene, entry.target):
                name = "" if entry.target is None else entry.target.name
                failures.append(sentences.direction_object_missing(kind, name))
    late = [w for w in settings.waypoints if w.enabled and w.between and in_scene(scene, w.target) and w.last < w.frame]
    failures += [sentences.waypoint_backward(way.target.name) for way in late]
    backward = [p for p in settings.pins if p.enabled and in_scene(scene, p.target) and p.last < p.first]
    failures += [sentences.pin_backward(pin.target.name) for pin in backward]
    pins = [p for p in settings.pins if p.enabled and in_scene(scene, p.target) and p.first <= p.last]
    for one, two in combinations(pins, 2):
        if one.part == two.part and max(one.first, two.first) < min(one.last, two.last):
            failures.append(sentences.pins_overlap(PARTS[one.part], max(one.first, two.first)))
    return [sentences.text_of(failure) for failure in failures]
