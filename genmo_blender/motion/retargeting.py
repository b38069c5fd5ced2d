"""Motion of any humanoid skeleton -> the canonical one (mini_model.md, "One rest skeleton"; product.md 7.2).

Both skeletons are compared in one reference pose: the source's rest pose where that is a standing person, else the
frame of its motion that stands most upright. World rotations carry over relative to that pose,

    G_body(t) = A  G_source(t) G_source(ref)^-1  A^-1  C_j,

with A the turn of the source's axes to Y up, facing +Z, and C_j the least rotation from the body's rest direction of a
bone to the direction that bone has in the reference pose; identity for the torso. So T, A and hanging arms, odd bone
axes and Z up all come down to A and C. The path is scaled by the length of the legs, which makes metres of any unit,
and the ankles are then brought to their scaled places, so that feet planted on one body are planted on the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import kinematics, legs
from . import rotations as rot
from .humanoid import Humanoid, Limbs
from .rotations import Array
from .skeleton import canonical

# Joint -> the child whose direction its bone has.
LIMBS = {1: 4, 2: 5, 4: 7, 5: 8, 16: 18, 17: 19, 18: 20, 19: 21}
FEET = {7: 10, 8: 11}
# Joints without a child of their own turn with the joint before them.
FOLLOW = {10: 7, 11: 8, 20: 18, 21: 19}
_SHINS = {7: 4, 8: 5}
_SIDES = ((1, 4, 7, 10, 13, 16, 18, 20), (2, 5, 8, 11, 14, 17, 19, 21))  # as the fields of Limbs
_SPINE, _NECK, _HEAD = (3, 6, 9), 12, 15
_UPRIGHT = 0.8
"""Least cosine between up and the bones of a person who stands."""
_SPREAD = np.radians(10.0)
"""Legs further apart than this in the reference pose are no stance: their feet tilt with them (Acclaim's skeletons,
legs spread by 20 degrees, do so; 0.42 of 1 was measured in planted feet of CMU 07_01)."""
_SNAP = np.radians(15.0)


def corrections(bones: dict[int, Array]) -> Array:
    """C (22, 4) for a reference pose in which joint j's bone has the direction ``bones[j]`` (3,), Y up, facing +Z.

    Feet take only the turn about the vertical: the ankles of two skeletons stand at different heights above the same
    flat sole, and the full least rotation would tilt planted soles. Where the legs are spread too far to stand on,
    the feet take that tilt about the line of sight as well.
    """
    body = canonical().offsets
    out = np.tile(rot.IDENTITY, (22, 1))
    for joint, child in LIMBS.items():
        out[joint] = rot.between(body[child], bones[joint])
    flat = np.array([1.0, 0.0, 1.0])
    for joint, child in FEET.items():
        tilt = _tilt(body[joint], bones[_SHINS[joint]])
        level = rot.rotate(rot.conjugate(tilt), bones[joint])
        out[joint] = rot.multiply(tilt, rot.between(body[child] * flat, level * flat))
    for joint, other in FOLLOW.items():
        out[joint] = out[other]
    return out


def _tilt(body: Array, bone: Array) -> Array:
    """The turn about +Z between two shins, if it is more than a person stands with."""
    angle = np.arctan2(bone[0], -bone[1]) - np.arctan2(body[0], -body[1])
    return rot.from_rotation_vector(np.array([0.0, 0.0, angle if abs(angle) > _SPREAD else 0.0]))


@dataclass(frozen=True)
class Reference:
    """A pose of the source: world ``rotations`` (J, 4) and ``positions`` (J, 3), and its ``up`` (3,), unit."""

    rotations: Array
    positions: Array
    up: Array


def reference_pose(person: Humanoid, rest: Array, world: Array, positions: Array) -> Reference:
    """The pose to compare skeletons in: positions (J, 3) at zero rotation, else the most upright frame of world
    rotations (T, J, 4) and positions (T, J, 3). Raises ValueError when nobody stands in any of them."""
    up = _axis(_along(person, rest))
    if _uprightness(person, rest, up) > _UPRIGHT:
        return Reference(np.tile(rot.IDENTITY, (len(rest), 1)), rest, up)
    up = _axis(np.median(_along(person, positions), axis=0))
    upright = _uprightness(person, positions, up)
    frame = int(np.argmax(upright))
    if upright[frame] <= _UPRIGHT:
        raise ValueError("neither its rest pose nor any frame shows a person who stands upright")
    return Reference(world[frame], positions[frame], up)


def _along(person: Humanoid, positions: Array) -> Array:
    """The way from the feet to the head (..., 3), unit."""
    feet = (positions[..., person.left.foot, :] + positions[..., person.right.foot, :]) / 2
    return rot.normalise(positions[..., person.head, :] - feet)


def _axis(direction: Array) -> Array:
    """The axis, with its sign, that a direction (3,) is nearest to."""
    out = np.zeros(3)
    k = int(np.argmax(np.abs(direction)))
    out[k] = np.sign(direction[k])
    return out


def _uprightness(person: Humanoid, positions: Array, up: Array) -> Array:
    """The least cosine (...) with ``up`` among thighs, shins and trunk of positions (..., J, 3)."""
    trunk = [(_middle(person, positions, "thigh"), positions[..., person.head, :])]
    bones = [
        (positions[..., low, :], positions[..., high, :])
        for side in (person.left, person.right)
        for low, high in ((side.shin, side.thigh), (side.foot, side.shin))
    ]
    return np.min([rot.normalise(high - low) @ up for low, high in trunk + bones], axis=0)


def _middle(person: Humanoid, positions: Array, part: str) -> Array:
    return (positions[..., getattr(person.left, part), :] + positions[..., getattr(person.right, part), :]) / 2


@dataclass(frozen=True)
class Calibration:
    """How one skeleton's motion becomes the body's: ``turn`` (4,) of its axes, ``reference`` (J, 4) the inverse world
    rotations of its reference pose, ``corrections`` (22, 4), ``scale`` metres a unit."""

    person: Humanoid
    turn: Array
    reference: Array
    corrections: Array
    scale: float


def calibrate(person: Humanoid, reference: Reference, ends: dict[int, Array]) -> Calibration:
    """Compare a skeleton with the body in a pose. ``ends`` {joint: (3,)}: where bones without a child end, from the
    joint, at zero rotation. Raises ValueError for legs without length and for left and right exchanged."""
    turn = _turn(person, reference)
    points = rot.rotate(np.broadcast_to(turn, (len(reference.positions), 4)), reference.positions)
    tips = {j: rot.rotate(turn, rot.rotate(reference.rotations[j], end)) for j, end in ends.items()}
    bones: dict[int, Array] = {}
    length = 0.0
    for side, numbers in ((person.left, _SIDES[0]), (person.right, _SIDES[1])):
        hip, knee, ankle, _, _, shoulder, elbow, _ = numbers
        bones[hip], bones[knee] = points[side.shin] - points[side.thigh], points[side.foot] - points[side.shin]
        bones[shoulder] = points[side.forearm] - points[side.upper_arm]
        bones[elbow] = _bone(points, tips, side.forearm, side.hand, bones[shoulder])
        bones[ankle] = _bone(points, tips, side.foot, side.toe, np.array([0.0, 0.0, 1.0]))
        if rot.normalise(bones[ankle])[2] < -0.3:
            raise ValueError("its toes point backwards: left and right are exchanged, or its axes are left-handed")
        length += float(np.linalg.norm(bones[hip]) + np.linalg.norm(bones[knee])) / 2
    body = canonical().offsets
    scale = float(np.linalg.norm(body[4]) + np.linalg.norm(body[7])) / max(length, 1e-12)
    if not 1e-6 < length or not min(np.linalg.norm(bone) for bone in bones.values()) > 1e-3 * length:
        raise ValueError("its legs or arms have no length")
    return Calibration(person, turn, rot.conjugate(reference.rotations), corrections(bones), scale)


def _bone(points: Array, tips: dict[int, Array], joint: int, child: int | None, otherwise: Array) -> Array:
    """Where a joint's bone leads: to the child, to its end site, or ``otherwise``."""
    return points[child] - points[joint] if child is not None else tips.get(joint, otherwise)


def _turn(person: Humanoid, reference: Reference) -> Array:
    """A (4,): the reference's up to +Y, what it faces to +Z. An odd few degrees are the person's, not the axes'."""
    points, up = reference.positions, reference.up
    left = points[person.left.thigh] - points[person.right.thigh]
    left = rot.normalise(left) + rot.normalise(points[person.left.upper_arm] - points[person.right.upper_arm])
    left = rot.normalise(left - up * (left @ up))
    nearest = _axis(left)
    if left @ nearest > np.cos(_SNAP):
        left = nearest
    return rot.from_matrix(np.stack([left, up, np.cross(left, up)]))


def retarget(calibration: Calibration, world: Array, positions: Array) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and pelvis path (T, 3), metres, of the body, from the source's world rotations
    (T, J, 4) and positions (T, J, 3). Heights are the source's: put the soles on the floor afterwards."""
    person, turn = calibration.person, calibration.turn
    moved = rot.multiply(world, np.broadcast_to(calibration.reference, world.shape))
    moved = rot.multiply(np.broadcast_to(turn, moved.shape), moved)
    moved = rot.multiply(moved, np.broadcast_to(rot.conjugate(turn), moved.shape))
    body = rot.multiply(_by_body_joint(person, moved), np.broadcast_to(calibration.corrections, (len(world), 22, 4)))
    scaled = positions * calibration.scale
    scaled = rot.rotate(np.broadcast_to(turn, (*scaled.shape[:-1], 4)), scaled)
    # The middle of the hips is the same place on all bodies; the pelvis joint is not.
    hips = canonical().offsets[[1, 2]].mean(axis=0)
    path = _middle(person, scaled, "thigh") - rot.rotate(body[:, 0], np.broadcast_to(hips, (len(world), 3)))
    local = rot.normalise(kinematics.local_rotations(canonical(), body))
    ankles = scaled[:, [person.left.foot, person.right.foot]]
    offsets = ankles - kinematics.positions_from_world(canonical(), body, path)[:, [7, 8]]
    local, path = legs.move_feet(local, path, offsets)
    return rot.continuous(local), path


def _by_body_joint(person: Humanoid, moved: Array) -> Array:
    """Rotations (T, J, 4) of the source's joints -> (T, 22, 4) of the body's.

    However many joints a spine or a neck has, the body's are read from the same places along it; what is not there
    turns with the joint before it.
    """
    out = np.empty((len(moved), 22, 4))
    out[:, 0] = moved[:, person.pelvis]
    spine = (person.pelvis, *person.spine)
    for i, joint in enumerate(_SPINE, 1):
        out[:, joint] = _part_way(moved, spine, i / len(_SPINE))
    chest = spine[-1]
    out[:, _HEAD] = moved[:, person.head]
    out[:, _NECK] = _part_way(moved, person.neck, 0.5) if person.neck else _part_way(moved, (chest, person.head), 0.5)
    for side, numbers in ((person.left, _SIDES[0]), (person.right, _SIDES[1])):
        for source, joint in zip(_filled(side, chest), numbers, strict=True):
            out[:, joint] = moved[:, source]
    return out


def _filled(side: Limbs, chest: int) -> tuple[int, ...]:
    """The joints of a side with stand-ins for those it lacks."""
    toe = side.foot if side.toe is None else side.toe
    collar = chest if side.collar is None else side.collar
    hand = side.forearm if side.hand is None else side.hand
    return side.thigh, side.shin, side.foot, toe, collar, side.upper_arm, side.forearm, hand


def _part_way(moved: Array, chain: tuple[int, ...], share: float) -> Array:
    """The rotation (T, 4) at a share of the way along a chain of joints."""
    at = share * (len(chain) - 1)
    low = min(int(at), len(chain) - 1)
    high = min(low + 1, len(chain) - 1)
    return rot.slerp(moved[:, chain[low]], moved[:, chain[high]], np.full(len(moved), at - low))
