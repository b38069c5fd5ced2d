"""Whose a key is: the animator's or ours.

Blender keeps a key's type when it is keyed anew, so the type alone does not say that an animator has changed it. What
we write is remembered with the action, a number of 32 bits a key made of channel, frame, value and type: a key that is
not among those numbers is the animator's. Actions without such a memory are judged by the type.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence

import bpy
import numpy as np

from ..motion.rotations import Array
from . import compat
from .paths import times_of

WRITTEN = "genmo_written"
"""Custom property of an action: what `remember` stores."""
CHANGED_ONE_BY_ONE = 0.5
"""Where more of a curve's generated keys than this part differ from what was written, the curve was moved, stretched or
smoothed as a whole; its keys do not become law by that."""


def marks(curve: bpy.types.FCurve) -> Array:
    """The numbers (N,) uint32 of a curve's keys."""
    keys = curve.keyframe_points
    co, kind = np.empty(2 * len(keys), np.float32), np.empty(len(keys), np.int32)
    keys.foreach_get("co", co)
    keys.foreach_get("type", kind)
    bits = co.view(np.uint32).reshape(-1, 2).astype(np.uint64)
    channel = np.uint64(zlib.crc32(f"{curve.data_path} {curve.array_index}".encode()))
    mixed = channel ^ (bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)) ^ (bits[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F))
    mixed = (mixed ^ (mixed >> np.uint64(29)) ^ kind.astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(32)).astype(np.uint32)


def remember(action: bpy.types.Action, curves: Iterable[bpy.types.FCurve], ours: Iterable[Array]) -> None:
    """Note which keys of some curves we have written: ``ours`` (N,) bool for each curve. What was noted of other curves
    stays."""
    curves, ours = list(curves), list(ours)
    if not curves:
        return
    kept = np.setdiff1d(written(action), np.concatenate([marks(curve) for curve in curves]))
    new = np.concatenate([marks(curve)[mask] for curve, mask in zip(curves, ours, strict=True)])
    store(action, WRITTEN, np.union1d(kept, new))


def remember_range(
    action: bpy.types.Action,
    curves: Sequence[bpy.types.FCurve],
    first: float,
    last: float,
    theirs: Sequence[Array] = (),
) -> None:
    """Note that all keys of some curves from ``first`` to ``last`` are ours, but for those at frames ``theirs`` of each
    curve, if given, which are the animator's; of others what was noted stays."""
    ours, known = [], written(action)
    for curve, but in zip(curves, theirs or [np.zeros(0)] * len(curves), strict=True):
        times = times_of(curve)
        inside = (times >= first) & (times <= last) & ~np.isin(times, but)
        outside = (times < first) | (times > last)
        ours.append(inside | outside & ~mine(action, curve, known))
    remember(action, curves, ours)


def mine(action: bpy.types.Action, curve: bpy.types.FCurve, known: Array | None = None) -> Array:
    """(N,) bool: which keys of a curve are the animator's. ``known`` is `written`, so that it is read once for all."""
    keys = curve.keyframe_points
    kind = np.empty(len(keys), np.int32)
    keys.foreach_get("type", kind)
    generated = kind == compat.GENERATED
    if WRITTEN not in action:
        return ~generated
    theirs = ~np.isin(marks(curve), written(action) if known is None else known)
    if (theirs & generated).sum() > CHANGED_ONE_BY_ONE * generated.sum():
        theirs &= ~generated
    return theirs


def written(action: bpy.types.Action) -> Array:
    """All numbers that are remembered, sorted; none where the memory cannot be read."""
    return numbers(action, WRITTEN)


def numbers(action: bpy.types.Action, name: str) -> Array:
    """The numbers (N,) uint32 at a custom property; none where it cannot be read."""
    try:
        return np.frombuffer(base64.b64decode(action.get(name, "")), "<u4")
    except (TypeError, ValueError, binascii.Error):  # somebody has written something else there
        return np.zeros(0, "<u4")


def store(action: bpy.types.Action, name: str, marked: Array) -> None:
    """Keep numbers at a custom property."""
    action[name] = base64.b64encode(marked.astype("<u4").tobytes()).decode()
