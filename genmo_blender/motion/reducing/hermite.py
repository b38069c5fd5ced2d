"""Bézier curves between keys for many controls at once that have keys at different frames, and their derivatives.

Handles of a key are aligned: one slope, and a length of its own to each side. A segment of h frames from value v0 and
slope m0 to v1 and m1, with lengths a and b as shares of h, has the control points (0, v0), (a h, v0 + m0 a h),
(h - b h, v1 - m1 b h), (h, v1). At thirds it is a cubic in time; the lengths bend time and so fit what a cubic cannot.
Frames are counted from 0 to T - 1, and the first and the last one have keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..rotations import Array

THIRD = 1.0 / 3.0
SHORTEST, LONGEST = 0.1, 0.5
"""Of a handle, as a share of its segment: time never stands still, and handles stay long enough to hold."""
NEWTON = 3


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

    def bent(self, coefficients: Array) -> Bent:
        """The curves that coefficients (K, 4, C) make."""
        c = np.ascontiguousarray(coefficients.transpose(1, 2, 0))
        left, shape = self.left.ravel(), (3, c.shape[1], *self.left.shape)
        v0, m0, a = np.take(c[:3], left, axis=2, mode="clip").reshape(shape)
        v1, m1, b = np.take(c[[0, 1, 3]], left + 1, axis=2, mode="clip").reshape(shape)
        h, u = self.h[..., 0], self.u[..., 0]
        s = _when(a, b, u) if np.ptp(c[2:]) > 0.0 else np.broadcast_to(u, a.shape)
        return Bent(s, v0, v1, m0 * h, m1 * h, a, b, h)

    def linear(self, coefficients: Array) -> tuple[Array, Array]:
        """`Bent`'s curves and derivatives."""
        bent = self.bent(coefficients)
        return bent.curves(), bent.derivatives()

    def sampled(self, dense: Array, slope: Array) -> Array:
        """Coefficients (K, 4, C) that have the values and slopes of dense curves, (J, T, C) each, and thirds."""
        out = np.full((len(self.all_times), 4, dense.shape[-1]), THIRD)
        out[:, 0], out[:, 1] = dense[self.control, self.all_times], slope[self.control, self.all_times]
        return out

    def carried(self, old: Basis, coefficients: Array, curves: Array) -> Array:
        """What ``old`` had, for these keys: keys that stay keep their handles, as shares of segments that may be other
        ones now; ``curves`` (J, T, C) are what it made of them."""
        out = self.sampled(curves, np.gradient(curves, axis=1))
        number = np.full((len(self.times), self.frames), -1)
        number[old.control, old.all_times] = np.arange(len(old.all_times))
        was = number[self.control, self.all_times]
        out[was >= 0] = coefficients[was[was >= 0]]
        return out


@dataclass(frozen=True)
class Bent:
    """Segments at every frame, (C, J, T) each: the curve's parameter, values and rises (slopes over the whole segment)
    at both ends, lengths of the handles between; lengths of segments ``h`` (J, T)."""

    s: Array
    v0: Array
    v1: Array
    m0: Array
    m1: Array
    a: Array
    b: Array
    h: Array

    def curves(self) -> Array:
        """(J, T, C)."""
        s, r = self.s, 1.0 - self.s
        b1, b2 = 3 * s * r * r, 3 * s * s * r
        last = b2 + s * s * s
        out = self.v0 + last * (self.v1 - self.v0) + b1 * (self.m0 * self.a) - b2 * (self.m1 * self.b)
        return np.moveaxis(out, 0, -1)

    def derivatives(self, dtype: type = np.float64) -> Array:
        """(6, J, T, C): by the left key's value and slope, the right one's, and the lengths of the handles."""
        given: list[Array] = [self.s, self.m0, self.m1, self.a, self.b, self.h, self.v1 - self.v0]
        parts: list[Array] = [x.astype(dtype) for x in given]
        s, m0, m1, a, b, h, rise = parts
        r = 1 - s
        rr, sr, ss = r * r, s * r, s * s
        b1, b2 = 3 * sr * r, 3 * sr * s
        p1, p2, last = m0 * a, m1 * b, b2 + ss * s
        slope = (rr * p1 + 2 * sr * (rise - p1 - p2) + ss * p2) / (a * rr + 2 * (1 - a - b) * sr + b * ss)
        out = np.empty((6, *s.shape), dtype)
        out[0], out[1], out[2], out[3] = 1 - last, b1 * h * a, last, -b2 * h * b
        out[4], out[5] = b1 * (m0 - slope), -b2 * (m1 - slope)
        return np.moveaxis(out, 1, -1)


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
