"""Keys that the animator makes while takes wait: they lie in a take's action, and Drop must not take them along."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from .. import character, compat, keying, ownership, reading
from ..paths import SAME_TIME, Channel


def added_keys(own: character.OwnState, takes: Sequence[bpy.types.Action]) -> dict[Channel, keying.Fields]:
    """What the animator has keyed in some takes and her own action does not have; of two keys at a time that of the
    later take."""
    before = {channel: keying.fields_of(curve) for channel, curve in reading.curves_of(own.action, own.slot).items()}
    out: dict[Channel, keying.Fields] = {}
    for take in takes:
        known = ownership.written(take)
        for channel, curve in reading.curves_of(take, take.slots[0].identifier).items():
            mine = ownership.mine(take, curve, known)
            fields = keying.fields_of(curve)
            if channel in before:
                mine &= ~_among(fields, before[channel])
            if mine.any():
                found = {name: rows[mine] for name, rows in fields.items()}
                out[channel] = keying.merged(out[channel], found) if channel in out else found
    return out


def _among(fields: keying.Fields, others: keying.Fields) -> np.ndarray:
    """(N,) bool: which keys stand with time and value among the others."""
    found: np.ndarray = np.any(np.abs(fields["co"][:, None] - others["co"]).max(axis=-1) <= SAME_TIME / 10, axis=1)
    return found


def give_back(target: bpy.types.Object, own: character.OwnState, keys: dict[Channel, keying.Fields]) -> int:
    """Put keys into the animator's own action, a new one where she has none. Returns at how many times."""
    if not keys or (own.action is not None and own.action.library is not None):
        return 0
    action, slot = own.action, own.slot
    if action is None:
        action = bpy.data.actions.new(f"{target.name} keys")
        slot = action.slots.new(id_type="OBJECT", name=target.name).identifier
        if target.animation_data is None or target.animation_data.action is None:
            compat.assign(target, action, slot)
    bag = compat.ensure_channelbag(action, action.slots[slot])
    before = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    for (path, index), fields in keys.items():
        curve = before.get((path, index))
        if curve is None:
            group = path.split('"')[1] if path.count('"') >= 2 else ""
            keying.put(compat.new_curve(bag, path, index, group), fields)
        else:
            keying.put(curve, keying.merged(keying.fields_of(curve), fields))
    return len(np.unique(np.concatenate([fields["co"][:, 0] for fields in keys.values()]).round(3)))
