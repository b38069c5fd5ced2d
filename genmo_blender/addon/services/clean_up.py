"""Clean-up tools that keep the length: Lock Feet, Smooth, Make Loop, Mirror, In Place and Restore Travel.

Each works on what the character plays (`passages`), writes once, and returns the sentence that says what changed.
Raises GenmoFailure with a sentence, having changed nothing.
"""

from __future__ import annotations

import bpy
import numpy as np

from ...motion import contacts, travel
from ...motion.contacts import FootMode
from ...motion.feet import measured, planted
from ...motion.looping import SHORTEST, best_loops, looped
from ...motion.mirroring import mirrored_where_it_starts
from ...motion.rotations import Array
from ...motion.smooth_keeping import Strength, reach_kept, smoothed
from .. import keying, sentences
from . import contact_bars, passages

TRAVEL = keying.TRAVEL
"""Custom property of an action in place: its first frame, then of each frame x, z (metres) and turn (radians), the
floor of the model's space."""


def lock_feet(target: bpy.types.Object, scene: bpy.types.Scene, mode: FootMode) -> str:
    """Feet stand still in their contacts and on the floor."""
    passage = passages.read(target, scene)
    before = passage.motion
    if mode is FootMode.OFF:
        return sentences.unchanged(target.name)
    bars = contact_bars.found(passage)
    if not any(bar.part < 4 for bar in bars) and mode is not FootMode.GROUND:
        raise sentences.no_contacts()
    q, p = planted(before.rotations, before.path, passage.fps, bars, mode)
    q, p = passages.softened(passage, q, p)
    passages.write(passage, q, p)
    contact_bars.put(passage.action, passage.first, passage.last, bars)
    was = measured(contact_bars.joints(before.rotations, before.path), passage.fps, bars)
    now = measured(contact_bars.joints(q, p), passage.fps, bars)
    return sentences.feet_locked(target.name, was.slide, now.slide, now.sink)


def smooth(target: bpy.types.Object, scene: bpy.types.Scene, strength: Strength) -> str:
    """Jitter out; contacts and quick reaches stay."""
    passage = passages.read(target, scene)
    bars = contact_bars.found(passage)
    q, p = smoothed(passage.motion.rotations, passage.motion.path, passage.fps, bars, strength)
    q, p = passages.softened(passage, q, p)
    passages.write(passage, q, p)
    contact_bars.put(passage.action, passage.first, passage.last, bars)
    before = contact_bars.joints(passage.motion.rotations, passage.motion.path)
    after = contact_bars.joints(q, p)
    kept = reach_kept(before, after, passage.fps)
    jerks = (_jerk(before, passage.fps), _jerk(after, passage.fps))
    return sentences.smoothed(target.name, *jerks, float(kept.min()) if len(kept) else None)


def _jerk(joints: Array, fps: float) -> float:
    third = np.diff(joints, n=3, axis=0) * fps**3
    return float(np.linalg.norm(third, axis=-1).mean()) if len(third) else 0.0


def make_loop(target: bpy.types.Object, scene: bpy.types.Scene, in_place: bool) -> str:
    """The best cycle of the passage closed where it lies, and the action's manual range set to it."""
    passage = passages.read(target, scene)
    bars = contact_bars.found(passage)
    motion = passage.motion.rotations, passage.motion.path
    points = best_loops(*motion, passage.fps, bars, count=1)
    if not points:
        raise sentences.too_short_to_loop(SHORTEST)
    loop = looped(*motion, passage.fps, bars, points[0].first, points[0].last)
    q, p = loop.in_place if in_place else (loop.rotations, loop.path)
    passages.write(passage, q, p, at=points[0].first)
    first, last = passage.first + points[0].first, passage.first + points[0].last
    contact_bars.put(passage.action, first, last, loop.bars)
    action = passage.action
    action.use_frame_range = True
    # The start is held below the end and the other way round: set the end twice.
    action.frame_end, action.frame_start, action.frame_end = last, first, last
    action.use_cyclic = True
    way = 0.0 if in_place else float(np.linalg.norm(loop.travel))
    return sentences.loop_made(target.name, first, last, 1000 * loop.gap.distance, way)


def mirror(target: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """Left and right exchanged, contacts too, from where the passage begins."""
    passage = passages.read(target, scene)
    passages.write(passage, *mirrored_where_it_starts(passage.motion.rotations, passage.motion.path))
    bars = contact_bars.within(passage.action, passage.first, passage.last)
    contact_bars.put(passage.action, passage.first, passage.last, contacts.mirrored(bars))
    return sentences.mirrored(target.name)


def in_place(target: bpy.types.Object, scene: bpy.types.Scene, turning: bool) -> str:
    """The travel taken off and kept with the action."""
    passage = passages.read(target, scene)
    if TRAVEL in passage.action:
        raise sentences.already_in_place(passage.action.name)
    way = travel.travel_of(passage.motion.rotations, passage.motion.path, passage.fps, turning)
    passages.write(passage, *travel.in_place(passage.motion.rotations, passage.motion.path, way))
    rows = np.column_stack([way.place[:, [0, 2]], way.turn])
    passage.action[TRAVEL] = [float(passage.first), *rows.ravel().tolist()]
    return sentences.made_in_place(target.name, float(np.linalg.norm(way.place[-1])))


def restore_travel(target: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """What `in_place` took off put back, whatever was done in between."""
    reason = passages.obstacle(target)
    if reason is not None:
        raise reason
    action = target.animation_data.action
    if TRAVEL not in action:
        raise sentences.no_travel(action.name)
    numbers = np.array(list(action[TRAVEL]), dtype=float)
    if len(numbers) < 7 or (len(numbers) - 1) % 3:
        raise sentences.travel_does_not_fit(action.name)
    first, rows = int(numbers[0]), numbers[1:].reshape(-1, 3)
    passage = passages.read(target, scene, (first, first + len(rows) - 1))
    place = np.column_stack([rows[:, 0], np.zeros(len(rows)), rows[:, 1]])
    way = travel.Travel(place, rows[:, 2])
    passages.write(passage, *travel.restored(passage.motion.rotations, passage.motion.path, way))
    del action[TRAVEL]
    return sentences.travel_restored(target.name, float(np.linalg.norm(place[-1])))
