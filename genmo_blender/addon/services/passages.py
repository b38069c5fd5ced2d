"""A passage: the frames of an action that a clean-up tool works on, read as motion and written back.

The action may be anybody's: a take, a recording, keys by hand. It is the one that the character plays. Only bones that
a tool changes are written, densely over the passage; every key outside the passage stays bit for bit. Whatever would
make the result another one than the tool computed is refused before anything is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...motion import easing
from ...motion import frames as axes
from ...motion.rotations import Array, conjugate, continuous, multiply, normalise
from ...protocol.failures import GenmoFailure
from .. import character, keying, reading, sentences
from ..paths import location_path, rotation_path, turn_channels

SAME = 2e-6
"""Values that differ by less are the same after Blender's float32."""


@dataclass(frozen=True)
class Passage:
    """Scene frames ``first`` .. ``first + N - 1`` of an action's slot: ``values`` (N, 91) of `reading.channels`, as
    they play, and the same as ``motion`` in the model's space, signs continuous."""

    target: bpy.types.Object
    action: bpy.types.Action
    slot: str
    first: int
    fps: float
    values: Array
    motion: reading.Motion

    @property
    def last(self) -> int:
        """The last frame, included."""
        return self.first + len(self.values) - 1

    @property
    def frames(self) -> Array:
        """(N,) scene frames."""
        return np.arange(self.first, self.last + 1)

    @property
    def keyed(self) -> set[reading.Channel]:
        """The channels that motion is keyed on."""
        return set(reading.keyed_channels(character.body_names(), character.euler_orders(self.target)))

    @property
    def curves(self) -> dict[reading.Channel, bpy.types.FCurve]:
        """The slot's curves; fetched anew, since adding one moves the others."""
        return reading.curves_of(self.action, self.slot)


def obstacle(target: bpy.types.Object) -> GenmoFailure | None:
    """Why no clean-up tool can work on what the character plays, or None. Cheap enough for `poll`."""
    reason = character.obstacle(target)
    if reason is not None:
        return reason
    data = target.animation_data
    action = data.action if data is not None else None
    if action is None or data.action_slot is None:
        strips = reading.layered(target)
        if strips:
            return sentences.moves_by_strips(target.name, all(strip.blend_type == "REPLACE" for strip in strips))
        return sentences.no_action(target.name)
    if not action.is_editable:
        return sentences.action_linked(action.name)
    return None


def read(target: bpy.types.Object, scene: bpy.types.Scene, frames: tuple[int, int] | None = None) -> Passage:
    """The passage of what the character plays: the preview range if it is on, else all that is keyed.

    ``frames``: first and last instead. Raises RequestFailure with the sentence of what is in the way.
    """
    reason = obstacle(target)
    if reason is not None:
        raise reason
    state = character.read_state(target)
    action = target.animation_data.action
    other = _also_moved(target, action, state.slot)
    if other is not None:
        raise sentences.action_shared(action.name, other)
    curves = reading.curves_of(action, state.slot)
    keyed = set(reading.keyed_channels(character.body_names(), state.pose.eulers))
    _refuse_strange(curves, keyed)
    first, last = frames or _range(target.name, scene, action, curves, keyed)
    values = reading.values_at(curves, state.pose, np.arange(first, last + 1))
    motion = reading.from_channels(target, values)
    motion = replace(motion, rotations=continuous(motion.rotations))
    fps = scene.render.fps / scene.render.fps_base
    return Passage(target, action, state.slot, first, fps, values, motion)


def _also_moved(target: bpy.types.Object, action: bpy.types.Action, slot: str) -> str | None:
    """The name of another object that plays the same slot of the action."""
    for other in bpy.data.objects:
        data = other.animation_data
        if other != target and data is not None and data.action == action and data.action_slot is not None:
            if data.action_slot.identifier == slot:
                return str(other.name)
    return None


def _refuse_strange(curves: Mapping[reading.Channel, bpy.types.FCurve], ours: set[reading.Channel]) -> None:
    """Raise for keys that the motion of 22 rotations and one path does not hold, and that would falsify it."""
    names, modified, scaled = character.body_names(), [], []
    for name in names:
        bone = f'pose.bones["{name}"].'
        plain = [(bone + "scale", i, 1.0) for i in range(3)]
        if name != names[0]:
            plain += [(bone + "location", i, 0.0) for i in range(3)]
        for path, index, value in plain:
            curve = curves.get((path, index))
            if curve is not None and not curve.mute and len(curve.keyframe_points):
                if np.abs(keying.fields_of(curve)["co"][:, 1] - value).max() > 1e-5:
                    scaled.append(name)
        here = [curves[c] for c in ours & curves.keys() if c[0].startswith(bone)]
        if any(not m.mute and m.type != "CYCLES" for curve in here for m in curve.modifiers):
            modified.append(name)
    if scaled:
        raise sentences.scaled_bones(list(dict.fromkeys(scaled)))
    if modified:
        raise sentences.modified_curves(modified)


def _range(
    name: str,
    scene: bpy.types.Scene,
    action: bpy.types.Action,
    curves: Mapping[reading.Channel, bpy.types.FCurve],
    ours: set[reading.Channel],
) -> tuple[int, int]:
    """First and last frame; the range of the scene cannot reach farther than the keys."""
    extents = [curve.range() for channel, curve in curves.items() if channel in ours and len(curve.keyframe_points)]
    if not extents:
        raise sentences.no_action(name)
    keyed = math.floor(min(a for a, _ in extents)), math.ceil(max(b for _, b in extents))
    if keyed[0] == keyed[1]:
        raise sentences.one_keyed_frame(name, keyed[0])
    asked = keyed
    if scene.use_preview_range:
        asked = scene.frame_preview_start, scene.frame_preview_end
    elif action.use_frame_range:
        asked = math.floor(action.frame_start), math.ceil(action.frame_end)
    first, last = max(asked[0], keyed[0]), min(asked[1], keyed[1])
    if last <= first:
        raise sentences.nothing_in_range(*asked, *keyed)
    return first, last


# Writing


def in_bone_axes(target: bpy.types.Object, motion: reading.Motion) -> tuple[Array, Array]:
    """Motion -> pose-bone quaternions (N, 22, 4), continuous, and the pelvis's location (N, 3)."""
    rest = character.rest_pose(target, character.body_names())
    turns = np.broadcast_to(rest.turns, motion.rotations.shape)
    basis = multiply(multiply(turns, motion.rotations), conjugate(turns))
    return continuous(basis), (axes.points_to_blender(motion.path) - rest.pelvis_head) @ rest.pelvis_axes


def write(
    passage: Passage, rotations: Array, path: Array, at: int = 0, kept: Mapping[reading.Channel, Array] | None = None
) -> int:
    """Key new motion (M, 22, 4), (M, 3) from frame ``at`` of the passage on; returns how many bones were written.

    Bones that do not change are left alone, and so are keys outside these M frames, and those inside that ``kept``
    says (`keying.write`). All or nothing.
    """
    basis, location = in_bone_axes(passage.target, reading.Motion(rotations, path))
    rows = slice(at, at + len(path))
    changed, basis = _changes(passage, basis, location, rows)
    refuse_closed(passage, changed)
    if not changed:
        return 0
    names = tuple(character.body_names()[j] for j in changed)
    frames = (passage.first + at + np.arange(len(path))).astype(np.float32)
    place = location.astype(np.float32) if changed[0] == 0 else None
    turns = basis[:, changed].astype(np.float32)
    curves = keying.PoseCurves(names, frames, turns, place, character.euler_orders(passage.target, names))
    keying.write(passage.action, passage.action.slots[passage.slot], curves, kept)
    return len(changed)


def _changes(passage: Passage, basis: Array, location: Array, rows: slice) -> tuple[list[int], Array]:
    """Bones that differ from what is there, and the rotations with the signs that are there at their first frame."""
    old = normalise(passage.values[rows, 3:].reshape(-1, basis.shape[1], 4))
    if len(old) != len(basis):
        return list(range(basis.shape[1])), basis
    sign = np.sign(np.sum(old * basis, axis=-1, keepdims=True))
    off = np.abs(basis * np.where(sign == 0, 1.0, sign) - old).max(axis=(0, 2))
    moved = np.abs(location - passage.values[rows, :3]).max() > SAME
    changed = [j for j in range(len(off)) if off[j] > SAME or (j == 0 and moved)]
    return changed, basis * np.where(sign[:1] == 0, 1.0, sign[:1])


def refuse_closed(passage: Passage, bones: Sequence[int]) -> None:
    """Raise when a curve of these bones is locked or muted."""
    names, curves = character.body_names(), passage.curves
    eulers = character.euler_orders(passage.target)
    closed = []
    for j in bones:
        turn = turn_channels(names[j], names[j] in eulers)[0][0]
        paths = (turn,) + ((location_path(names[0]),) if j == 0 else ())
        here = [curve for (where, _), curve in curves.items() if where in paths]
        if any(c.lock or c.mute or (c.group is not None and (c.group.lock or c.group.mute)) for c in here):
            closed.append(names[j])
    if closed:
        raise sentences.closed_channels(closed)


def signs_matched(passage: Passage, bones: Sequence[int], basis: Array, frames: Array) -> Array:
    """Rotations (M, 22, 4) whose signs follow the keys before ``frames``, else those after them: no flips there."""
    names, curves, basis = character.body_names(), passage.curves, basis.copy()
    for j in bones:
        own = [curves[c] for c in ((rotation_path(names[j]), i) for i in range(4)) if c in curves]
        if len(own) < 4 or any(not len(curve.keyframe_points) for curve in own):
            continue
        keys = own[0].keyframe_points
        for frame, ours, keyed in (
            (frames[0] - 1, basis[0, j], keys[0].co[0] < frames[0]),
            (frames[-1] + 1, basis[-1, j], keys[-1].co[0] > frames[-1]),
        ):
            if keyed:
                if sum(curve.evaluate(float(frame)) * x for curve, x in zip(own, ours, strict=True)) < 0:
                    basis[:, j] *= -1
                break
    return basis


def exchange(curve: bpy.types.FCurve, first: float, last: float, ours: dict[str, Array]) -> None:
    """A curve's keys from ``first`` to ``last`` taken out and ours put in their place; the others stay bit for bit."""
    old = keying.fields_of(curve)
    times = old["co"][:, 0]
    left, right = times < first, times > last
    keying.put(curve, {f: np.concatenate([rows[left], ours[f], rows[right]]) for f, rows in old.items()})


def softened(passage: Passage, rotations: Array, path: Array, seconds: float = 0.2) -> tuple[Array, Array]:
    """New motion of the whole passage that comes and goes softly where keys go on outside it: no pop at its ends."""
    ours = passage.keyed
    extents = [c.range() for channel, c in passage.curves.items() if channel in ours and len(c.keyframe_points)]
    n = len(path)
    share, ease = np.ones(n), max(min(round(seconds * passage.fps), (n - 1) // 2), 1)
    ramp = easing.smooth(np.clip(np.arange(n) / ease, 0.0, 1.0))
    if min(a for a, _ in extents) < passage.first:
        share *= ramp
    if max(b for _, b in extents) > passage.last:
        share *= ramp[::-1]
    old, new = passage.motion.rotations, rotations
    sign = np.sign(np.sum(old * new, axis=-1, keepdims=True))
    blend = normalise(old + share[:, None, None] * (np.where(sign == 0, 1.0, sign) * new - old))
    return continuous(blend), passage.motion.path + share[:, None] * (path - passage.motion.path)
