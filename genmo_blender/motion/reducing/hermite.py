"""Bézier curves between keys for many controls at once that have keys at different frames, and their derivatives.

Handles of a key are aligned: one slope, and a length of its own to each side. A segment of h frames from value v0 and
slope m0 to v1 and m1, with lengths a and b as shares of h, has the control points (0, v0), (a h, v0 + m0 a h),
(h - b h, v1 - m1 b h), (h, v1). At thirds it is a cubic in time; the lengths bend time and so fit what a cubic cannot.
Frames are counted from 0 to T - 1, and the first and the last one have keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..rotations import Array

THIRD = 1.0 / 3.0
SHORTEST, LONGEST = 0.1, 0.5
"""Of a handle, as a share of its segment: time never stands still, and handles stay long enough to hold."""
NEWTON = 4


class Basis:
    """Controls (J) with key frames each. Coefficients are (K, 4, C): all keys of all controls in order; value, slope a
    frame, length to the right, length to the left; C channels."""

    def __init__(self, frames: int, times: Sequence[Array]) -> None:
        self.frames, self.times = frames, [np.asarray(t, dtype=int) for t in times]
        self.count = np.array([len(t) for t in self.times])
        self.first = np.concatenate([[0], np.cumsum(self.count)[:-1]])
        self.all_times = np.concatenate(self.times)
        self.control = np.repeat(np.arange(len(self.times)), self.count)
        is_key = np.zeros((len(self.times), frames), dtype=int)
        is_key[self.control, self.all_times] = 1
        # Left key of every frame: keys at or before it, but the last key begins no segment.
        self.left = np.minimum(np.cumsum(is_key, axis=1) - 1, self.count[:, None] - 2) + self.first[:, None]
        self.length = np.diff(self.all_times, append=0)
        # A motion of one frame has no segments.
        self.h = np.maximum(self.length[self.left], 1).astype(float)[..., None]
        self.u = (np.arange(frames) - self.all_times[self.left])[..., None] / self.h
        last = self.first + self.count - 1
        self.segments = np.delete(np.arange(len(self.all_times)), last)
        """Keys that begin a segment."""
        self.starts = self.control[self.segments] * frames + self.all_times[self.segments]

    def linear(self, coefficients: Array) -> tuple[Array, Array]:
        """Curves (J, T, C), and their derivatives (6, J, T, C) by the left key's value and slope, the right one's, and
        the lengths of the handles between them."""
        c = np.ascontiguousarray(coefficients.transpose(1, 2, 0))
        v0, m0, a = (x[:, self.left] for x in c[:3])
        v1, m1, b = (x[:, self.left + 1] for x in c[[0, 1, 3]])
        h = self.h[..., 0]
        s = np.broadcast_to(self.u[..., 0], a.shape)
        if np.ptp(c[2:]) > 0.0:
            s = _when(a, b, self.u[..., 0])
        r = 1.0 - s
        rr, sr, ss = r * r, s * r, s * s
        b1, b2 = 3 * sr * r, 3 * sr * s
        rest, last = rr * r + b1, b2 + ss * s
        p1, p2 = m0 * (a * h), m1 * (b * h)
        curves = rest * v0 + b1 * p1 + last * v1 - b2 * p2
        rise = rr * p1 + 2 * sr * (v1 - v0 - p1 - p2) + ss * p2
        slope = rise / (h * (a * rr + 2 * (1 - a - b) * sr + b * ss))
        g1, g2 = b1 * h, b2 * h
        by = np.stack([rest, g1 * a, last, -g2 * b, g1 * (m0 - slope), -g2 * (m1 - slope)])
        return np.moveaxis(curves, 0, -1), np.moveaxis(by, 1, -1)

    def sampled(self, dense: Array, slope: Array) -> Array:
        """Coefficients (K, 4, C) that have the values and slopes of dense curves, (J, T, C) each, and thirds."""
        out = np.full((len(self.all_times), 4, dense.shape[-1]), THIRD)
        out[:, 0], out[:, 1] = dense[self.control, self.all_times], slope[self.control, self.all_times]
        return out

    def carried(self, old: Basis, coefficients: Array, curves: Array) -> Array:
        """What ``old`` had, for these keys: keys that stay keep their handles, unless the segment is another one;
        ``curves`` (J, T, C) are what it made of them."""
        out = self.sampled(curves, np.gradient(curves, axis=1))
        number = np.full((len(self.times), self.frames), -1)
        number[old.control, old.all_times] = np.arange(len(old.all_times))
        was = number[self.control, self.all_times]
        stays = was >= 0
        out[stays, :2] = coefficients[was[stays], :2]
        segment = self.segments
        a, b = was[segment], was[segment + 1]
        same = (a >= 0) & (b == a + 1)
        out[segment[same], 2] = coefficients[a[same], 2]
        out[segment[same] + 1, 3] = coefficients[b[same], 3]
        return out


def _when(a: Array, b: Array, u: Array) -> Array:
    """The curve's parameter at shares ``u`` of segments whose handles have lengths ``a`` and ``b``: Newton's method,
    the last step alone in double precision."""
    one, two, at = (x.astype(np.float32) for x in (a, b, u))
    s = np.broadcast_to(at, one.shape)
    for _ in range(NEWTON):
        s = _nearer(s, one, two, at)
    return _nearer(s.astype(np.float64), a, b, u)


def _nearer(s: Array, a: Array, b: Array, u: Array) -> Array:
    r = 1 - s
    ss, ar, rest = s * s, a * r, 1 - b
    off = s * (3 * r * (ar + rest * s) + ss) - u
    steep = 3 * (ar * r + 2 * (rest - a) * (s * r) + b * ss)
    return np.clip(s - off / steep, 0, 1)
