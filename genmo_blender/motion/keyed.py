"""Keyed poses on the frames of a motion, and how a motion that was changed comes back to them (numpy alone)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .easing import eased, faded, smooth
from .legs import LEGS

Array = np.ndarray
EASE = 6  # frames over which a motion comes to a key that it missed a little, and leaves it
_APPROACH = 8


@dataclass(frozen=True, eq=False)
class KeyFrames:
    """Local ``rotations`` (T, 22, 4) and pelvis ``path`` (T, 3) metres where ``known`` (T, 22) says so; joint 0 known:
    the root's rotation and its place. What is not known is never read.

    ``start``: where the character stands at the first frame, x and z in metres, and its heading in radians, when it
    comes from there to the first keyed root; None where a root is keyed at once, or where nobody says.

    ``ways`` (T,) bool: a path or a waypoint says where the root is, seen from above, in ``path``; ``facing`` (T,) bool:
    it says where it looks too, by the heading of the root in ``rotations``. None without them.
    """

    rotations: Array
    path: Array
    known: Array
    start: tuple[float, float, float] | None = None
    ways: Array | None = None
    facing: Array | None = None

    @property
    def roots(self) -> Array:
        """(T,) bool: the root is keyed."""
        known: Array = self.known[:, 0]
        return known

    @property
    def goals(self) -> Array:
        """(T,) bool: the root is keyed, or a path or a waypoint says where it is."""
        return self.roots if self.ways is None else self.roots | self.ways

    @property
    def told_headings(self) -> Array:
        """(T,) bool: where the root looks is known."""
        out = self.placed
        if self.ways is not None and self.facing is not None:
            out &= ~self.ways | self.facing | self.roots
        return out

    @property
    def legs(self) -> Array:
        """(T, 2) bool: a joint of the left, of the right leg is keyed, so that its foot may not be moved."""
        return np.stack([self.known[:, leg].any(axis=1) for leg in LEGS], axis=1)

    @property
    def held(self) -> Array:
        """(T,) bool: the pelvis may not move, because it or a leg is keyed."""
        return self.roots | self.legs.any(axis=1)

    @property
    def placed(self) -> Array:
        """(T,) bool: the root's place over the floor is known: where it is keyed, where a path or a waypoint says so,
        and where the character stands."""
        out = self.goals.copy()
        out[0] |= self.start is not None
        return out

    def without(self, correction: Array) -> Array:
        """A correction (T, 3) of the path that is nothing at known roots: what it is there is taken away, and between
        two of them smoothly from the one to the other."""
        away = eased(correction, self.placed)
        away[:, 1] = eased(correction, self.roots)[:, 1]
        return correction - away

    def begun(self, rotations: Array, transl: Array) -> tuple[Array, Array]:
        """A motion that meets the keys, begun exactly at ``start``: what its first frame misses is made up for on the
        way to the first keyed root."""
        if self.start is None or not self.goals.any():
            return rotations, transl
        x, z, heading = self.start
        share = 1.0 - smooth(np.clip(np.arange(len(transl)) / np.argmax(self.goals), 0.0, 1.0))
        turn = heading - rot.heading(rotations[0, 0])
        out = rotations.copy()
        around = rot.about_y(share * np.arctan2(np.sin(turn), np.cos(turn)))
        out[:, 0] = rot.multiply(around, rotations[:, 0])
        missed = np.array([x - transl[0, 0], 0.0, z - transl[0, 2]])
        return out, transl + share[:, None] * missed

    def approached(self, rotations: Array) -> Array:
        """Rotations (T, 22, 4) that meet the keys and go there and away over 8 frames.

        An answer whose keyed frames alone were replaced jumps where the network disagreed with a key: what is keyed is
        compared with what the frames beside it let expect, and the difference is carried out of it. Where the network
        agreed, nothing changes.
        """
        out = rotations.copy()
        for joint in np.flatnonzero(self.known.any(axis=0) & ~self.known.all(axis=0)):
            known, keyed, q = self.known[:, joint], self.rotations[:, joint], rotations[:, joint]
            missed = rot.multiply(keyed, rot.conjugate(_expected(known, keyed, q)))
            turn = faded(np.where(known[:, None], rot.to_rotation_vector(missed), 0.0), known, _APPROACH)
            moved = rot.multiply(rot.from_rotation_vector(turn), q)
            out[:, joint] = np.where(known[:, None], keyed, moved)
        return out

    def put_back(self, rotations: Array, transl: Array) -> tuple[Array, Array]:
        """A motion (T, 22, 4), (T, 3) that missed the keys a little meets them; others change within 6 frames."""
        out = rotations.copy()
        for joint in np.flatnonzero(self.known.any(axis=0)):
            known = self.known[:, joint]
            missed = rot.multiply(self.rotations[:, joint], rot.conjugate(rotations[:, joint]))
            turn = faded(np.where(known[:, None], rot.to_rotation_vector(missed), 0.0), known, EASE)
            moved = rot.multiply(rot.from_rotation_vector(turn), rotations[:, joint])
            # to the last bit, with the sign that the motion has
            sign = np.where(np.sum(moved * self.rotations[:, joint], axis=-1, keepdims=True) < 0, -1.0, 1.0)
            out[:, joint] = np.where(known[:, None], sign * self.rotations[:, joint], moved)
        gap = np.where(self.roots[:, None], self.path - transl, 0.0)
        path = np.where(self.roots[:, None], self.path, transl + faded(gap, self.roots, EASE))
        return out, path


def _expected(known: Array, keyed: Array, q: Array) -> Array:
    """What the frames beside keys let expect there, (T, 4): half-way between both sides of a single key; at the ends of
    a row of keys, the frame beside it and the step that the row makes there. Only ends of rows are of use."""
    last = len(q) - 1
    frame = np.arange(len(q))
    before, after = np.maximum(frame - 1, 0), np.minimum(frame + 1, last)
    single = known & ~(known[before] & (frame > 0)) & ~(known[after] & (frame < last))
    left, right = np.where(frame > 0, before, after), np.where(frame < last, after, before)
    out = np.where(single[:, None], rot.slerp(q[left], q[right], np.full(len(q), 0.5)), q)
    for beside, inner in ((before, after), (after, before)):
        end = known & known[inner] & ~known[beside]
        step = rot.multiply(keyed[inner], rot.conjugate(keyed))
        out = np.where(end[:, None], rot.multiply(step, q[beside]), out)
    return out
