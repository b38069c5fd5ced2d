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
NEWTON = 5


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
        one, two = coefficients[self.left], coefficients[self.left + 1]
        v0, m0, a = one[:, :, 0], one[:, :, 1], one[:, :, 2]
        v1, m1, b = two[:, :, 0], two[:, :, 1], two[:, :, 3]
        h = self.h
        s = np.broadcast_to(self.u, a.shape)
        if np.ptp(coefficients[:, 2:]) > 0.0:
            for _ in range(NEWTON):
                r = 1.0 - s
                off = s * (3 * r * (a * r + (1 - b) * s) + s * s) - self.u
                s = np.clip(s - off / (3 * (a * r * r + 2 * (1 - a - b) * s * r + b * s * s)), 0.0, 1.0)
        r = 1.0 - s
        b0, b1, b2, b3 = r * r * r, 3 * s * r * r, 3 * s * s * r, s * s * s
        p1, p2 = m0 * a * h, m1 * b * h
        curves = (b0 + b1) * v0 + b1 * p1 + (b2 + b3) * v1 - b2 * p2
        rise = r * r * p1 + 2 * s * r * (v1 - v0 - p1 - p2) + s * s * p2
        slope = rise / (h * (a * r * r + 2 * (1 - a - b) * s * r + b * s * s))
        return curves, np.stack(
            [b0 + b1, b1 * a * h, b2 + b3, -b2 * b * h, b1 * h * (m0 - slope), -b2 * h * (m1 - slope)]
        )

    def apply(self, weights: Array, coefficients: Array) -> Array:
        """Change of the curves (J, T, C) with that of coefficients (K, 4, C), by derivatives (6, J, T, C)."""
        one, two = coefficients[self.left], coefficients[self.left + 1]
        out = weights[0] * one[:, :, 0]
        for w, part in zip(
            weights[1:], (one[:, :, 1], two[:, :, 0], two[:, :, 1], one[:, :, 2], two[:, :, 3]), strict=True
        ):
            out += w * part
        return out

    def gather(self, weights: Array, values: Array) -> Array:
        """The transpose of `apply`: (J, T, C) -> (K, 4, C)."""
        product = weights * values
        channels = product.shape[-1]
        out = np.zeros((len(self.all_times), 4, channels))
        sums = np.add.reduceat(product.reshape(len(weights), -1, channels), self.starts, axis=1)
        here, there = self.segments, self.segments + 1
        out[here, 0] += sums[0]
        out[here, 1] += sums[1]
        out[there, 0] += sums[2]
        out[there, 1] += sums[3]
        out[here, 2] = sums[4]
        out[there, 3] = sums[5]
        return out

    def sampled(self, dense: Array) -> Array:
        """Coefficients (K, 4, C) that have the values of dense curves (J, T, C), their central slopes, and thirds."""
        slope = np.gradient(dense, axis=1)
        out = np.full((len(self.all_times), 4, dense.shape[-1]), THIRD)
        out[:, 0], out[:, 1] = dense[self.control, self.all_times], slope[self.control, self.all_times]
        return out

    def carried(self, old: Basis, coefficients: Array) -> Array:
        """What ``old`` had, for these keys: keys that stay keep their handles, unless the segment is another one."""
        out = self.sampled(old.linear(coefficients)[0])
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
