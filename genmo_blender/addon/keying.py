"""`Take` -> an action: resampled to the scene's frames, continuous quaternions, written in bulk.

A take's action is a new one. Where the character already has an action, the new one starts as a copy of it and only
the keys inside the range are exchanged: everything outside stays bit for bit, and the original is never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

import bpy
import numpy as np

from ..motion import eulers
from ..motion import frames as axes
from ..motion.resampling import resample
from ..motion.rotations import Array, conjugate, continuous, multiply, to_matrix
from . import character, compat, ownership, range_ends, sentences
from .paths import SAME_TIME, Channel, location_path, times_of, turn_channels

TRAVEL = "genmo_travel"
"""Custom property of an action in place: what `services/clean_up.py` took off."""
RECIPE = "genmo_recipe"
"""Custom property of a take's action: how it was made, as JSON."""
NAME_BYTES = 63
"""Longest action name of Blender 4.5, in UTF-8 (5.x takes more)."""
KEY_FIELDS = (
    ("co", 2, np.float32),
    ("interpolation", 1, np.int32),
    ("type", 1, np.int32),
    ("easing", 1, np.int32),
    ("back", 1, np.float32),
    ("amplitude", 1, np.float32),
    ("period", 1, np.float32),
    ("handle_left_type", 1, np.int32),
    ("handle_right_type", 1, np.int32),
    ("handle_left", 2, np.float32),
    ("handle_right", 2, np.float32),
)
"""All that a key is made of: name, numbers a key, type; handles last, so that nothing moves them when written."""


Fields = dict[str, Array]
"""Keys of a curve: for each of `KEY_FIELDS` an array (N, size)."""


@dataclass(frozen=True)
class PoseCurves:
    """What is keyed: ``names`` of bones, their ``rotations`` (N, J, 4) in bone axes, the ``location`` (N, 3) of the
    first one (None: it is not placed), at whole scene ``frames`` (N,)."""

    names: tuple[str, ...]
    frames: Array
    rotations: Array
    location: Array | None
    eulers: Mapping[str, str] = field_of(default_factory=dict)
    """Of bones that turn by Euler angles the order of their axes."""


def pose_curves(
    rest: character.RestPose,
    names: tuple[str, ...],
    rotations: Array,
    transl: Array,
    motion_fps: float,
    scene_fps: float,
    first: int,
    last: int,
) -> PoseCurves:
    """Motion in the model's space -> pose-bone channels at scene frames ``first`` .. ``last``, both keyed.

    ``rotations`` (T, J, 4) local, w first, and ``transl`` (T, 3) the pelvis, both Y up at ``motion_fps``. A bone with
    rest axes B takes the basis B^-1 R B, and a quaternion's vector part simply turns with the axes.
    """
    frames = np.arange(first, last + 1)
    q, path = resample(rotations, transl, motion_fps, (frames - first) / scene_fps)
    turns = to_matrix(rest.turns)
    basis = np.concatenate([q[..., :1], np.einsum("jab,tjb->tja", turns, q[..., 1:])], axis=-1)
    location = (axes.points_to_blender(path) - rest.pelvis_head) @ rest.pelvis_axes
    return PoseCurves(
        names, frames.astype(np.float32), continuous(basis).astype(np.float32), location.astype(np.float32)
    )


def pelvis_pose(rest: character.RestPose, rotation: Array, location: Array) -> tuple[Array, Array]:
    """Inverse for the pelvis alone: its channels (4,), (3,) -> rotation (4,) and position (3,) in the model's space."""
    turn = rest.turns[0]
    q = multiply(multiply(conjugate(turn), rotation), turn)
    return q, axes.points_to_model(rest.pelvis_head + rest.pelvis_axes @ location)


# Writing


def write(
    action: bpy.types.Action,
    slot: bpy.types.ActionSlot,
    curves: PoseCurves,
    kept: Mapping[Channel, Array] | None = None,
    skipped: Collection[Channel] = (),
) -> None:
    """Key the curves into the action's slot.

    Keys already there outside the range stay as they are, and so do those inside it that ``kept`` says: for a channel,
    which keys of its curve. Whose they are stays too (`ownership`). Channels that are ``skipped`` are not touched.
    """
    kept, known = kept or {}, ownership.written(action)
    bag = compat.ensure_channelbag(action, slot)
    before = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    fresh: list[tuple[bpy.types.FCurve, Array]] = []
    written: list[tuple[bpy.types.FCurve, Array]] = []
    for path, index, group, values in _channels(curves, before, kept):
        if (path, index) in skipped:
            continue
        curve = before.get((path, index))
        if curve is None:
            curve = compat.new_curve(bag, path, index, group)
            fresh.append((curve, values))
            written.append((curve, np.ones(len(values), bool)))
        else:
            theirs = ownership.mine(action, curve, known)
            written.append((curve, _exchange(curve, curves.frames, values, kept.get((path, index)), theirs)))
    if fresh:
        compat.fill_curves([curve for curve, _ in fresh], curves.frames, np.stack([values for _, values in fresh]))
    ownership.remember(action, [curve for curve, _ in written], [ours for _, ours in written])


def _channels(
    curves: PoseCurves, before: Mapping[Channel, Any], kept: Mapping[Channel, Array]
) -> Iterable[tuple[str, int, str, Array]]:
    """(data path, index, group, values (N,)) of every curve, as near as they can be to the keys that stay: those before
    and after the range, and the animator's in it.

    q and -q are the same turn, and so are angles that differ by whole turns; keys that stay are not ours to change, so
    ours follow them, every frame the nearest.
    """
    if curves.location is not None:
        for i in range(3):
            yield location_path(curves.names[0]), i, curves.names[0], curves.location[:, i]
    for j, name in enumerate(curves.names):
        turn = turn_channels(name, name in curves.eulers)
        own = [curve if curve is not None and len(curve.keyframe_points) else None for curve in map(before.get, turn)]
        at = _staying(curves.frames, [curve for curve in own if curve is not None], kept)
        theirs = np.array(
            [[np.nan if curve is None else curve.evaluate(float(frame)) for curve in own] for frame in at]
        )
        if name in curves.eulers:
            values = _angles(curves.rotations[:, j], curves.eulers[name], curves.frames, at, theirs)
        elif len(at) and None not in own:
            values = curves.rotations[:, j] * _signs(curves.rotations[:, j], curves.frames, at, theirs)[:, None]
        else:
            values = curves.rotations[:, j]
        for (path, i), column in zip(turn, values.T, strict=True):
            yield path, i, name, column


def _staying(frames: Array, own: Sequence[Any], kept: Mapping[Channel, Array]) -> Array:
    """Ascending frames (K,) at which a bone's curves say how it is turned: beside the range where they go on beyond it,
    and at keys that stay in it."""
    stay = [frames[0] - 1] if any(curve.keyframe_points[0].co[0] < frames[0] for curve in own) else []
    stay += [frames[-1] + 1] if any(curve.keyframe_points[-1].co[0] > frames[-1] for curve in own) else []
    return np.array(sorted({*stay, *(float(at) for curve in own for at in _kept_times(curve, kept))}))


def _signs(rotations: Array, frames: Array, at: Array, theirs: Array) -> Array:
    """The sign (N,) of each quaternion (N, 4) with which it is no flip away from what stays at the frame nearest to
    it; ``theirs`` (K, 4)."""
    row, nearest = _rows(frames, at)
    signs = np.where(np.sum(theirs.astype(np.float32) * rotations[row], axis=-1) < 0, np.float32(-1.0), np.float32(1.0))
    out: Array = signs[nearest]
    return out


def _angles(rotations: Array, order: str, frames: Array, at: Array, theirs: Array) -> Array:
    """Quaternions (N, 4) as Euler angles (N, 3) without jumps, near to what stays, ``theirs`` (K, 3)."""
    angles = eulers.from_quaternions(rotations, order)
    if len(at):
        row, nearest = _rows(frames, at)
        angles = eulers.brought_near(angles, order, row, theirs, nearest)
    return angles.astype(np.float32)


def _rows(frames: Array, at: Array) -> tuple[Array, Array]:
    """The row (K,) of the frame nearest to each of K times, and the time (N,) nearest to each of N frames."""
    row = np.clip(np.rint(at - frames[0]).astype(int), 0, len(frames) - 1)
    return row, np.abs(frames[:, None] - at).argmin(axis=1)


def _kept_times(curve: bpy.types.FCurve, kept: Mapping[Channel, Array]) -> Array:
    mask = kept.get((curve.data_path, curve.array_index))
    if mask is None:
        return np.zeros(0)
    return times_of(curve)[mask]


def _exchange(curve: bpy.types.FCurve, frames: Array, values: Array, kept: Array | None, theirs: Array) -> Array:
    """Rebuild one curve: its keys outside the range and those that are ``kept`` (N,) untouched, ours inside. ``theirs``
    (N,): which of its keys are the animator's. Returns which keys of the new curve are ours, now or from before."""
    old = fields_of(curve)
    times = old["co"][:, 0]
    stays = (times < frames[0]) | (times > frames[-1])
    if kept is not None:
        stays |= kept
    free = np.abs(frames[:, None] - times[stays]).min(axis=1, initial=np.inf) > SAME_TIME
    first, last = float(frames[0]), float(frames[-1])
    frames, values = frames[free], values[free]
    if not stays.any():
        curve.keyframe_points.clear()
        compat.fill_curves([curve], frames, values[None])
        return np.ones(len(frames), bool)
    ours = generated_keys(frames, values)
    range_ends.join(curve, old, ours, first, last)
    order = np.argsort(np.concatenate([times[stays], frames]), kind="stable")
    put(curve, {field: np.concatenate([rows[stays], ours[field]])[order] for field, rows in old.items()})
    return np.concatenate([~theirs[stays], np.ones(len(frames), bool)])[order]


def fields_of(curve: bpy.types.FCurve) -> Fields:
    """All that a curve's N keys are made of: for each field of a key an array (N, size)."""
    keys = curve.keyframe_points
    out = {field: np.empty(len(keys) * size, kind) for field, size, kind in KEY_FIELDS}
    for field, numbers in out.items():
        keys.foreach_get(field, numbers)
    return {field: out[field].reshape(-1, size) for field, size, _ in KEY_FIELDS}


def put(curve: bpy.types.FCurve, fields: Fields) -> None:
    """Give a curve these keys, in order of time, and no other ones."""
    keys = curve.keyframe_points
    keys.clear()
    keys.add(len(fields["co"]))
    for field, _, _ in KEY_FIELDS:
        keys.foreach_set(field, np.ascontiguousarray(fields[field]).ravel())
    # No curve.update(): it would lay the automatic handles of the animator's neighbouring keys anew.


def merged(fields: Fields, more: Fields) -> Fields:
    """Keys with others among them; where both have one at a time, that of ``more`` holds."""
    apart = np.abs(fields["co"][:, :1] - more["co"][None, :, 0]).min(axis=1, initial=np.inf) > SAME_TIME
    both = {field: np.concatenate([rows[apart], more[field]]) for field, rows in fields.items()}
    order = np.argsort(both["co"][:, 0], kind="stable")
    return {field: rows[order] for field, rows in both.items()}


def generated_keys(frames: Array, values: Array) -> dict[str, Array]:
    """Every field of our keys, (N, size): what `compat.fill_curves` makes with Blender's defaults."""
    ours: dict[str, Array] = {field: np.zeros((len(frames), size), kind) for field, size, kind in KEY_FIELDS}
    points = np.stack([frames, values], axis=1).astype(np.float32)
    third = np.array([1.0 / 3.0, 0.0], np.float32)
    ours["co"], ours["handle_left"], ours["handle_right"] = points, points - third, points + third
    ours["interpolation"][:] = compat.LINEAR
    ours["type"][:] = compat.GENERATED
    for field in ("handle_left_type", "handle_right_type"):
        ours[field][:] = compat.AUTO_CLAMPED
    return ours


def untouchable(target: bpy.types.Object, own: Iterable[bpy.types.FCurve]) -> tuple[set[Channel], list[str]]:
    """Channels of motion that are not ours to key: driven or locked ones; and a sentence on each kind. Locked are those
    of a locked bone, and those whose curve among its ``own``, or whose group of curves, has its padlock closed.

    One locked or driven channel of a rotation keeps all of them, since a turn cannot be keyed in part.
    """
    data, names, orders = target.animation_data, character.body_names(), character.euler_orders(target)
    shut = {(c.data_path, c.array_index) for c in own if c.lock or (c.group is not None and c.group.lock)}
    driven = {(d.data_path, d.array_index) for d in data.drivers} if data else set()
    out: set[Channel] = set()
    told: dict[str, set[str]] = {"driven": set(), "locked": set()}
    for name in names:
        bone, turn = target.pose.bones[name], set(turn_channels(name, name in orders))
        kind = "driven" if driven & turn else ""
        locks = any(bone.lock_rotation) or (name not in orders and bone.lock_rotations_4d and bone.lock_rotation_w)
        if locks or shut & turn:
            kind = "locked"
        if kind:
            told[kind].add(name)
            out |= turn
    pelvis = target.pose.bones[names[0]]
    for i, locked in enumerate(pelvis.lock_location):
        channel = (location_path(names[0]), i)
        if locked or channel in shut or channel in driven:
            told["locked" if locked or channel in shut else "driven"].add(names[0])
            out.add(channel)
    return out, [sentences.untouched_channels(sorted(bones), kind) for kind, bones in told.items() if bones]


def notes(action: bpy.types.Action) -> list[str]:
    """What of the animator's in a take's curves keeps it from moving as it was made: a sentence each."""
    muted, cycling, scaled = set(), set(), set()
    bag = compat.find_channelbag(action, action.slots[0])
    for curve in bag.fcurves if bag else ():
        bone = re.match(r'pose\.bones\["(.+?)"\]', curve.data_path)
        if bone and curve.mute:
            muted.add(bone[1])
        if bone and curve.data_path.endswith(".scale") and len(curve.keyframe_points):
            scaled.add(bone[1])
        if bone and any(modifier.type == "CYCLES" and not modifier.mute for modifier in curve.modifiers):
            cycling.add(bone[1])
    said = (
        (muted, sentences.muted_channels),
        (cycling, sentences.cycling_channels),
        (scaled, sentences.scale_keys_stay),
    )
    return [sentence(sorted(bones)) for bones, sentence in said if bones]


# Actions of takes


def new_take_action(
    target: bpy.types.Object, original: bpy.types.Action | None, slot_identifier: str, name: str
) -> bpy.types.Action:
    """A new action for a take, with one slot: a copy of the original's, or an empty one."""
    if original is None or slot_identifier not in original.slots:
        action = bpy.data.actions.new(name)
        action.slots.new(id_type="OBJECT", name=target.name)
        return action
    action = original.copy()
    action.name = name
    for slot in list(action.slots):
        if slot.identifier != slot_identifier:
            action.slots.remove(slot)
    return action


def take_name(character_name: str, prompts: Iterable[str], number: int, seed: int) -> str:
    """``Hero · walks, waves · t03 · s1234``, trimmed at word ends to what Blender can hold."""
    tail = f" · t{number:02d} · s{seed}"
    deeds = ", ".join(dict.fromkeys(filter(None, (deed(prompt) for prompt in prompts))))
    room = NAME_BYTES - len(tail.encode())
    head = _trimmed(character_name, min(room, 28))
    deeds = _trimmed(deeds, room - len(head.encode()) - len(" · ".encode()))
    return head + (f" · {deeds}" if deeds else "") + tail


SUBJECTS = frozenset(
    "a an the person man woman human someone somebody character figure guy girl boy he she they it is are".split()
)


def deed(prompt: str) -> str:
    """The word that says what is done: the first one that is not the subject."""
    for word in re.findall(r"[^\s,.;:!?“”\"()]+", prompt):
        if word.lower() not in SUBJECTS:
            return word
    return ""


def _trimmed(text: str, room: int) -> str:
    """The longest beginning of whole words within ``room`` bytes; a single long word is cut between letters."""
    if len(text.encode()) <= room:
        return text
    cut = text.encode()[: max(room, 0)].decode(errors="ignore")
    whole, space, _ = cut.rpartition(" ")
    return (whole if space else cut).rstrip(" ,·")


def store_recipe(action: bpy.types.Action, recipe: dict[str, Any]) -> None:
    """Keep how the take was made with it."""
    action[RECIPE] = json.dumps(recipe, ensure_ascii=False, sort_keys=True)


def recipe_of(action: bpy.types.Action) -> dict[str, Any] | None:
    """How a take was made; None when the action is no take or its recipe cannot be read."""
    try:
        recipe = json.loads(action.get(RECIPE, ""))
    except (TypeError, ValueError):
        return None
    return recipe if isinstance(recipe, dict) else None
