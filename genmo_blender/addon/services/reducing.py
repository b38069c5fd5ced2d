"""Reduce Keys: few Bézier keys in place of dense ones, which stay with the file (dense_keys.py).

The fit is made in the bones' own axes, so that what it evaluates is what Blender does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ...motion.contacts import Bars, flags_of
from ...motion.reducing.body import THICKEST, THICKNESS, Body, body_of
from ...motion.reducing.curves import ControlKeys, evaluate
from ...motion.reducing.measure import figures
from ...motion.reducing.reduce import Allowed, Contacts, Reduced, reduce_keys
from ...motion.rotations import Array, conjugate, continuous, from_matrix, multiply
from ...motion.skeleton import CONTACT_JOINTS, canonical
from .. import character, compat, keying, ownership, posing, reading, sentences
from ..paths import location_path, rotation_path
from . import contact_bars, dense_keys, off_frame, passages

UP = 2
"""Blender's vertical axis."""
_KEYFRAME = compat.KEY_TYPES["KEYFRAME"]
SOME = 0.5
"""Share of frames: where fewer hold keys of the animator's, those are poses by hand and stay as they are."""


@dataclass(frozen=True)
class Outcome:
    """Keys of the passage ``before`` and ``after``; ``worst`` mm that the body is off; cm/s that feet slide more."""

    before: int
    after: int
    worst: float
    slide: float


def body(target: bpy.types.Object) -> Body:
    """The 22 bones as they rest, in their own axes, heights along Blender's Z; hands are watched to the fingertips."""
    parents = canonical().parents
    matrices = np.array([np.array(target.data.bones[name].matrix_local) for name in character.body_names()])
    turns, heads = matrices[:, :3, :3].astype(float), matrices[:, :3, 3].astype(float)
    above = np.array([0, *parents[1:]])
    offsets = np.einsum("jba,jb->ja", turns[above], heads - heads[above])
    axes = from_matrix(turns)
    rests = np.concatenate([axes[:1], multiply(conjugate(axes[above[1:]]), axes[1:])])
    leaves = set(range(len(parents))) - set(parents)
    tips = {j: (_outermost(target.data.bones[character.body_names()[j]]) - heads[j]) @ turns[j] for j in leaves}
    return body_of(parents, offsets, rests, turns[0], tips)


def _outermost(bone: bpy.types.Bone) -> Array:
    """Tails (3, 3) of the bone and of what hangs on it, such as fingertips, that reach out farthest: from the bone's
    head, from the line to the first, and from the plane of both. A bone with nothing on it has points off its axis."""
    head = np.array(bone.head_local, dtype=float)
    tails = np.array([list(b.tail_local) for b in (bone, *bone.children_recursive)], dtype=float) - head
    first = tails[np.linalg.norm(tails, axis=1).argmax()]
    along = first / max(float(np.linalg.norm(first)), 1e-9)
    aside = tails - np.outer(tails @ along, along)
    second = int(np.linalg.norm(aside, axis=1).argmax())
    normal = np.cross(along, aside[second])
    if np.linalg.norm(normal) < 1e-3 * np.linalg.norm(first):
        side = np.array(bone.matrix_local, dtype=float)[:3, [0, 2]].T
        radius = min(THICKNESS * float(np.linalg.norm(first)), THICKEST)
        return np.asarray(head + np.stack([first, *(0.5 * first + radius * side)]))
    third = tails[np.abs(tails @ normal).argmax()]
    return np.asarray(head + np.stack([first, tails[second], third]))


def reduce(target: bpy.types.Object, scene: bpy.types.Scene, distance: float, slide: float = 0.1) -> Outcome:
    """Few keys for the passage, no point of the body farther off than ``distance`` mm, and feet that slide no more than
    ``slide`` cm/s faster. Raises GenmoFailure."""
    eulers = character.euler_orders(target)
    if eulers:
        raise sentences.reduces_quaternions(target.name, list(eulers))
    passage = passages.read(target, scene)
    values, bones = passage.values, canonical().parents
    rotations = continuous(values[:, 3:].reshape(len(values), len(bones), 4))
    rotations = passages.signs_matched(passage, range(len(bones)), rotations, passage.frames)
    bars = contact_bars.found(passage)
    contacts = _contacts(bars, len(values))
    built = body(target)
    keys = posing.own_keys(passage.action, passage.slot, passage.first, passage.last)
    own = _own(passage, keys)
    hers, between = _hers(passage, keys, own), _between(passage, keys, own)
    reduced = reduce_keys(built, rotations, values[:, :3], passage.fps, contacts, Allowed(distance, slide), own, UP)
    passages.refuse_closed(passage, range(len(bones)))
    before = _count(passage)
    dense_keys.keep(passage)
    _write(passage, reduced, hers, between)
    contact_bars.put(passage.action, passage.first, passage.last, bars)
    found = figures(built, rotations, values[:, :3], passage.fps, contacts, reduced, UP)
    return Outcome(before, _count(passage), found.worst, found.slide)


def _contacts(bars: Bars, frames: int) -> Contacts:
    return Contacts(CONTACT_JOINTS[:4], flags_of(bars, frames)[:, :4])


def _own(passage: passages.Passage, keys: posing.OwnKeys) -> dict[int, list[int]]:
    """Frames of the passage at which the animator posed a bone by hand, by bone."""
    found = {}
    at = np.rint(keys.frames).astype(int) - passage.first
    keyed = keys.turned.copy()
    keyed[:, 0] |= keys.placed
    for j in range(keyed.shape[1]):
        frames = np.unique(at[keyed[:, j]])
        if 0 < len(frames) < SOME * len(passage.values):
            found[j] = frames.tolist()
    return found


def _hers(
    passage: passages.Passage, keys: posing.OwnKeys, own: Mapping[int, list[int]]
) -> dict[reading.Channel, dict[int, int]]:
    """Types of the animator's keys that stay, by frame of the passage, for each channel; a key of a take's that she has
    changed is a Keyframe from now on."""
    columns, found = {c: i for i, c in enumerate(reading.channels(character.body_names()))}, {}
    for channel, mask in keys.kept.items():
        bone = max(columns[channel] - 3, 0) // 4
        fields = keying.fields_of(passage.curves[channel])
        mask = mask & ~off_frame.off_frame(fields["co"][:, 0])
        at = np.rint(fields["co"][mask, 0]).astype(int) - passage.first
        types = np.where(fields["type"][mask, 0] == compat.GENERATED, _KEYFRAME, fields["type"][mask, 0])
        found[channel] = {int(t): int(k) for t, k in zip(at, types, strict=True) if t in own.get(bone, ())}
    return found


def _between(
    passage: passages.Passage, keys: posing.OwnKeys, own: Mapping[int, list[int]]
) -> dict[reading.Channel, list[tuple[float, float, int]]]:
    """The animator's keys between frames, for each channel: scene frame, value, type."""
    columns, found = {c: i for i, c in enumerate(reading.channels(character.body_names()))}, {}
    for channel, mask in keys.kept.items():
        if max(columns[channel] - 3, 0) // 4 in own:
            fields = keying.fields_of(passage.curves[channel])
            co = fields["co"]
            rows = np.flatnonzero(mask & off_frame.off_frame(co[:, 0]))
            found[channel] = [(float(co[k, 0]), float(co[k, 1]), int(fields["type"][k, 0])) for k in rows]
    return found


def _count(passage: passages.Passage) -> int:
    """Keys inside the passage on the channels of motion."""
    ours, total = passage.keyed, 0
    for channel, curve in passage.curves.items():
        if channel in ours:
            at = keying.fields_of(curve)["co"][:, 0]
            total += int(((at >= passage.first) & (at <= passage.last)).sum())
    return total


def _write(
    passage: passages.Passage,
    reduced: Reduced,
    hers: Mapping[reading.Channel, Mapping[int, int]],
    between: Mapping[reading.Channel, list[tuple[float, float, int]]],
) -> None:
    """Exchange the passage's keys for the reduced ones, of which those of ``hers`` (`_hers`) stay the animator's with
    their types, as do those ``between`` frames; channels that never change and have no curve stay without."""
    names = character.body_names()
    controls = [(location_path(names[0]), names[0], reduced.path)]
    controls += [(rotation_path(name), name, keys) for name, keys in zip(names, reduced.bones, strict=True)]
    bag = compat.ensure_channelbag(passage.action, passage.action.slots[passage.slot])
    end = len(passage.values) - 1
    still = all(keys.frames[-1] < end for _, _, keys in controls)  # or nothing would tell how long the motion is
    written: list[bpy.types.FCurve] = []
    for path, group, keys in controls:
        sides = _sides(keys, path, between, passage.first)
        for i in range(keys.values.shape[1]):
            curve = bag.fcurves.find(path, index=i)
            if curve is None and not keys.changes[i]:
                continue
            curve = curve or compat.new_curve(bag, path, i, group)
            later = len(curve.keyframe_points) and curve.keyframe_points[-1].co[0] > passage.last
            fields = _fields(keys, i, passage.first, end if later or still else None)
            types = hers.get((path, i), {})
            for k in np.flatnonzero(np.isin(keys.frames, list(types))):
                fields["type"][k] = types[int(keys.frames[k])]
            for frame, value, kind in between.get((path, i), ()):
                fields = off_frame.inserted(fields, frame, sides[frame] * value, kind)
            passages.exchange(curve, passage.first, passage.last, fields)
            written.append(curve)
    told = [(c.data_path, c.array_index) for c in written]
    frames = [
        np.array([*(passage.first + t for t in hers.get(c, ())), *(t for t, _, _ in between.get(c, ()))]) for c in told
    ]
    ownership.remember_range(passage.action, written, passage.first, passage.last, frames)


def _sides(
    keys: ControlKeys, path: str, between: Mapping[reading.Channel, list[tuple[float, float, int]]], first: int
) -> dict[float, float]:
    """1 or -1 for each frame with keys of the animator's: a quaternion and its opposite are the same turn, and the
    fitted one may be the other."""
    sums: dict[float, float] = {}
    for i in range(keys.values.shape[1]):
        for frame, value, _ in between.get((path, i), ()):
            now = float(evaluate(keys, np.array([frame - first]))[0, i])
            sums[frame] = sums.get(frame, 0.0) + now * value
    return {frame: -1.0 if near < 0 and keys.values.shape[1] == 4 else 1.0 for frame, near in sums.items()}


def _fields(keys: ControlKeys, channel: int, first: int, held_to: int | None) -> dict[str, Array]:
    """Blender's fields of one channel's keys. ``held_to``: the frame up to which a lone key holds, where others
    follow or nothing moves at all."""
    frames, values = keys.frames + first, keys.values[:, channel]
    left, right = keys.left[:, channel] + [first, 0], keys.right[:, channel] + [first, 0]
    types = [compat.KEY_TYPES[kind] for kind in keys.types]
    if held_to is not None and keys.frames[-1] < held_to:
        shift = held_to - keys.frames[-1]
        frames, values = np.append(frames, frames[-1] + shift), np.append(values, values[-1])
        left, right = (np.concatenate([side, side[-1:] + [shift, 0]]) for side in (left, right))
        types.append(types[-1])
    told: dict[str, Array] = {f: np.zeros((len(frames), size), kind) for f, size, kind in keying.KEY_FIELDS}
    told["co"][:] = np.stack([frames, values], axis=1)
    told["handle_left"][:], told["handle_right"][:] = left, right
    told["interpolation"][:] = compat.BEZIER
    told["type"][:, 0] = types
    for field in ("handle_left_type", "handle_right_type"):
        told[field][:] = compat.ALIGNED
    return told
