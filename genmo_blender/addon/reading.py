"""An action's curves -> motion in the model's space: the way back from `keying.pose_curves`.

Channels without a curve, or whose curve is muted, count as the pose that they have now, as they do in Blender.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import bpy
import numpy as np

from ..motion import frames as axes
from ..motion.eulers import ORDERS, to_quaternions
from ..motion.rotations import Array, conjugate, multiply, normalise
from . import character, compat
from .paths import Channel, euler_path, location_path, rotation_path, turn_channels

Frame = TypeVar("Frame", int, float)


@dataclass(frozen=True)
class Motion:
    """What a character's 22 bones do: local ``rotations`` (N, 22, 4), w first, and the pelvis's ``path`` (N, 3) metres,
    both in the character's own space turned to Y up, as `protocol.motions.Take` has them."""

    rotations: Array
    path: Array


def curves_of(action: bpy.types.Action | None, slot: str) -> dict[Channel, bpy.types.FCurve]:
    """The slot's curves by their channel."""
    bag = compat.find_channelbag(action, action.slots.get(slot) if action else None)
    return {(curve.data_path, curve.array_index): curve for curve in bag.fcurves} if bag else {}


def channels(names: Sequence[str]) -> list[Channel]:
    """The columns of motion: the pelvis's location, then every bone's quaternion, which is also how a bone is read that
    turns by Euler angles."""
    place = [(location_path(names[0]), i) for i in range(3)]
    return place + [(rotation_path(name), i) for name in names for i in range(4)]


def keyed_channels(names: Sequence[str], eulers: Collection[str] = ()) -> dict[Channel, int]:
    """The channels that motion is keyed on, and the bone that each turns, -1 for the pelvis's location. ``eulers``
    names bones that turn by Euler angles."""
    out = {(location_path(names[0]), i): -1 for i in range(3)}
    for j, name in enumerate(names):
        out |= dict.fromkeys(turn_channels(name, name in eulers), j)
    return out


def motion_at(target: bpy.types.Object, own: character.OwnState, frames: Array) -> Motion:
    """What the animator's own action does at scene ``frames`` (N,), fractions too.

    Constraints and NLA tracks (`seen_at`) are not in it. Raises KeyError for a bone that is missing.
    """
    return from_channels(target, values_at(curves_of(own.action, own.slot), own.pose, frames))


def seen_at(scene: bpy.types.Scene, target: bpy.types.Object, own: character.OwnState, frames: Array) -> Motion:
    """As `motion_at`, with NLA tracks: the scene visits each frame and comes back."""
    names = character.body_names()
    rows = []
    for _ in visited(scene, target, frames, own):
        bones = target.pose.bones
        rows.append([*bones[names[0]].location, *(x for name in names for x in _turn_of(bones[name]))])
    return from_channels(target, np.array(rows).reshape(len(frames), -1))


def _turn_of(bone: bpy.types.PoseBone) -> Sequence[float]:
    """How a bone is turned now, as a quaternion."""
    if bone.rotation_mode in ORDERS:
        turn: Sequence[float] = bone.rotation_euler.to_quaternion()
        return turn
    return bone.rotation_quaternion


def visited(
    scene: bpy.types.Scene, target: bpy.types.Object, frames: Iterable[Frame], own: character.OwnState | None = None
) -> Iterator[Frame]:
    """The scene at each frame in turn, where the character plays what it plays, or ``own``; afterwards all is as it
    was, the character's channels without a curve too."""
    frames = list(frames)
    if own is None and frames == [scene.frame_current] and not scene.frame_subframe:
        yield frames[0]
        return
    back, subframe, shown = scene.frame_current, scene.frame_subframe, character.read_state(target)
    try:
        if own is not None:
            character.put_back(target, own)
        for frame in frames:
            scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
            yield frame
    finally:
        if own is not None:
            character.put_back(target, shown)
        scene.frame_set(back, subframe=subframe)
        # Channels without a curve do not come back with the frame.
        character.put_back(target, shown)


def layered(target: bpy.types.Object) -> list[bpy.types.NlaStrip]:
    """The NLA strips that a character moves by beside its action."""
    data = target.animation_data
    if data is None or not data.use_nla:
        return []
    tracks = [track for track in data.nla_tracks if not track.mute]
    return [strip for track in tracks for strip in track.strips if not strip.mute]


def values_at(curves: Mapping[Channel, bpy.types.FCurve], pose: character.Pose, frames: Array) -> Array:
    """(N, C) of `channels` at the frames; where there is no curve that plays, as ``pose`` has it."""
    names = character.body_names()
    standing = np.array([*pose.location, *(x for name in names for x in pose.rotations[name])])
    out = np.tile(standing, (len(frames), 1))
    times = [float(frame) for frame in frames]
    for column, channel in enumerate(channels(names)):
        curve = curves.get(channel)
        if curve is not None and not curve.mute:
            out[:, column] = [curve.evaluate(time) for time in times]
    for name, (order, stands) in pose.eulers.items():
        first = 3 + 4 * names.index(name)
        out[:, first : first + 4] = to_quaternions(angles_at(curves, name, stands, times), order)
    return out


def angles_at(
    curves: Mapping[Channel, bpy.types.FCurve], name: str, stands: Sequence[float], frames: Sequence[float] | Array
) -> Array:
    """Euler angles (N, 3) of a bone at the frames; where no curve plays, as it ``stands``."""
    out = np.tile(np.array(stands, dtype=np.float64), (len(frames), 1))
    for i in range(3):
        curve = curves.get((euler_path(name), i))
        if curve is not None and not curve.mute:
            out[:, i] = [curve.evaluate(float(frame)) for frame in frames]
    return out


def from_channels(target: bpy.types.Object, values: Array) -> Motion:
    """Values (N, C) of `channels` in bone axes -> motion; the inverse of `keying.pose_curves`."""
    rest = character.rest_pose(target, character.body_names())
    q = normalise(values[:, 3:].reshape(len(values), -1, 4))
    turns = np.broadcast_to(rest.turns, q.shape)
    place = rest.pelvis_head + values[:, :3] @ rest.pelvis_axes.T
    return Motion(multiply(multiply(conjugate(turns), q), turns), axes.points_to_model(place))
