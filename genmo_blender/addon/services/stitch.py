"""Stitch Takes: the beginning of the shown take and the end of another that waits, as one more take.

The animator's keys in the shown take are carried over byte for byte, and so are those that she has made in the other
one behind the cut; the motion goes through them.
"""

from __future__ import annotations

import bpy

from ...motion.retiming import even, retimed
from ...motion.rotations import Array
from ...motion.stitching import Take, best_cut, stitched
from .. import character, compat, keying, ownership, posing, reading, sentences
from ..paths import bone_of
from . import added, contact_bars, passages, takes, writing

APART = 0.12
"""Share of the length by which the two frames of a cut may differ: the whole keeps its length on the timeline."""


def stitch(target: bpy.types.Object, scene: bpy.types.Scene, other: int) -> str:
    """A new waiting take, shown: what it joins and where, in a sentence. ``other``: the second take's number among
    those that wait, counted from one; 0 for the next one. Raises GenmoFailure, having changed nothing.
    """
    found, index = takes.waiting(target), target.genmo.review.index
    if len(found) < 2:
        raise sentences.needs_two_takes(target.name)
    if not 0 <= other <= len(found):
        raise sentences.no_such_take(target.name, other, len(found))
    second = other - 1 if other else (index + 1) % len(found)
    if second == index:
        second = (index + 1) % len(found)
    try:
        a = passages.read(target, scene)
        takes.show(target, second)
        b = passages.read(target, scene, (a.first, a.last))
    finally:
        takes.show(target, index)
    joined, cut_at, cost = _joined(a, b)
    action = a.action.copy()
    try:
        action.name = _name(a.action.name, b.action.name)
        # It is no longer what one seed made; only where it lies is known.
        keying.store_recipe(action, {"format": 1, "frames": takes.frames_of(a.action) or [a.first, a.last]})
        action.genmo.dense = None
        added.forget(action)
        _put_keys_of(takes.own_state(target), b.action, action, a.first + cut_at)
        passage = passages.Passage(target, action, a.slot, a.first, a.fps, a.values, a.motion)
        own = character.OwnState(action, a.slot, character.read_state(target).pose, True)
        keys = posing.own_keys(action, a.slot, a.first, a.last, eulers=own.pose.eulers)
        motion = writing.through_keys(target, own, keys, joined.rotations, joined.path, a.first, a.fps)
        passages.write(passage, *motion, kept=keys.kept)
        contact_bars.put(action, a.first, a.last, joined.bars)
        added.count_as_known(takes.own_state(target), action)  # they lie in the takes that it was made of
    except BaseException:
        bpy.data.actions.remove(action)
        raise
    action.use_fake_user = True
    action.genmo.owner = target
    target.genmo.review.takes.add().action = action
    takes.show(target, len(takes.waiting(target)) - 1)
    return sentences.stitched(a.action.name, b.action.name, a.first + cut_at, cost)


def _put_keys_of(own: character.OwnState, other: bpy.types.Action, action: bpy.types.Action, after: int) -> None:
    """Give a copy of the shown take the keys that the animator has made in another one after a frame, where she has
    none of her own in it."""
    slot = action.slots[0]
    bag = compat.ensure_channelbag(action, slot)
    before = reading.curves_of(action, slot.identifier)
    known = ownership.written(action)
    for channel, fields in added.added_keys(own, [other]).items():
        late = fields["co"][:, 0] > after
        if not late.any():
            continue
        made = {field: rows[late] for field, rows in fields.items()}
        curve = before.get(channel)
        if curve is None:
            keying.put(compat.new_curve(bag, *channel, bone_of(channel[0])), made)
            continue
        old = keying.fields_of(curve)
        hers = ownership.mine(action, curve, known)
        keying.put(curve, keying.merged(old, keying.merged(made, {field: rows[hers] for field, rows in old.items()})))


def _joined(a: passages.Passage, b: passages.Passage) -> tuple[Take, int, float]:
    """The stitched motion, as long as ``a``; the frame of ``a`` where it is cut, and how unlike the two were there."""
    first, second = (Take(p.motion.rotations, p.motion.path, contact_bars.found(p)) for p in (a, b))
    frames = len(a.values)
    cut = best_cut(first, second, a.fps, apart=max(round(APART * frames), 2))
    out = stitched(first, second, a.fps, cut)
    rotations: Array = out.rotations
    path, bars = out.path, out.bars
    if len(path) != frames:
        rotations, path, bars = retimed(rotations, path, a.fps, bars, even(len(path), frames))
    return Take(rotations, path, bars), cut.first, cut.cost


def _name(a: str, b: str) -> str:
    """``Hero · walks · t01 · s7 + t02``, within what Blender can hold."""
    tail = " + " + next((part for part in b.split(" · ") if part[:1] == "t" and part[1:].isdigit()), b)
    tail = tail.encode()[:24].decode(errors="ignore")
    return a.encode()[: keying.NAME_BYTES - len(tail.encode())].decode(errors="ignore") + tail
