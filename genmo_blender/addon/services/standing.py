"""Where a character stands, cheap enough to draw, and which waypoints nobody reaches from there."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ...motion.rotations import Array
from ...protocol.direction_checks import FASTEST
from .. import character, reading, sentences
from ..paths import location_path
from . import takes


def too_far(
    target: bpy.types.Object, ways: Sequence[bpy.types.PropertyGroup], first: int, fps: float, size: float
) -> list[str]:
    """Sentences on waypoints that nobody reaches from where the character stands at the range's first frame. ``size``:
    the scale of the character."""
    stands, out = _stands(target, first), []
    for way in ways if stands is not None else ():
        latest = way.last if way.between else way.frame
        far = float(np.linalg.norm(np.array(way.target.matrix_world)[:2, 3] - stands)) / size
        speed = max(far - way.radius, 0.0) * fps / max(latest - first, 1)
        if speed > FASTEST and far > 0.25 and latest > first:
            out.append(sentences.first_waypoint_too_fast(way.target.name, far, speed))
    return out


def _stands(target: bpy.types.Object, frame: int) -> Array | None:
    """The pelvis's place (2,) on the world's floor by the animator's own curves; None where more than these says it."""
    if character.obstacle(target) is not None or reading.layered(target):
        return None
    name = character.body_names()[0]
    if len(target.pose.bones[name].constraints):
        return None
    own = takes.own_state(target)
    curves = reading.curves_of(own.action, own.slot)
    keyed = [curves.get((location_path(name), i)) for i in range(3)]
    place = [own.pose.location[i] if c is None or c.mute else c.evaluate(frame) for i, c in enumerate(keyed)]
    rest = character.rest_pose(target, (name,))
    there = np.array([*(rest.pelvis_axes @ np.array(place) + rest.pelvis_head), 1.0])
    seen: Array = (np.array(target.matrix_world) @ there)[:2]
    return seen
