"""When keyed poses are best passed: their times moved to where a motion that was not told of them comes nearest.

A walk that is asked for without its middle pose comes near that pose at some moment: that is when the pose wants to be.
Of all ways to move the keys by whole frames the one is taken that comes nearest to the poses and stretches the gaps
between keys least (Sakoe and Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition":
monotone, here with a limit on either side). numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import rotations as rot
from .skeleton import canonical

Array = np.ndarray
SHARE = 1.0 / 3.0
"""Of the way to its neighbour a key may go: two that go toward each other keep a third of the gap."""
_END = 0.1  # metres below a joint that carries none
STIFFNESS = 0.05
"""Square metres that a gap costs that changes by its whole length: 4 cm of the pose where it changes by a fifth. Chosen
on clips whose inner poses were put at wrong times."""


def room(times: Array, free: Array) -> Array:
    """Whole frames by which each of N keys may move, (N, 2) earlier and later, from their ascending ``times`` (N,);
    keys that are not ``free`` (N,) and the outer ones may not."""
    out = np.zeros((len(times), 2), dtype=int)
    gap = np.floor(SHARE * np.diff(times) + 1e-6).astype(int)
    out[1:, 0], out[:-1, 1] = gap, gap
    out[[0, -1]] = 0
    out[~free] = 0
    return out


def apart(rotations: Array, path: Array, pose: Array, place: Array, known: Array) -> Array:
    """Square metres (M,) between M frames of a motion, local ``rotations`` (M, 22, 4) and ``path`` (M, 3), and one pose
    (22, 4) at a ``place`` (3,), in what of it is ``known`` (22,), joint 0 standing for root and place.

    An angle counts by the way that it moves the farthest joint below.
    """
    turn = rot.multiply(rot.conjugate(np.broadcast_to(pose, rotations.shape)), rotations)
    angle = np.linalg.norm(rot.to_rotation_vector(turn), axis=-1)
    moved: Array = (
        np.mean(((angle * canonical().reach(_END))[:, known]) ** 2, axis=1) if known.any() else np.zeros(len(path))
    )
    return moved + (np.sum((path - place) ** 2, axis=1) if known[0] else 0.0)


def shifts(times: Array, moves: Array, costs: Sequence[Array]) -> Array:
    """Whole frames (N,) by which N keys at ascending ``times`` (N,) move, within their ``moves`` (N, 2) of `room`.

    ``costs``: for each key what each of its moves costs, square metres, from the earliest to the latest.
    """
    at = [times[k] + np.arange(-moves[k, 0], moves[k, 1] + 1) for k in range(len(times))]
    best, came = np.asarray(costs[0], dtype=float), []
    for k in range(1, len(times)):
        stretch = (at[k][None] - at[k - 1][:, None]) / (times[k] - times[k - 1]) - 1.0
        total = best[:, None] + STIFFNESS * stretch**2
        came.append(np.argmin(total, axis=0))
        best = total.min(axis=0) + costs[k]
    state = int(np.argmin(best))
    out = np.zeros(len(times), dtype=int)
    for k in range(len(times) - 1, -1, -1):
        out[k] = state - moves[k, 0]
        if k:
            state = int(came[k - 1][state])
    return out
