"""In Place and Restore Travel: the way over the floor taken off a motion, and put back without loss (numpy alone).

Travel is the slow part of the path and of the heading; sway, height and the swing of the hips stay. It is also what a
root bone carries while the hips carry the rest (product.md 7.2, root motion option b).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .smooth import filter_time, gaussian

Array = np.ndarray
SLOW = 0.4
"""Seconds, the standard deviation of what the travel is smoothed by: a step is half a second."""


@dataclass(frozen=True)
class Travel:
    """Of each frame: ``place`` (T, 3) on the floor, metres, and ``turn`` (T,), radians about the vertical."""

    place: Array
    turn: Array


def travel_of(rotations: Array, path: Array, fps: float, turning: bool = False) -> Travel:
    """The travel of local rotations (T, J, 4) and path (T, 3), from nothing at the first frame; with ``turning`` the
    heading's slow part too."""
    kernel = gaussian(SLOW * fps)
    if len(path) <= len(kernel) // 2:  # a motion too short to have a slow part of its own travels in a line
        kernel = np.ones(1)
        share = np.linspace(0.0, 1.0, len(path))[:, None]
        place = path[:1] + share * (path[-1:] - path[:1])
    else:
        place = filter_time(np.asarray(path, dtype=np.float64), kernel)
    turn = np.zeros(len(path))
    if turning:
        turn = filter_time(np.unwrap(rot.heading(rotations[:, 0])), kernel)
    place = place * [1.0, 0.0, 1.0]
    return Travel(place - place[0], turn - turn[0])


def in_place(rotations: Array, path: Array, travel: Travel) -> tuple[Array, Array]:
    """The motion without its travel: first moved back, then turned back about where it began."""
    pivot = path[:1] * [1.0, 0.0, 1.0]
    return _turned(rotations, path - travel.place, pivot, -travel.turn)


def restored(rotations: Array, path: Array, travel: Travel) -> tuple[Array, Array]:
    """Inverse of `in_place`, whatever was done to the motion in between as long as its first frame stayed."""
    pivot = path[:1] * [1.0, 0.0, 1.0]
    rotations, path = _turned(rotations, path, pivot, travel.turn)
    return rotations, path + travel.place


def _turned(rotations: Array, path: Array, pivot: Array, turn: Array) -> tuple[Array, Array]:
    if not turn.any():
        return rotations, path
    q = rot.about_y(turn)
    rotations = np.array(rotations, dtype=np.float64)
    rotations[:, 0] = rot.multiply(q, rotations[:, 0])
    return rotations, rot.rotate(q, path - pivot) + pivot
