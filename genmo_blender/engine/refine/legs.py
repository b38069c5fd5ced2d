"""Two-bone inverse kinematics for the legs: exact, vectorised over time, knees never past straight (numpy alone)."""

from __future__ import annotations

import numpy as np

from ...motion import kinematics
from ...motion import rotations as rot
from ...motion.skeleton import canonical

Array = np.ndarray
LEGS = ((1, 4, 7), (2, 5, 8))  # hip, knee, ankle
STRAIGHT = 0.9995  # of the leg's length; a little short of it, where the knee's direction is lost
MOST_DROP = 0.03  # m, how far the pelvis gives way before a leg is stretched
_HINGE = np.array([1.0, 0.0, 0.0])  # the knee's axis in the thigh's frame: a positive turn bends it


def _lengths(leg: tuple[int, int, int]) -> tuple[float, float]:
    offsets = canonical().offsets
    return float(np.linalg.norm(offsets[leg[1]])), float(np.linalg.norm(offsets[leg[2]]))


def pelvis_drop(joints: Array, offsets: Array) -> Array:
    """How far to lower the pelvis, (T,) in 0..3 cm, so that legs reach feet moved by offsets (T, 2, 3)."""
    need: Array = np.zeros(len(joints))
    for side, leg in enumerate(LEGS):
        hip, ankle = joints[:, leg[0]], joints[:, leg[2]]
        reach = STRAIGHT * sum(_lengths(leg))
        # A leg that was straight already may stay so; only what the offset asks beyond counts.
        reach = np.maximum(reach, np.linalg.norm(ankle - hip, axis=-1))
        to = ankle + offsets[:, side] - hip
        across = np.minimum(np.hypot(to[:, 0], to[:, 2]), reach)
        need = np.maximum(need, -to[:, 1] - np.sqrt(reach**2 - across**2))
    need = np.clip(need, 0.0, MOST_DROP)
    radius = 5
    window = np.hanning(2 * radius + 3)[1:-1]
    padded = np.pad(need, 2 * radius, mode="edge")
    widest = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1).max(1)
    return np.convolve(widest, window / window.sum(), mode="valid")


def move_feet(rotations: Array, transl: Array, offsets: Array) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) with feet moved by offsets (T, 2, 3), orientation of feet kept.

    The pelvis gives way by up to 3 cm first; where even then a leg is too short, the foot falls short of its place.
    """
    skeleton = canonical()
    world = kinematics.world_rotations(skeleton, rotations)
    joints = kinematics.positions_from_world(skeleton, world, transl)
    drop = pelvis_drop(joints, offsets)[:, None] * np.array([0.0, 1.0, 0.0])
    out = rotations.copy()
    for side, leg in enumerate(LEGS):
        hip, knee, ankle = (joints[:, j] for j in leg)
        thigh, shin = _bend(knee - hip, ankle - knee, rot.rotate(world[:, leg[0]], _HINGE), offsets[:, side] + drop)
        new_thigh, new_shin = rot.multiply(thigh, world[:, leg[0]]), rot.multiply(shin, world[:, leg[1]])
        out[:, leg[0]] = rot.multiply(rot.conjugate(world[:, 0]), new_thigh)
        out[:, leg[1]] = rot.multiply(rot.conjugate(new_thigh), new_shin)
        out[:, leg[2]] = rot.multiply(rot.conjugate(new_shin), world[:, leg[2]])
    return rot.normalise(out), transl - drop


def _bend(thigh: Array, shin: Array, hinge: Array, move: Array) -> tuple[Array, Array]:
    """World rotations (T, 4) of thigh and shin that carry the ankle by ``move`` (T, 3), all vectors in the world."""
    a, b = np.linalg.norm(thigh, axis=-1, keepdims=True), np.linalg.norm(shin, axis=-1, keepdims=True)
    now = thigh + shin
    target = now + move
    length = _reachable(
        np.linalg.norm(now, axis=-1, keepdims=True), np.linalg.norm(target, axis=-1, keepdims=True), a, b
    )
    ahead = rot.normalise(target)
    # The knee's axis: that of the present bend, and the anatomical one where the leg is as good as straight.
    axis = np.cross(thigh, shin) / (a * b) + 0.1 * hinge
    side = rot.normalise(axis - np.sum(axis * ahead, axis=-1, keepdims=True) * ahead)
    along = (a**2 - b**2 + length**2) / (2 * length)
    out = np.sqrt(np.maximum(a**2 - along**2, 0.0))
    new_thigh = ahead * along + np.cross(ahead, side) * out
    new_shin = ahead * length - new_thigh
    return _carry(thigh, new_thigh, axis, side), _carry(shin, new_shin, axis, side)


def _reachable(now: Array, wanted: Array, a: Array, b: Array) -> Array:
    """Distance hip to ankle that the leg takes for a wanted one: rounded off toward straight, never folded shut."""
    room = np.maximum(STRAIGHT * (a + b) - now, 1e-4)
    more = np.maximum(wanted - now, 0.0)
    stretched = now + more / (1.0 + (more / room) ** 4) ** 0.25
    longest = np.maximum(STRAIGHT * (a + b), np.minimum(now, (a + b) * (1 - 1e-6)))
    return np.clip(np.where(wanted > now, stretched, wanted), 1.05 * np.abs(a - b) + 0.05, longest)


def _carry(old: Array, new: Array, old_axis: Array, new_axis: Array) -> Array:
    """The rotation (T, 4) that turns a bone from old to new and its hinge's axis along."""
    return rot.multiply(_frame(new, new_axis), rot.conjugate(_frame(old, old_axis)))


def _frame(bone: Array, axis: Array) -> Array:
    y = rot.normalise(bone)
    x = rot.normalise(axis - np.sum(axis * y, axis=-1, keepdims=True) * y)
    return rot.from_matrix(np.stack([x, y, np.cross(x, y)], axis=-1))
