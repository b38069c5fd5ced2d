"""Stitch Takes: the beginning of the shown take and the end of another that waits, as one more take."""

from __future__ import annotations

import bpy

from ...motion.retiming import even, retimed
from ...motion.rotations import Array
from ...motion.stitching import Take, best_cut, stitched
from .. import keying, sentences
from . import contact_bars, passages, takes

APART = 0.12
"""Share of the length by which the two frames of a cut may differ: the whole keeps its length on the timeline."""


def stitch(target: bpy.types.Object, scene: bpy.types.Scene, other: int) -> str:
    """A new waiting take, shown: what it joins and where, in a sentence. ``other``: the second take's number among
    those that wait, counted from one; 0 for the next one. Raises GenmoFailure, having changed nothing.
    """
    found, index = takes.waiting(target), target.genmo.review.index
    if len(found) < 2:
        raise sentences.needs_two_takes(target.name)
    second = (other - 1) % len(found) if other else (index + 1) % len(found)
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
        # It is no longer what one seed made.
        if keying.RECIPE in action:
            del action[keying.RECIPE]
        action.genmo.dense = None
        passage = passages.Passage(target, action, a.slot, a.first, a.fps, a.values, a.motion)
        passages.write(passage, joined.rotations, joined.path)
        contact_bars.put(action, a.first, a.last, joined.bars)
    except BaseException:
        bpy.data.actions.remove(action)
        raise
    action.use_fake_user = True
    action.genmo.owner = target
    target.genmo.review.takes.add().action = action
    takes.show(target, len(takes.waiting(target)) - 1)
    return sentences.stitched(a.action.name, b.action.name, a.first + cut_at, cost)


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
