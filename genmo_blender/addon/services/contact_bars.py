"""Contacts of an action, kept as bars at ``action.genmo.contacts``: part, first and last frame of the scene."""

from __future__ import annotations

import bpy
import numpy as np

from ...motion.contacts import Bar, Bars, detect, flags_of, tidy
from ...motion.kinematics import joint_positions
from ...motion.rotations import Array
from ...motion.skeleton import canonical
from .. import sentences
from .passages import Passage, read


def kept(action: bpy.types.Action) -> Bars:
    """All bars of an action, in scene frames."""
    return tuple(Bar(bar.part, bar.first, bar.last) for bar in action.genmo.contacts)


def within(action: bpy.types.Action, first: int, last: int) -> Bars:
    """What of the bars lies in frames ``first`` .. ``last``, counted from ``first``."""
    moved = [Bar(b.part, b.first - first, b.last - first) for b in kept(action)]
    return tidy(moved, last - first + 1)


def put(action: bpy.types.Action, first: int, last: int, bars: Bars) -> None:
    """Exchange the bars in frames ``first`` .. ``last`` for these, counted from ``first``; others stay."""
    pieces = [Bar(b.part, b.first + first, b.last + first) for b in bars]
    for bar in kept(action):
        pieces += [
            Bar(bar.part, a, b)
            for a, b in ((bar.first, min(bar.last, first - 1)), (max(bar.first, last + 1), bar.last))
            if a <= b
        ]
    keep(action, tuple(pieces))


def keep(action: bpy.types.Action, bars: Bars) -> None:
    """Make these all the bars of an action, in scene frames, in order and joined where they touch."""
    known = action.genmo.contacts
    known.clear()
    if not bars:
        return
    start, end = min(b.first for b in bars), max(b.last for b in bars)
    for bar in tidy((Bar(b.part, b.first - start, b.last - start) for b in bars), end - start + 1):
        new = known.add()
        new.part, new.first, new.last = bar.part, bar.first + start, bar.last + start
    action.genmo.contact_index = min(action.genmo.contact_index, max(len(known) - 1, 0))


def found(passage: Passage) -> Bars:
    """The bars of a passage, detected where the action has none there. Nothing is kept yet."""
    bars = within(passage.action, passage.first, passage.last)
    return bars if bars else detected(passage)


def detected(passage: Passage) -> Bars:
    """The contacts of a passage, detected anew."""
    return detect(joints(passage.motion.rotations, passage.motion.path), passage.fps)


def joints(rotations: Array, path: Array) -> Array:
    """Joints (N, 22, 3) of motion in the model's space."""
    return joint_positions(canonical(), np.asarray(rotations, float), np.asarray(path, float))


def detect_anew(target: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """Find the contacts of what the character plays and keep them; returns what was found, in a sentence."""
    passage = read(target, scene)
    bars = detected(passage)
    put(passage.action, passage.first, passage.last, bars)
    share = flags_of(bars, len(passage.values))[:, :4].any(axis=1).mean()
    return sentences.contacts_found(passage.target.name, len(bars), float(share))


def add(action: bpy.types.Action, part: int, first: int, last: int) -> None:
    """One more bar, its ends in either order; what it touches becomes one with it, and the new one is picked."""
    first, last = min(first, last), max(first, last)
    keep(action, (*kept(action), Bar(part, first, last)))
    for i, bar in enumerate(kept(action)):
        if bar.part == part and bar.first <= first <= bar.last:
            action.genmo.contact_index = i


def remove(action: bpy.types.Action, index: int) -> None:
    """Without the bar of that number. Raises RequestFailure when there is none."""
    if not 0 <= index < len(action.genmo.contacts):
        raise sentences.no_bar_picked()
    action.genmo.contacts.remove(index)
    action.genmo.contact_index = max(min(index, len(action.genmo.contacts) - 1), 0)
