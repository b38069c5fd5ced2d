"""Where a kept take goes: a new action, the animator's own one, an NLA strip over it, or an additive layer.

A take's action is a copy of the animator's own with the range exchanged, so it can stand in for it at once. In the NLA
Editor her action becomes a track and the take a strip over the range on a track above; nothing is active then, because
the active action would cover both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy
import numpy as np

from ...motion.rotations import Array, conjugate, continuous, multiply, normalise
from .. import character, compat, keying, ownership, reading, sentences
from ..paths import Channel, bone_of, location_path, turn_channels

NEW, INTO, STRIP, LAYER = WAYS = ("NEW", "INTO", "STRIP", "LAYER")
WRITTEN_WITH = (keying.RECIPE, ownership.WRITTEN)
"""What travels with a take's keys: how they were made, and which of them are ours."""


def into_own(target: bpy.types.Object, own: character.OwnState, take: bpy.types.Action) -> bpy.types.Action:
    """Write the take's curves into the animator's action, which plays again. Raises RequestFailure where that would
    move somebody else too."""
    action = own.action
    assert action is not None
    if action.library is not None or action.override_library is not None:
        raise sentences.into_linked_action(action.name)
    others = sorted({other.name for other in _players(action) if other != target})
    if others:
        raise sentences.into_shared_action(action.name, others)
    slot = action.slots[own.slot]
    bag = compat.ensure_channelbag(action, slot)
    before = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    for channel, curve in reading.curves_of(take, take.slots[0].identifier).items():
        mine = before.get(channel)
        if mine is None:
            group = curve.group.name if curve.group else ""
            mine = compat.new_curve(bag, *channel, group)
        keying.put(mine, keying.fields_of(curve))
    for name in WRITTEN_WITH:
        if name in take:
            action[name] = take[name]
    if keying.TRAVEL in take:
        action[keying.TRAVEL] = take[keying.TRAVEL]
    elif keying.TRAVEL in action:  # put back in the take
        del action[keying.TRAVEL]
    compat.assign(target, action, own.slot)
    return action


def _players(action: bpy.types.Action) -> Iterable[bpy.types.ID]:
    """Objects that move by an action, by its name in their NLA tracks too."""
    for target in bpy.data.objects:
        data = target.animation_data
        strips = [strip.action for track in data.nla_tracks for strip in track.strips] if data else []
        if data is not None and (data.action == action or action in strips):
            yield target


def as_strip(
    target: bpy.types.Object, own: character.OwnState, take: bpy.types.Action, first: int, last: int
) -> bpy.types.NlaStrip:
    """The take as a strip over its range, above a track of the animator's own action."""
    _push_down(target, own)
    return _strip(target, take, first, last)


def as_layer(
    target: bpy.types.Object, own: character.OwnState, take: bpy.types.Action, first: int, last: int
) -> bpy.types.NlaStrip:
    """As `as_strip`, but the strip holds what the take adds to the animator's own curves and is combined with them, so
    that a change below goes through it. Raises RequestFailure where she has no action to add to."""
    if own.action is None:
        raise sentences.nothing_to_add_to(target.name, len(target.animation_data.nla_tracks) > 0)
    frames = np.arange(first, last + 1)
    names = character.body_names()
    slot = take.slots[0]
    above, below = reading.curves_of(take, slot.identifier), reading.curves_of(own.action, own.slot)
    rest = _at_rest(target)
    base = reading.values_at(below, rest, frames)
    made = reading.values_at({**below, **above}, rest, frames)
    ours = made[:, 3:].reshape(len(frames), -1, 4)
    added = multiply(conjugate(normalise(base[:, 3:].reshape(ours.shape))), normalise(ours))
    angles = {}
    for name, (_, stands) in rest.eulers.items():  # Blender adds angles, where it multiplies quaternions
        plain = reading.angles_at(below, name, stands, frames)
        angles[name] = reading.angles_at({**below, **above}, name, stands, frames) - plain
    wanted = set(above)
    for curve in list(compat.ensure_channelbag(take, slot).fcurves):
        compat.ensure_channelbag(take, slot).fcurves.remove(curve)
    turns = continuous(added)
    values = dict(zip([(location_path(names[0]), i) for i in range(3)], (made[:, :3] - base[:, :3]).T, strict=True))
    for j, name in enumerate(names):
        told = angles.get(name, turns[:, j])
        values |= dict(zip(turn_channels(name, name in angles), told.T, strict=True))
    _fill(take, slot, frames, {channel: told for channel, told in values.items() if channel in wanted})
    strip = as_strip(target, own, take, first, last)
    strip.blend_type = "COMBINE"
    return strip


def _at_rest(target: bpy.types.Object) -> character.Pose:
    """What an NLA track counts from where a channel has no curve."""
    still: tuple[float, ...] = (0.0, 0.0, 0.0)
    eulers = {name: (order, still) for name, order in character.euler_orders(target).items()}
    return character.Pose({name: (1.0, 0.0, 0.0, 0.0) for name in character.body_names()}, still, eulers)


def _fill(action: bpy.types.Action, slot: bpy.types.ActionSlot, frames: Array, values: Mapping[Channel, Array]) -> None:
    """New curves for channels whose values (N,) are given."""
    bag = compat.ensure_channelbag(action, slot)
    curves = [compat.new_curve(bag, path, index, bone_of(path)) for path, index in values]
    compat.fill_curves(curves, frames.astype(np.float32), np.stack(list(values.values())).astype(np.float32))
    ownership.remember(action, curves, [np.ones(len(frames), bool)] * len(curves))


def _push_down(target: bpy.types.Object, own: character.OwnState) -> None:
    data = target.animation_data
    if own.action is not None:
        track = data.nla_tracks.new()
        track.name = own.action.name
        strip = track.strips.new(own.action.name, round(own.action.frame_range[0]), own.action)
        strip.action_slot = own.action.slots[own.slot]
    data.action = None


def _strip(target: bpy.types.Object, take: bpy.types.Action, first: int, last: int) -> bpy.types.NlaStrip:
    track = target.animation_data.nla_tracks.new()
    track.name = take.name
    strip = track.strips.new(take.name, first, take)
    strip.action_slot = take.slots[0]
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.frame_start, strip.frame_end = first, last
    strip.extrapolation = "NOTHING"
    return strip
