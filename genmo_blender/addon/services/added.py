"""Keys that the animator makes while takes wait: they lie in a take's action, and Drop must not take them along.

A tool that rewrites a take's keys (Reduce Keys, Smooth, Retime, ...) rewrites hers among them. What it takes away, or
leaves with other handles, lies aside with the take, as she made it; what it moves or restores is not new by that.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from ...motion.rotations import Array
from .. import character, compat, keying, ownership, reading
from ..paths import SAME_TIME, Channel, bone_of

Keys = dict[Channel, keying.Fields]
ASIDE = "genmo_keys_aside"
"""Custom property of a waiting take: the animator's keys that a tool took away, as JSON of data path, index, bytes."""
KNOWN = "genmo_keys_known"
"""Custom property of a waiting take: marks (`ownership`) of the animator's keys in it that she has not made there."""


def added_keys(own: character.OwnState, takes: Sequence[bpy.types.Action]) -> Keys:
    """What the animator has keyed in some takes and her own action does not have, in them or put aside; of two keys at
    a time that of the later take."""
    out: Keys = {}
    for take in takes:
        for found in (_aside(take), _made_in(own, take)):
            for channel, fields in found.items():
                out[channel] = keying.merged(out[channel], fields) if channel in out else fields
    return out


def _made_in(own: character.OwnState, take: bpy.types.Action) -> Keys:
    """What of the animator's stands in a take, and neither in her own action nor among what counts as known."""
    before = reading.curves_of(own.action, own.slot)
    written, known, out = ownership.written(take), ownership.numbers(take, KNOWN), {}
    for channel, curve in reading.curves_of(take, take.slots[0].identifier).items():
        mine = ownership.mine(take, curve, written) & ~np.isin(ownership.marks(curve), known)
        if not mine.any():
            continue
        fields = _rows(keying.fields_of(curve), mine)
        if channel in before:
            fields = _rows(fields, ~_among(fields, keying.fields_of(before[channel])))
        if len(fields["co"]):
            out[channel] = fields
    return out


def _rows(fields: keying.Fields, which: Array) -> keying.Fields:
    return {name: rows[which] for name, rows in fields.items()}


def _among(fields: keying.Fields, others: keying.Fields) -> Array:
    """(N,) bool: which keys stand with time and value among the others. Both are in order of time."""
    ours, theirs = fields["co"], others["co"]
    if not len(theirs):
        return np.zeros(len(ours), bool)
    after = np.searchsorted(theirs[:, 0], ours[:, 0])
    near = np.clip([after - 1, after], 0, len(theirs) - 1)
    found: Array = np.any(np.abs(theirs[near] - ours).max(axis=-1) <= SAME_TIME / 10, axis=0)
    return found


def _without(keys: Keys, others: Keys) -> Keys:
    """The keys that are not among the others."""
    out = {c: _rows(f, ~_among(f, others[c])) if c in others else f for c, f in keys.items()}
    return {channel: fields for channel, fields in out.items() if len(fields["co"])}


def _rewritten(keys: Keys, others: Keys) -> Keys:
    """Keys that stand among the others with time and value, but differ in handles or in how they are passed."""
    out = {}
    for channel in keys.keys() & others.keys():
        here, there = keys[channel], others[channel]
        out[channel] = _rows(here, _among(here, there) & ~np.isin(_packed(here), _packed(there)))
    return {channel: fields for channel, fields in out.items() if len(fields["co"])}


def _packed(fields: keying.Fields) -> Array:
    """(N,) bytes: all that each key is made of."""
    rows = [np.ascontiguousarray(fields[name]).view(np.uint8) for name, _, _ in keying.KEY_FIELDS]
    return np.ascontiguousarray(np.concatenate(rows, axis=1)).view(f"S{_KEY_BYTES}")[:, 0]


# What a tool does to them


@contextmanager
def put_aside(own: character.OwnState, take: bpy.types.Action) -> Iterator[None]:
    """Around a tool that rewrites a take: keys of the animator's that it takes away or leaves with other handles lie
    aside with the take, one that it brings back lies aside no longer, and what it moves counts as known. Where the tool
    fails nothing happens."""
    before = _made_in(own, take)
    yield
    _know(take, _brought_back(take), False)
    after = _made_in(own, take)
    aside = _without(_aside(take), after)
    changed = _rewritten(before, after)
    for gone in (_without(before, after), changed):
        for channel, fields in gone.items():
            aside[channel] = keying.merged(aside[channel], fields) if channel in aside else fields
    _know(take, _without(_without(after, before), _aside(take)))
    _know(take, changed)
    _store(take, aside)


def count_as_known(own: character.OwnState, take: bpy.types.Action) -> None:
    """All that the animator has made in a take counts as known: it lies elsewhere too."""
    _know(take, _made_in(own, take))


def forget(take: bpy.types.Action) -> None:
    """The take is kept, or it begins: nothing lies aside with it."""
    for name in (ASIDE, KNOWN):
        if name in take:
            del take[name]


def _know(take: bpy.types.Action, keys: Keys, are: bool = True) -> None:
    """Keys of a take count as known from now on, or no longer."""
    if not keys:
        return
    curves, known, marked = reading.curves_of(take, take.slots[0].identifier), ownership.numbers(take, KNOWN), []
    for channel, fields in keys.items():
        curve = curves[channel]
        marked.append(ownership.marks(curve)[_among(keying.fields_of(curve), fields)])
    told = np.concatenate(marked)
    ownership.store(take, KNOWN, np.union1d(known, told) if are else np.setdiff1d(known, told))


def _brought_back(take: bpy.types.Action) -> Keys:
    """What lies aside with a take and stands in it again, as she made it."""
    curves, out = reading.curves_of(take, take.slots[0].identifier), {}
    for channel, fields in _aside(take).items():
        if channel in curves:
            out[channel] = _rows(fields, np.isin(_packed(fields), _packed(keying.fields_of(curves[channel]))))
    return {channel: fields for channel, fields in out.items() if len(fields["co"])}


def _aside(take: bpy.types.Action) -> Keys:
    """What lies aside with a take; nothing where it cannot be read."""
    out: Keys = {}
    try:
        for path, index, told in json.loads(take.get(ASIDE, "[]")):
            data, at, fields = base64.b64decode(told), 0, {}
            count = len(data) // _KEY_BYTES
            for name, size, kind in keying.KEY_FIELDS:
                fields[name] = np.frombuffer(data, kind, count * size, at).reshape(-1, size)
                at += fields[name].nbytes
            out[path, int(index)] = fields
    except (TypeError, ValueError):  # somebody has written something else there
        return {}
    return out


_KEY_BYTES = sum(size * np.dtype(kind).itemsize for _, size, kind in keying.KEY_FIELDS)


def _store(take: bpy.types.Action, keys: Mapping[Channel, keying.Fields]) -> None:
    if not keys and ASIDE not in take:
        return
    told = [(*channel, b"".join(f[name].tobytes() for name, _, _ in keying.KEY_FIELDS)) for channel, f in keys.items()]
    take[ASIDE] = json.dumps([(path, index, base64.b64encode(data).decode()) for path, index, data in told])


# Drop


def give_back(target: bpy.types.Object, own: character.OwnState, keys: Keys) -> int:
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
            keying.put(compat.new_curve(bag, path, index, bone_of(path)), fields)
        else:
            keying.put(curve, keying.merged(keying.fields_of(curve), fields))
    return len(np.unique(np.concatenate([fields["co"][:, 0] for fields in keys.values()]).round(3)))
