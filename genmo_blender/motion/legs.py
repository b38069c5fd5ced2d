"""Two-bone inverse kinematics for the legs: exact, vectorised over time, knees never past straight (numpy alone).

The knee is a hinge across the thigh. Its angle gives the distance from hip to ankle in closed form; then the leg as a
whole is turned by the least rotation. A foot that need not move leaves its leg exactly as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..motion import kinematics
from ..motion import rotations as rot
from .easing import faded
from .skeleton import canonical

Array = np.ndarray
LEGS = ((1, 4, 7), (2, 5, 8))  # hip, knee, ankle
STRAIGHT = 0.9995  # of the longest reach: nearer to straight a millimetre turns the knee by degrees
_HINGE = np.array([1.0, 0.0, 0.0])  # the knee's axis in the thigh's frame: a positive turn bends it
_EASE = 6  # frames around a held pelvis in which it gives way less
_MOVED = 0.002  # m by which a foot is moved, from which on its leg is bent as far as it is asked to
_SLANT = 0.8  # sine of the angle from which on a leg is too slanted to gain by lifting
_SHORTEST = 0.1  # m from hip to ankle; a deep squat has 0.15


@dataclass(frozen=True)
class Give:
    """How the pelvis comes down for legs that would have to be stretched."""

    easy: float = STRAIGHT
    """Share of the longest reach up to which a leg is stretched before the pelvis gives way,"""
    straight: float = 1.0
    """share up to which a leg that was so straight already stays it, where its foot is moved,"""
    most: float = 0.03
    """metres that it does so at most, before the leg is stretched on,"""
    frames: int = 5
    """and frames over which it comes down, at most twice."""


RECORDED = Give()
"""For motion whose pelvis is as it should be."""
GENERATED = Give(easy=0.985, straight=0.993, most=0.07, frames=12)
"""For takes, whose feet slide under a pelvis that knows nothing of it: knees that need not go straight do not snap."""


@dataclass(frozen=True)
class _Leg:
    """A leg at all frames, in the world. Turning the shin by phi about ``hinge`` puts the ankle at a distance d from
    the hip with d^2 = constant + 2 swing cos(phi - straight)."""

    thigh: Array  # (T, 3) hip to knee
    shin: Array  # (T, 3) knee to ankle
    hinge: Array  # (T, 3) unit
    constant: Array  # (T,)
    swing: Array  # (T,)
    straight: Array  # (T,) rad, negative where the knee is bent

    @property
    def distance(self) -> Array:
        """Hip to ankle now, (T,) metres."""
        return np.linalg.norm(self.thigh + self.shin, axis=-1)

    @property
    def longest(self) -> Array:
        """Hip to ankle with the leg straight, (T,) metres."""
        return np.sqrt(self.constant + 2 * self.swing)

    @property
    def reach(self) -> Array:
        """The longest distance (T,) that is asked of the leg: a little less than straight, or what it has already."""
        return self.within(STRAIGHT)

    def within(self, share: float) -> Array:
        """That share of the longest distance (T,), or what the leg has already."""
        return np.maximum(share * self.longest, np.minimum(self.distance, self.longest))

    def angle(self, distance: Array) -> Array:
        """The turn (T,) of the shin that gives a distance, on the side to which knees bend."""
        cosine = (distance**2 - self.constant) / (2 * self.swing)
        return self.straight + np.arccos(np.clip(cosine, -1.0, 1.0))


def _leg(world: Array, joints: Array, leg: tuple[int, int, int]) -> _Leg:
    hip, knee, ankle = (joints[:, j] for j in leg)
    thigh, shin, hinge = knee - hip, ankle - knee, rot.rotate(world[:, leg[0]], _HINGE)
    along = np.sum(shin * hinge, axis=-1, keepdims=True) * hinge
    cosine, sine = np.sum(thigh * (shin - along), axis=-1), np.sum(thigh * np.cross(hinge, shin), axis=-1)
    squares = np.sum(thigh**2 + shin**2 + 2 * thigh * along, axis=-1)
    return _Leg(thigh, shin, hinge, squares, np.hypot(cosine, sine), np.arctan2(sine, cosine))


def pelvis_drop(legs: tuple[_Leg, ...], offsets: Array, give: Give = RECORDED) -> Array:
    """How far to lower the pelvis, (T,) metres, so that legs reach feet moved by offsets (T, 2, 3)."""
    need: Array = np.zeros(len(offsets))
    for side, leg in enumerate(legs):
        to = leg.thigh + leg.shin + offsets[:, side]
        moved = np.clip(np.linalg.norm(offsets[:, side], axis=-1) / _MOVED, 0.0, 1.0)
        within = np.minimum(leg.within(give.easy), (1.0 - (1.0 - give.straight) * moved) * leg.longest)
        across = np.minimum(np.hypot(to[:, 0], to[:, 2]), within)
        need = np.maximum(need, -to[:, 1] - np.sqrt(within**2 - across**2))
    need = np.where(need > 1e-6, np.clip(need, 0.0, give.most), 0.0)
    radius = give.frames
    window = np.hanning(2 * radius + 3)[1:-1]
    padded = np.pad(need, 2 * radius, mode="edge")
    widest = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1).max(1)
    return np.convolve(widest, window / window.sum(), mode="valid")


def move_feet(
    rotations: Array,
    transl: Array,
    offsets: Array,
    held: Array | None = None,
    turns: Array | None = None,
    give: Give = RECORDED,
) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) with ankles moved by offsets (T, 2, 3).

    ``turns`` (T, 2, 4): world rotations by which the feet are turned besides; without them feet keep their orientation.
    The pelvis gives way first, as far as ``give`` says, but not at ``held`` (T,) frames; where even then a leg is too
    short, the foot falls short of its place.
    """
    skeleton = canonical()
    world = kinematics.world_rotations(skeleton, rotations)
    joints = kinematics.positions_from_world(skeleton, world, transl)
    legs = tuple(_leg(world, joints, leg) for leg in LEGS)
    low = pelvis_drop(legs, offsets, give)[:, None]
    if held is not None:
        low = np.maximum(low - faded(low, held, _EASE), 0.0)
    drop = low * np.array([0.0, 1.0, 0.0])
    out = rotations.copy()
    for side, ((hip, knee, ankle), leg) in enumerate(zip(LEGS, legs, strict=True)):
        turn, bend = _solve(leg, leg.thigh + leg.shin + offsets[:, side] + drop)
        thigh = rot.multiply(turn, world[:, hip])
        shin = rot.multiply(turn, rot.multiply(bend, world[:, knee]))
        out[:, hip] = rot.multiply(rot.conjugate(world[:, 0]), thigh)
        out[:, knee] = rot.multiply(rot.conjugate(thigh), shin)
        foot = world[:, ankle] if turns is None else rot.multiply(turns[:, side], world[:, ankle])
        out[:, ankle] = rot.multiply(rot.conjugate(shin), foot)
    return rot.normalise(out), transl - drop


def _solve(leg: _Leg, target: Array) -> tuple[Array, Array]:
    """World rotations (T, 4): of the whole leg, and of the shin before it, that bring the ankle to ``target`` (T, 3)
    from the hip."""
    distance = _reachable(leg, np.linalg.norm(target, axis=-1))
    bend = rot.from_rotation_vector(leg.hinge * leg.angle(distance)[:, None])
    return rot.between(leg.thigh + rot.rotate(bend, leg.shin), _raised(target, distance)), bend


def _raised(target: Array, distance: Array) -> Array:
    """Targets (T, 3) from the hip, those further away than ``distance`` (T,) raised until they are near enough: a foot
    out of reach is lifted rather than dragged, since sliding is seen sooner."""
    across = np.minimum(np.hypot(target[:, 0], target[:, 2]), _SLANT * distance)
    height = np.maximum(target[:, 1], -np.sqrt(distance**2 - across**2))
    return np.stack([target[:, 0], height, target[:, 2]], axis=-1)


def _reachable(leg: _Leg, wanted: Array) -> Array:
    """Distance hip to ankle that the leg takes for a wanted one, rounded off toward the end of its reach."""
    room = np.maximum(leg.reach - leg.distance, 1e-4)
    more = np.maximum(wanted - leg.distance, 0.0)
    stretched = leg.distance + more / (1.0 + (more / room) ** 4) ** 0.25
    return np.clip(np.where(more > 0, stretched, wanted), _SHORTEST, leg.reach)
