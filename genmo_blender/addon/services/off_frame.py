"""The animator's keys between frames (20.5), set into curves that were fitted to whole frames.

A fitted curve is split at such a key, which leaves its shape alone; then the key takes the animator's value, and its
handles go along.
"""

from __future__ import annotations

import numpy as np

from ...motion.rotations import Array
from .. import keying
from ..paths import SAME_TIME

_HALVINGS = 40


def off_frame(times: Array) -> Array:
    """(N,) bool: which times are no whole frames."""
    return np.asarray(np.abs(times - np.rint(times)) > SAME_TIME)


def inserted(fields: keying.Fields, frame: float, value: float, kind: int) -> keying.Fields:
    """Bézier keys with one more, of a type. Where the curve holds, outside its keys, so does the new one."""
    co = fields["co"].astype(np.float64)
    if np.abs(co[:, 0] - frame).min() <= SAME_TIME:
        return fields
    k = int(np.searchsorted(co[:, 0], frame)) - 1
    out = {name: np.insert(rows, k + 1, rows[max(k, 0)], axis=0) for name, rows in fields.items()}
    left, right = np.array([frame - 1 / 3, value]), np.array([frame + 1 / 3, value])
    if 0 <= k < len(co) - 1:
        points = np.array([co[k], fields["handle_right"][k], fields["handle_left"][k + 1], co[k + 1]], np.float64)
        before, after = _split(points, frame)
        out["handle_right"][k], out["handle_left"][k + 2] = before[1], after[2]
        rise = [0.0, value - before[3, 1]]
        left, right = before[2] + rise, after[1] + rise
    out["co"][k + 1], out["type"][k + 1] = (frame, value), kind
    out["handle_left"][k + 1], out["handle_right"][k + 1] = left, right
    return out


def _split(points: Array, frame: float) -> tuple[Array, Array]:
    """A Bézier segment (4, 2) as two (4, 2), which meet at a frame within it (de Casteljau)."""
    points = points.copy()
    span = points[3, 0] - points[0, 0]
    for end, handle in ((0, 1), (3, 2)):  # Blender shortens handles that reach past the neighbouring key
        reach = points[handle] - points[end]
        points[handle] = points[end] + reach * min(1.0, span / max(abs(reach[0]), 1e-12))
    x0, x1, x2, x3 = points[:, 0].tolist()
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        s = 0.5 * (low + high)
        late = (1 - s) ** 3 * x0 + 3 * (1 - s) ** 2 * s * x1 + 3 * (1 - s) * s * s * x2 + s**3 * x3 > frame
        low, high = (low, s) if late else (s, high)
    return _halves(points, 0.5 * (low + high))


def _halves(points: Array, share: float) -> tuple[Array, Array]:
    rows = [points]
    while len(rows[-1]) > 1:
        rows.append((1.0 - share) * rows[-1][:-1] + share * rows[-1][1:])
    return np.array([row[0] for row in rows]), np.array([row[-1] for row in rows[::-1]])
