"""Restore Dense Keys: what was there before Reduce Keys.

It lies in an action of its own, protected by a fake user, at ``action.genmo.dense``; reduced twice, it is restored step
by step.
"""

from __future__ import annotations

import bpy

from .. import character, compat, keying, ownership, reading, sentences
from . import passages


def keep(passage: passages.Passage) -> None:
    """A copy of the action as it is, protected, at its property."""
    action = passage.action
    kept = action.copy()
    kept.name = _name(action.name)
    kept.use_fake_user = True
    kept.genmo.owner = None
    # How far it reaches lies with it.
    kept["genmo_dense_range"] = [passage.first, passage.last]
    action.genmo.dense = kept


def _name(name: str) -> str:
    tail = " (dense)"
    return name.encode()[: keying.NAME_BYTES - len(tail)].decode(errors="ignore") + tail


def restore(target: bpy.types.Object) -> int:
    """The keys that were there before the last Reduce Keys, bit for bit, in its range; returns how many.

    What lies outside that range stays as it is now. Raises GenmoFailure.
    """
    reason = passages.obstacle(target)
    if reason is not None:
        raise reason
    action, slot = target.animation_data.action, target.animation_data.action_slot.identifier
    kept = action.genmo.dense
    if kept is None or "genmo_dense_range" not in kept or slot not in kept.slots:
        raise sentences.no_dense_keys(action.name)
    first, last = (int(frame) for frame in kept["genmo_dense_range"])
    now, count = reading.curves_of(action, slot), 0
    ours = set(reading.keyed_channels(character.body_names(), character.euler_orders(target)))
    closed = [c for c in now if c in ours and now[c].lock]
    if closed:
        raise sentences.closed_channels(sorted({path.split('"')[1] for path, _ in closed}))
    then = reading.curves_of(kept, slot)
    bag = compat.ensure_channelbag(action, action.slots[slot])
    for path, index in sorted(set(now) & ours - set(then)):
        bag.fcurves.remove(bag.fcurves.find(path, index=index))
    for (path, index), curve in then.items():
        if (path, index) not in ours:
            continue
        keys = keying.fields_of(curve)
        inside = (keys["co"][:, 0] >= first) & (keys["co"][:, 0] <= last)
        mine = bag.fcurves.find(path, index=index) or compat.new_curve(bag, path, index, path.split('"')[1])
        passages.exchange(mine, first, last, {field: rows[inside] for field, rows in keys.items()})
        count += int(inside.sum())
    if ownership.WRITTEN in kept:
        action[ownership.WRITTEN] = kept[ownership.WRITTEN]
    action.genmo.dense = kept.genmo.dense
    _release(kept)
    return count


def hand_over(take: bpy.types.Action, action: bpy.types.Action) -> None:
    """The dense keys of a take become those of the action that it is kept in; what was kept for that lies behind."""
    kept = last = take.genmo.dense
    if kept is None:
        return
    while last.genmo.dense is not None:
        last = last.genmo.dense
    last.genmo.dense, action.genmo.dense = action.genmo.dense, kept


def forget(action: bpy.types.Action) -> None:
    """Remove the dense keys kept for an action that goes."""
    kept, action.genmo.dense = action.genmo.dense, None
    while kept is not None:
        older = kept.genmo.dense
        if not _release(kept):
            return
        kept = older


def _release(kept: bpy.types.Action) -> bool:
    """Remove kept dense keys, unless a copy of the action needs them too."""
    if any(action.genmo.dense == kept for action in bpy.data.actions):
        return False
    bpy.data.actions.remove(kept)
    return True
