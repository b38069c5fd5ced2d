"""Mirror: left and right exchanged, exact on a symmetric skeleton (numpy alone)."""

from __future__ import annotations

import numpy as np

from . import rotations as rot
from .skeleton import LEFT_RIGHT

Array = np.ndarray


def mirrored(rotations: Array, path: Array, partners: tuple[int, ...] = LEFT_RIGHT) -> tuple[Array, Array]:
    """Local rotations (T, J, 4) and path (T, 3) reflected in the plane x = 0; types of numbers stay.

    A quaternion keeps w and x and changes the sign of y and z. ``partners`` (J): each joint's on the other side.
    Contacts are exchanged by `contacts.mirrored`.
    """
    q = rotations[:, np.array(partners)] * np.array([1.0, 1.0, -1.0, -1.0], dtype=rotations.dtype)
    return rot.continuous(q), path * np.array([-1.0, 1.0, 1.0], dtype=path.dtype)


def mirrored_where_it_starts(rotations: Array, path: Array) -> tuple[Array, Array]:
    """Mirrored in the plane in which the character first looks: it starts where it started, looking the same way."""
    heading, start = rot.heading(rotations[0, 0]), path[0] * [1.0, 0.0, 1.0]
    q, p = mirrored(np.asarray(rotations, dtype=np.float64), np.asarray(path, dtype=np.float64) - start)
    # The reflection in x = 0 has turned a heading h into -h.
    turn = np.broadcast_to(rot.about_y(2.0 * heading), (len(p), 4))
    q[:, 0] = rot.multiply(turn, q[:, 0])
    return rot.continuous(q), rot.rotate(turn, p) + start
