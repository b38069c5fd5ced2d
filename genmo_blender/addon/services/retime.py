"""Retime: a passage made longer or shorter, contacts kept; what comes after it moves along."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np

from ...motion.retiming import keeping_flights, retimed
from ...motion.rotations import Array
from .. import keying, ownership, sentences
from . import contact_bars, passages, takes


def retime(target: bpy.types.Object, scene: bpy.types.Scene, length: int) -> str:
    """Make the passage ``length`` frames; returns what was done, in a sentence. Raises GenmoFailure.

    Keys after the passage keep their values and move by as much as it grew; keys of other bones inside it keep their
    moment of the motion.
    """
    passage = passages.read(target, scene)
    before = len(passage.values)
    if length == 0:
        raise sentences.retime_unsaid(before)
    if length < 2:
        raise sentences.too_short_to_retime(length)
    bars = contact_bars.found(passage)
    motion = passage.motion.rotations, passage.motion.path
    clock = keeping_flights(*motion, passage.fps, bars, length)
    q, p, moved = retimed(*motion, passage.fps, bars, clock)
    passages.refuse_closed(passage, range(q.shape[1]))
    kept = contact_bars.kept(passage.action)
    _move_keys(passage, clock)
    # The motion on the new frames differs from what stood there: all of it is written.
    passages.write(replace(passage, values=passage.values[:0]), q, p)
    _move_bars(passage, kept, length - before)
    contact_bars.put(passage.action, passage.first, passage.first + length - 1, moved)
    takes.lengthened(passage.action, passage.last, length - before)
    if passage.action.use_frame_range and passage.action.frame_end >= passage.last:
        passage.action.frame_end += length - before
    return sentences.retimed(target.name, before, length)


def _move_keys(passage: passages.Passage, clock: Array) -> None:
    """Our keys in the passage taken out, those of other channels on the new clock, all later ones moved along."""
    ours = passage.keyed
    first, last, new = passage.first, passage.last, passage.first + len(clock) - 1
    old_frames, new_frames = np.append(clock + first, last), np.append(np.arange(first, new + 1.0), new)
    moved: list[tuple[bpy.types.FCurve, Array]] = []
    for channel, curve in passage.curves.items():
        keys = keying.fields_of(curve)
        times = keys["co"][:, 0].astype(float)
        now = np.where(times <= last, times, times + new - last)
        if channel in ours:
            stays = (times < first) | (times > last)
        else:
            stays = np.ones(len(times), dtype=bool)
            inside = (times >= first) & (times <= last)
            now[inside] = np.interp(times[inside], old_frames, new_frames)
        if not len(times) or (stays.all() and np.array_equal(now, times)):
            continue
        moved.append((curve, ~ownership.mine(passage.action, curve)[stays]))
        shift = (now - times).astype(np.float32)
        for field in ("co", "handle_left", "handle_right"):
            keys[field][:, 0] += shift
        keying.put(curve, {field: rows[stays] for field, rows in keys.items()})
    ownership.remember(passage.action, [curve for curve, _ in moved], [ours for _, ours in moved])


def _move_bars(passage: passages.Passage, bars: contact_bars.Bars, by: int) -> None:
    later = [
        replace(b, first=max(b.first, passage.last + 1) + by, last=b.last + by) for b in bars if b.last > passage.last
    ]
    early = [replace(b, last=min(b.last, passage.first - 1)) for b in bars if b.first < passage.first]
    contact_bars.keep(passage.action, (*early, *later))
