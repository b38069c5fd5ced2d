"""What is to be come close to: the dense motion, and where its feet stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..rotations import Array
from .body import Body, Posed, pose


@dataclass(frozen=True)
class Target:
    """The dense motion: ``curves`` (J + 1, T, 4), path padded with a zero, and their ``slopes`` a frame; how it is
    ``posed``; which bones' heads stand where, ``standing`` (F, T) bool and ``feet`` (F,); ``across``, the two axes of
    the ground; ``seams``, whether a neighbour shares the first and the last key."""

    body: Body
    curves: Array
    slopes: Array
    posed: Posed
    feet: Array
    standing: Array
    across: tuple[int, int]
    seams: tuple[bool, bool] = (False, False)

    def part(self, first: int, last: int) -> Target:
        """The frames from ``first`` to ``last``, both included."""
        span = slice(first, last + 1)
        posed = Posed(self.posed.rotations[:, span], self.posed.heads[:, span], self.posed.points[:, span])
        seams = first > 0 or self.seams[0], last < self.frames - 1 or self.seams[1]
        curves, slopes, standing = self.curves[:, span], self.slopes[:, span], self.standing[:, span]
        return Target(self.body, curves, slopes, posed, self.feet, standing, self.across, seams)

    @property
    def frames(self) -> int:
        """T."""
        return self.curves.shape[1]

    @property
    def holding(self) -> Array:
        """(F, T - 1): the foot stands at both ends of a step in time."""
        return self.standing[:, 1:] & self.standing[:, :-1]

    @property
    def farthest(self) -> Array:
        """How far from each bone's head any point below it ever is, (J,) metres."""
        places, heads = (np.moveaxis(x, -1, 0) for x in (self.posed.points, self.posed.heads))
        below = self.body.ancestors[self.body.point_bones] > 0
        out = [((places[:, below[:, j]] - heads[:, j, None]) ** 2).sum(0).max() for j in range(self.body.bones)]
        return np.sqrt(out)

    def steps_of(self, heads: Array) -> Array:
        """Steps of the feet across the ground from frame to frame, (F, T - 1, 2) metres, of heads (J, T, 3)."""
        return np.diff(heads[self.feet][:, :, list(self.across)], axis=1)


def pose_of(body: Body, curves: Array) -> Posed:
    """The body posed by all curves (J + 1, T, 4)."""
    return pose(body, curves[:-1], curves[-1, :, :3])
