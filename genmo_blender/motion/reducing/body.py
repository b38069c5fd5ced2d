"""A character of any kind as what Reduce Keys needs: a tree of bones, points on it to be watched, and how they move.

Arrays are bone-major, (J, T, ...): a whole tree is then one product with the matrix of ancestors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..rotations import Array, conjugate, multiply, normalise, rotate, to_matrix

THICKNESS = 0.3
"""How far off its axis a bone is watched, as a share of its length: the surface of a limb, where its roll is seen."""
THICKEST = 0.08
"""The same in metres, at most."""


@dataclass(frozen=True)
class Body:
    """``parents`` (J,), -1 at the root, each before its children; ``offsets`` (J, 3) from the parent's head in the
    parent's axes, metres; points watched: on which bone (P,) and where in its axes (P, 3).

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
    or to its ``tips`` (3,) in its own axes.
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
        ends[bone] = tip
    length = np.linalg.norm(ends, axis=1, keepdims=True)
    along = normalise(np.where(length > 1e-9, ends, [0.0, 1.0, 0.0]))
    helper = np.where(np.abs(along[:, :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    side = normalise(np.cross(along, helper))
    radius = np.minimum(THICKNESS * length, THICKEST)
    off = [0.5 * ends + radius * side, 0.5 * ends + radius * np.cross(along, side)]
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
    """Forward kinematics of local rotations (J, T, 4), of any length but zero, and the root's place (T, 3)."""
    local = normalise(rotations)
    if not np.array_equal(body.rests[:, 0], np.ones(body.bones)):
        local = multiply(np.broadcast_to(body.rests[:, None], local.shape), local)
    world, heads = np.empty_like(local), np.empty((*local.shape[:2], 3))
    world[0], heads[0] = local[0], path @ body.path_axes.T
    for bones, parents in body.levels:
        world[bones] = multiply(world[parents], local[bones])
        heads[bones] = heads[parents] + rotate(
            world[parents], np.broadcast_to(body.offsets[bones, None], heads[bones].shape)
        )
    turned = rotate(world[body.point_bones], np.broadcast_to(body.points[:, None], (len(body.points), *path.shape)))
    return Posed(world, heads, heads[body.point_bones] + turned)


def turning(body: Body, rotations: Array, posed: Posed) -> Array:
    """How each bone turns in the world as its channels change: (J, T, 3, 4), radians a unit of channel.

    A channel quaternion x stands for x / |x|; left of it a small turn w has d(x / |x|) = (0, w) / 2 * x / |x|.
    """
    length = np.linalg.norm(rotations, axis=-1)[..., None, None]
    w, u = np.split(normalise(rotations), [1], axis=-1)
    out = np.empty((*rotations.shape[:2], 3, 4))
    out[..., 0] = -u
    out[..., 1:] = w[..., None] * np.eye(3)
    x, y, z = np.moveaxis(u, -1, 0)
    for row, column, value in ((0, 1, -z), (0, 2, y), (1, 0, z), (1, 2, -x), (2, 0, -y), (2, 1, x)):
        out[..., row, 1 + column] += value
    out *= 2.0 / length
    # A turn left of a bone's own rotation, in its axes at rest, as its parent carries them.
    out[0] = to_matrix(body.rests[0]) @ out[0]
    for bones, parents in body.levels:
        carried = to_matrix(posed.rotations[parents]) @ to_matrix(body.rests[bones])[:, None]
        out[bones] = carried @ out[bones]
    return out


def cross(a: Array, b: Array) -> Array:
    """Cross products of (..., 3), a third of the time of numpy's."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    x = ay * bz - az * by
    out = np.empty((*x.shape, 3))
    out[..., 0], out[..., 1], out[..., 2] = x, az * bx - ax * bz, ax * by - ay * bx
    return out
