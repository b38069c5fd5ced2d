"""A character of any kind as what Reduce Keys needs: a tree of bones, points on it to be watched, and how they move.

Arrays are bone-major, (J, T, ...): a whole tree is then one product with the matrix of ancestors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..rotations import Array, conjugate, normalise, rotate

THICKNESS = 0.3
"""How far off its axis a bone is watched, as a share of its length: the surface of a limb, where its roll is seen."""
THICKEST = 0.08
"""The same in metres, at most."""


@dataclass(frozen=True)
class Body:
    """``parents`` (J,), -1 at the root, each before its children; ``offsets`` (J, 3) from the parent's head in the
    parent's axes, metres; points watched: on which bone (P,) and where in its axes (P, 3), by bone
    and as many on each.

    ``rests`` (J, 4): how each bone's axes lie in its parent's before it turns; ``path_axes`` (3, 3): the axes, as
    columns, along which the root's place is told."""

    parents: tuple[int, ...]
    offsets: Array
    point_bones: Array
    points: Array
    rests: Array
    path_axes: Array

    @property
    def bones(self) -> int:
        """J."""
        return len(self.parents)

    @cached_property
    def ancestors(self) -> Array:
        """(J, J) float: row b is 1 at b itself and at all bones above it."""
        out = np.eye(self.bones)
        for b, parent in enumerate(self.parents):
            if parent >= 0:
                out[b] += out[parent]
        return out

    @cached_property
    def levels(self) -> list[tuple[Array, Array]]:
        """Bones of each depth below the root and their parents, so that a loop runs over depths and not bones."""
        depth = self.ancestors.sum(1).astype(int)
        parents = np.array(self.parents)
        return [(bones, parents[bones]) for d in range(2, depth.max() + 1) for bones in [np.flatnonzero(depth == d)]]

    @cached_property
    def point_rows(self) -> Array:
        """First point of each bone (J,), for sums over a bone's points; points are sorted by bone."""
        return np.searchsorted(self.point_bones, np.arange(self.bones))


def body_of(
    parents: tuple[int, ...],
    offsets: Array,
    rests: Array | None = None,
    path_axes: Array | None = None,
    tips: Mapping[int, Array] | None = None,
) -> Body:
    """A body whose points are each bone's head, its end, and two points off its middle, where its roll is seen.

    The end is the mean of the children's heads; a bone without children goes on as its parent's end does, half as long,
    or to the first of its ``tips`` (3, 3) in its own axes, of which the others are watched in place of two off its
    middle.
    ``rests`` and ``path_axes`` are those of a body whose bones all have the axes of the world, where not given. Raises
    ValueError with a sentence when the bones are no tree with parents first.
    """
    offsets = np.asarray(offsets, dtype=np.float64)
    if not len(parents) or parents[0] != -1 or any(not 0 <= p < b for b, p in enumerate(parents) if b):
        raise ValueError("The bones are no tree in which every parent stands before its children.")
    if offsets.shape != (len(parents), 3) or not np.isfinite(offsets).all():
        raise ValueError("Every bone needs an offset of three finite numbers.")
    count = np.bincount(np.array(parents[1:], dtype=int), minlength=len(parents))
    ends = np.zeros_like(offsets)
    np.add.at(ends, list(parents[1:]), offsets[1:])
    rests = np.tile([1.0, 0.0, 0.0, 0.0], (len(parents), 1)) if rests is None else normalise(rests)
    on = rotate(conjugate(rests), 0.5 * offsets)
    ends = np.where(count[:, None] > 0, ends / np.maximum(count, 1)[:, None], on)
    for bone, tip in (tips or {}).items():
        ends[bone] = tip[0]
    length = np.linalg.norm(ends, axis=1, keepdims=True)
    along = normalise(np.where(length > 1e-9, ends, [0.0, 1.0, 0.0]))
    helper = np.where(np.abs(along[:, :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    side = normalise(np.cross(along, helper))
    radius = np.minimum(THICKNESS * length, THICKEST)
    off = [0.5 * ends + radius * side, 0.5 * ends + radius * np.cross(along, side)]
    for bone, tip in (tips or {}).items():
        off[0][bone], off[1][bone] = tip[1], tip[2]
    points = np.stack([np.zeros_like(ends), ends, *off], axis=1).reshape(-1, 3)
    path_axes = np.eye(3) if path_axes is None else np.asarray(path_axes, dtype=np.float64)
    return Body(tuple(parents), offsets, np.repeat(np.arange(len(parents)), 4), points, rests, path_axes)


@dataclass(frozen=True)
class Posed:
    """A body over time: world ``rotations`` (J, T, 4), ``heads`` (J, T, 3), watched ``points`` (P, T, 3), metres."""

    rotations: Array
    heads: Array
    points: Array


def pose(body: Body, rotations: Array, path: Array) -> Posed:
    """Forward kinematics of local rotations (J, T, 4), of any length but zero, and the root's place (T, 3).

    Components lie first in memory, where sums and products over bones and frames are quick."""
    local = _unit(rotations)
    if not np.array_equal(body.rests[:, 0], np.ones(body.bones)):
        local = _product(body.rests.T[:, :, None], local)
    world = np.empty_like(local)
    world[:, 0] = local[:, 0]
    for bones, parents in body.levels:
        world[:, bones] = _product(world[:, parents], local[:, bones])
    axes = _matrix(world)
    steps = np.empty((3, *local.shape[1:]))
    steps[:, 0] = body.path_axes @ path.T
    steps[:, 1:] = _carried(axes[:, :, list(body.parents[1:])], body.offsets[1:].T[..., None])
    heads = body.ancestors @ steps
    points = body.points.reshape(body.bones, -1, 3).transpose(2, 0, 1)[..., None]
    places = heads[:, :, None] + _carried(axes[:, :, :, None], points)
    return Posed(*(np.moveaxis(x, 0, -1) for x in (world, heads, places.reshape(3, -1, len(path)))))


def turning(body: Body, rotations: Array, posed: Posed) -> Array:
    """How each bone turns in the world as its channels change: (3, 4, J, T), radians a unit of channel.

    A channel quaternion x stands for x / |x|; left of it a small turn w has d(x / |x|) = (0, w) / 2 * x / |x|.
    """
    w, x, y, z = _unit(rotations) * (2.0 / np.linalg.norm(rotations, axis=-1))
    # A turn left of a bone's own rotation, in its axes at rest, as its parent carries them.
    world = np.moveaxis(posed.rotations, -1, 0)
    above = np.empty_like(world)
    above[:, 0] = [[1.0], [0.0], [0.0], [0.0]]
    for bones, parents in body.levels:
        above[:, bones] = world[:, parents]
    carried = _matrix(_product(above, np.broadcast_to(body.rests.T[:, :, None], above.shape)))
    own = np.array([[-x, w, -z, y], [-y, z, w, -x], [-z, -y, x, w]])
    return np.einsum("abjt,bcjt->acjt", carried, own)


def cross(a: Array, b: Array) -> Array:
    """Cross products, (3, ...) each."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), dtype=np.result_type(a, b))
    out[0], out[1], out[2] = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    return out


def _unit(rotations: Array) -> Array:
    """(J, T, 4) of any length -> (4, J, T) of length one."""
    q = np.ascontiguousarray(np.moveaxis(rotations, -1, 0))
    return q / np.maximum(np.sqrt((q * q).sum(0)), 1e-12)


def _product(a: Array, b: Array) -> Array:
    """Products of quaternions (4, ...): turned by b first, then by a."""
    return np.array(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    )


def _carried(m: Array, v: Array) -> Array:
    """Vectors v (3, ...) turned by matrices m (3, 3, ...)."""
    return m[:, 0] * v[0] + m[:, 1] * v[1] + m[:, 2] * v[2]


def _matrix(q: Array) -> Array:
    """Unit quaternions (4, ...) -> matrices (3, 3, ...)."""
    w, x, y, z = q
    xx, yy, zz, xy, xz, yz = x * x, y * y, z * z, x * y, x * z, y * z
    wx, wy, wz = w * x, w * y, w * z
    half = [[0.5 - yy - zz, xy - wz, xz + wy], [xy + wz, 0.5 - xx - zz, yz - wx], [xz - wy, yz + wx, 0.5 - xx - yy]]
    return 2.0 * np.array(half)
