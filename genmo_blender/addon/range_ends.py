"""Where our keys meet a curve's keys beyond the range: what the curve did between the two it goes on doing.

Keys outside are never touched. So the outermost of ours takes over how its segment is passed (stepped, straight,
Bézier), and a handle that brings the curve back to what it was, as near as can be.
"""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from ..motion.joining import handle_toward
from ..motion.rotations import Array
from . import compat

_SAMPLES = 12
_ADJACENT = 1.001
"""Frames: nothing lies between keys that are no farther apart."""


def join(
    curve: bpy.types.FCurve, old: Mapping[str, Array], ours: Mapping[str, Array], first: float, last: float
) -> None:
    """Give the outermost of ``ours``, fields of our keys, the ends that the curve's ``old`` ones ask for. The curve
    still is the old one; ``first`` and ``last`` are the range's frames. A key of hers at an end needs nothing."""
    times, own = old["co"][:, 0], ours["co"][:, 0]
    if not len(own):
        return
    before, after = np.flatnonzero(times < first), np.flatnonzero(times > last)
    if len(before) and len(before) < len(times) and own[0] == first and first - times[before[-1]] > _ADJACENT:
        k = int(before[-1])
        if old["interpolation"][k, 0] == compat.BEZIER:
            _bend(curve, (old["co"][k], old["handle_right"][k]), ours, 0, "left")
    if len(after) and after[0] > 0 and own[-1] == last and times[after[0]] - last > _ADJACENT:
        k = int(after[0])
        kind = int(old["interpolation"][k - 1, 0])
        ours["interpolation"][-1] = kind if kind in (compat.LINEAR, compat.CONSTANT) else compat.BEZIER
        if ours["interpolation"][-1, 0] == compat.BEZIER:
            _bend(curve, (old["co"][k], old["handle_left"][k]), ours, -1, "right")


def _bend(curve: bpy.types.FCurve, far: tuple[Array, Array], ours: Mapping[str, Array], row: int, side: str) -> None:
    """The handle of one of ours toward a key with its handle, after the curve as it is."""
    key = ours["co"][row].astype(np.float64)
    point, handle = (told.astype(np.float64) for told in far)
    at = np.linspace(point[0], key[0], _SAMPLES + 2)[1:-1]
    values = np.array([curve.evaluate(float(frame)) for frame in at])
    ours[f"handle_{side}"][row] = handle_toward(point, handle, key, at, values)
    ours[f"handle_{side}_type"][row] = compat.FREE
