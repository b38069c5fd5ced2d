"""Making a pose the animator's own."""

from __future__ import annotations

import bpy
import numpy as np

from .. import character, compat, reading
from ..paths import SAME_TIME, location_path, times_of, turn_channels


def key_pose(target: bpy.types.Object, frame: float) -> list[str]:
    """Key the present pose of the selected bones (none selected: of all that motion moves) at a frame, as the
    animator's. Returns their names. Raises RequestFailure where the character cannot be keyed."""
    failure = character.obstacle(target)
    if failure is not None:
        raise failure
    names = character.body_names()
    bones = [target.pose.bones[name] for name in names]
    if target.mode == "POSE" and any(compat.bone_selected(bone) for bone in bones):
        bones = [bone for bone in bones if compat.bone_selected(bone)]
    channels, eulers = set(), character.euler_orders(target)
    for bone in bones:
        turn = turn_channels(bone.name, bone.name in eulers)
        bone.keyframe_insert(turn[0][0].rpartition(".")[2], frame=frame, group=bone.name)
        channels |= set(turn)
        if bone.name == names[0]:
            bone.keyframe_insert("location", frame=frame, group=bone.name)
            channels |= {(location_path(bone.name), i) for i in range(3)}
    data = target.animation_data
    for channel, curve in reading.curves_of(data.action, data.action_slot.identifier).items():
        if channel in channels:
            _mark(curve, frame)
    return [bone.name for bone in bones]


def _mark(curve: bpy.types.FCurve, frame: float) -> None:
    """Give the key at a frame the type that the animator's own have."""
    away = np.abs(times_of(curve) - frame)
    nearest = curve.keyframe_points[int(away.argmin())]
    if away.min() <= SAME_TIME and nearest.type == "GENERATED":
        nearest.type = "KEYFRAME"
