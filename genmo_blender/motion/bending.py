"""The curve through given values that bends the least and dies away: the smallest integral of c''^2 + 4 c^2 / l^4.

Between two neighbouring knots it is a sum of exp(+-x) cos x and exp(+-x) sin x, x in reaches l, told by the values and
the slopes at both; beyond the outer ones it dies away. The slopes follow from its curvature being continuous: one
equation a knot, which holds its two neighbours (a "spline in tension", after Schweikert 1966, on elastic ground).
Knots and frames cost as they come. numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
_SAME = 1e-3  # reaches: two knots nearer than that are one
_SHORT = 0.05  # reaches: on a shorter way the curve is a cubic, to 1e-8


@dataclass(frozen=True)
class Bend:
    """``rows`` (K,): which knot each given value belongs to, of which there are ``share`` (K,) parts; ``slope`` (M, 3)
    and ``solve`` (M, 3): slopes from values and their equations, as bands; ``cell`` (T,) and ``basis`` (T, 4): what a
    frame is of the values and slopes at the two knots beside it."""

    rows: Array
    share: Array
    slope: Array
    solve: Array
    cell: Array
    basis: Array

    @classmethod
    def of(cls, at: Array, still: Array, frames: int, reach: float) -> Bend:
        """Through values at ``at`` (K,) frames, in any order, and through 0 at ``still``; K + S > 0."""
        places: Array = np.concatenate([at, still]) / reach
        order = np.argsort(places, kind="stable")
        begins = np.concatenate([[True], np.diff(places[order]) > _SAME])
        rows: Array = np.empty(len(places), dtype=int)
        rows[order] = np.cumsum(begins) - 1
        counts = np.bincount(rows)
        knots: Array = np.bincount(rows, places) / counts
        rows, share = rows[: len(at)], 1.0 / counts[rows[: len(at)]]
        # what a unit of value and slope at a cell's ends curves there: beyond the outer knots c'' = +-2 c' - 2 c
        curve = _curvature(np.diff(knots))
        size = len(knots)
        solve, slope = np.zeros((size, 3)), np.zeros((size, 3))
        left, right = curve[:, :, 0], curve[:, :, 1]  # curvature at the beginning and at the end, (cells, 4)
        # the curvature before a knot equals that after it
        solve[1:, 0], solve[1:, 1] = right[:, 1], right[:, 3]
        slope[1:, 0], slope[1:, 1] = -right[:, 0], -right[:, 2]
        solve[:-1, 1] -= left[:, 1]
        solve[:-1, 2] -= left[:, 3]
        slope[:-1, 1] += left[:, 0]
        slope[:-1, 2] += left[:, 2]
        solve[0, 1] += 2.0
        slope[0, 1] += 2.0
        solve[-1, 1] += 2.0
        slope[-1, 1] -= 2.0
        return cls(rows, share, slope, solve, *_frames(np.arange(frames) / reach, knots))

    def through(self, values: Array) -> Array:
        """The curve (T, C) through ``values`` (K, C)."""
        at = np.zeros((len(self.solve), values.shape[1]))
        np.add.at(at, self.rows, values * self.share[:, None])
        right = self.slope[:, 1:2] * at
        right[1:] += self.slope[1:, :1] * at[:-1]
        right[:-1] += self.slope[:-1, 2:] * at[1:]
        slopes = _tridiagonal(self.solve, right)
        # a cell of its own before the first knot and behind the last, with nothing beyond
        none = np.zeros((1, values.shape[1]))
        at, slopes = np.concatenate([none, at, none]), np.concatenate([none, slopes, none])
        c = self.cell
        a, b, d, e = (self.basis[:, i : i + 1] for i in range(4))
        found: Array = a * at[c] + b * slopes[c] + d * at[c + 1] + e * slopes[c + 1]
        return found


def _tridiagonal(bands: Array, right: Array) -> Array:
    """x (M, C) of bands (M, 3), below, on and above the diagonal: elimination from knot to knot."""
    above, found = np.zeros(len(bands)), np.array(right)
    for k, (below, here, after) in enumerate(bands.tolist()):
        if k:
            here -= below * above[k - 1]
            found[k] -= below * found[k - 1]
        above[k] = after / here
        found[k] /= here
    for k in range(len(bands) - 2, -1, -1):
        found[k] -= above[k] * found[k + 1]
    return found


def _shapes(x: Array, length: Array) -> Array:
    """(N, 3, 4): the four solutions at ``x`` of cells of a ``length``, with their slope and curvature. Two die away
    from the beginning, two from the end, so that nothing overflows."""
    y = length - x
    u, v = np.exp(-x), np.exp(-y)
    cx, sx, cy, sy = np.cos(x), np.sin(x), np.cos(y), np.sin(y)
    value = (u * cx, u * sx, v * cy, v * sy)
    slope = (-u * (cx + sx), u * (cx - sx), v * (cy + sy), v * (sy - cy))
    bend = (2 * u * sx, -2 * u * cx, 2 * v * sy, -2 * v * cy)
    return np.stack([np.stack(row, axis=-1) for row in (value, slope, bend)], axis=-2)


def _ways(length: Array) -> Array:
    """(N, 4, 4): of cells longer than `_SHORT`, the solutions' amounts for a unit of each: value and slope at the
    beginning, value and slope at the end."""
    begin, end = _shapes(np.zeros_like(length), length), _shapes(length, length)
    return np.linalg.inv(np.concatenate([begin[:, :2], end[:, :2]], axis=1))


def _curvature(length: Array) -> Array:
    """(N, 4, 2): curvature at the beginning and at the end for a unit of each of the four."""
    out = np.empty((len(length), 4, 2))
    short = length < _SHORT
    h = length[short]
    one = np.ones_like(h)
    out[short, :, 0] = np.stack([-6 / h**2, -4 / h, 6 / h**2, -2 / h], axis=-1) * one[:, None]
    out[short, :, 1] = np.stack([6 / h**2, 2 / h, -6 / h**2, 4 / h], axis=-1) * one[:, None]
    far = length[~short]
    ways = _ways(far)
    for side, x in enumerate((np.zeros_like(far), far)):
        out[~short, :, side] = np.einsum("ns,nsk->nk", _shapes(x, far)[:, 2], ways)
    return out


def _frames(at: Array, knots: Array) -> tuple[Array, Array]:
    """Cell and basis of frames ``at`` (T,) reaches; cell 0 lies before the first knot, the last one behind the last."""
    cell = np.searchsorted(knots, at, side="right")
    basis = np.zeros((len(at), 4))
    before, after = cell == 0, cell == len(knots)
    x = at[after] - knots[-1]
    basis[after, 0] = np.exp(-x) * (np.cos(x) + np.sin(x))
    basis[after, 1] = np.exp(-x) * np.sin(x)
    x = knots[0] - at[before]
    basis[before, 2] = np.exp(-x) * (np.cos(x) + np.sin(x))
    basis[before, 3] = -np.exp(-x) * np.sin(x)
    inside = np.flatnonzero(~before & ~after)
    length = np.diff(knots)[cell[inside] - 1]
    x = at[inside] - knots[cell[inside] - 1]
    short = length < _SHORT
    s, h = x[short] / length[short], length[short]
    cubic = ((1 + 2 * s) * (1 - s) ** 2, h * s * (1 - s) ** 2, s**2 * (3 - 2 * s), h * s**2 * (s - 1))
    basis[inside[short]] = np.stack(cubic, axis=-1)
    ways = _ways(np.diff(knots)) if len(knots) > 1 else np.zeros((0, 4, 4))
    far = inside[~short]
    shapes = _shapes(x[~short], length[~short])[:, 0]
    basis[far] = np.einsum("ns,nsk->nk", shapes, ways[cell[far] - 1])
    return cell, basis
