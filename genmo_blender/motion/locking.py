"""Feet that stand still in their bars: heel and ball each on its point, the foot turning about the one that stays.

A foot is a rigid bone from ankle to ball. Where both stand, both points are given and the foot lies still; where the
ball alone stands, the foot rolls about it as it did; where the heel alone stands, it turns about the ankle. Points of
one stance that follow one another are a foot's length apart, so that rolling over and landing again fit together; a
stance as a whole is moved as little as can be. Heights are above rest, where the soles touch y = 0. numpy alone.
"""

from __future__ import annotations

import numpy as np

from . import kinematics
from . import rotations as rot
from .contacts import runs
from .easing import bridged, faded
from .legs import GENERATED, RECORDED, move_feet
from .skeleton import canonical

Array = np.ndarray
FEET = ((7, 10), (8, 11))  # ankle and ball
EASE = 0.2
"""Seconds over which a foot comes into and goes out of its lock,"""
LONG_EASE = 0.27
"""and where a take's feet slid in their bars, so that the way is longer."""
REACH_DOWN = 0.06
"""Metres that a foot is brought to the floor; the body as a whole goes any way."""
_CALMED = np.array([0.3, 0.0, 0.3])  # of a foot's own way beside its lock: more would take height and pace from steps
_BEND = np.radians(60.0)  # what toes bend against the foot


def locked(
    rotations: Array,
    path: Array,
    fps: float,
    flags: Array,
    floor: float = 0.0,
    flat: bool = True,
    generated: bool = False,
) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) with the feet locked where flags (T, >= 4) bool say heel L, ball L,
    heel R, ball R.

    No foot is below the height ``floor``. ``flat``: what stands does so on it; else each point keeps its own mean
    height, on stairs as well. ``generated``: longer eases, and a pelvis that gives way more. Where nothing stands and
    nothing is eased the legs stay as they were.
    """
    skeleton = canonical()
    world = kinematics.world_rotations(skeleton, rotations)
    joints = kinematics.positions_from_world(skeleton, world, path - np.array([0.0, floor, 0.0]))
    frames = max(round((LONG_EASE if generated else EASE) * fps), 1)
    offsets, turns = np.zeros((len(path), 2, 3)), np.tile(rot.IDENTITY, (len(path), 2, 1))
    for side, (ankle, ball) in enumerate(FEET):
        stands = flags[:, 2 * side : 2 * side + 2]
        offsets[:, side], turns[:, side] = _foot(joints, (ankle, ball), stands, frames, flat)
    rotations, path = move_feet(rotations, path, offsets, turns=turns, give=GENERATED if generated else RECORDED)
    return _toes_flat(rotations, flags, frames), path


def _foot(joints: Array, bones: tuple[int, int], stands: Array, frames: int, flat: bool) -> tuple[Array, Array]:
    """How far the ankle moves (T, 3) and how the foot turns (T, 4); ``bones`` are its ankle and its ball."""
    rest = canonical().rest[list(bones)]
    ankle, ball = (joints[:, b] for b in bones)
    (heel, toe), foot = stands.T, ball - ankle
    both, either = heel & toe, heel | toe
    level = np.array([1.0, 0.0, 1.0]) if flat else np.ones(3)
    points = _points(ankle * level, ball * level, stands, float(np.linalg.norm((rest[1] - rest[0]) * level)))
    if flat:
        points[..., 1] = rest[:, 1]
    turn = rot.to_rotation_vector(rot.between(foot, points[:, 1] - points[:, 0]))
    turn = rot.from_rotation_vector(bridged(np.zeros_like(turn), turn, both, frames))
    turned = rot.rotate(turn, foot)
    # Where one of the two stands, the other goes where the foot takes it.
    offset = np.where(heel[:, None], points[:, 0], points[:, 1] - turned) - ankle
    below = np.maximum(rest[0, 1] - ankle[:, 1], rest[1, 1] - ankle[:, 1] - turned[:, 1])
    if flat:
        offset[:, 1] = np.maximum(offset[:, 1], np.maximum(below, -REACH_DOWN))
    offset = bridged(_CALMED * ankle, offset, either, frames)
    offset[:, 1] = np.maximum(offset[:, 1], below)
    return offset, turn


def _points(ankle: Array, ball: Array, stands: Array, length: float) -> Array:
    """Where ankle and ball of one foot (T, 3) stand, (T, 2, 3), constant in each of their bars, ``length`` apart."""
    places = np.stack([ankle, ball], axis=1)
    part_run = runs(stands)
    out = places.copy()
    for span in _spans(stands[:, 0] | stands[:, 1]):
        found: dict[tuple[int, int], Array] = {}
        numbers = part_run[span]
        order = sorted({(int(np.argmax(numbers[:, p] == n)), p, n) for p in (0, 1) for n in set(numbers[:, p]) - {0}})
        moved, weight = np.zeros(3), 0
        for _, p, n in order:
            inside = numbers[:, p] == n
            mean = places[span][inside, p].mean(axis=0)
            # The bar of the other part that it first meets; its point stands already.
            met = [int(m) for m in numbers[inside, 1 - p] if m and (1 - p, int(m)) in found]
            if met:
                near = found[1 - p, met[0]]
                while_both = inside & (numbers[:, 1 - p] == met[0])
                apart = (places[span][while_both, p] - places[span][while_both, 1 - p]).mean(axis=0)
                mean = near + length * rot.normalise(apart)
            found[p, n] = mean
            moved += (places[span][inside, p] - mean).sum(axis=0)
            weight += int(inside.sum())
        for (p, n), point in found.items():
            out[span, p][numbers[:, p] == n] = point + moved / weight
    return out


def _spans(flags: Array) -> list[slice]:
    edge = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return [slice(a, b) for a, b in zip(np.flatnonzero(edge > 0), np.flatnonzero(edge < 0), strict=True)]


def _toes_flat(rotations: Array, flags: Array, frames: int) -> Array:
    """Rotations whose toes lie flat while the ball stands: they roll off as the heel rises."""
    skeleton = canonical()
    world = kinematics.world_rotations(skeleton, rotations)
    rotations = rotations.copy()
    for side, (ankle, ball) in enumerate(FEET):
        stands = flags[:, 2 * side + 1]
        if not stands.any():
            continue
        up = np.broadcast_to([0.0, 1.0, 0.0], (len(world), 3))
        level = rot.to_rotation_vector(rot.between(rot.rotate(world[:, ball], up), up))
        angle = np.linalg.norm(level, axis=-1, keepdims=True)
        level = level * np.minimum(1.0, _BEND / np.maximum(angle, 1e-9))
        level = level * faded(np.ones((len(world), 1)), stands, frames)
        turned = rot.multiply(rot.from_rotation_vector(level), world[:, ball])
        rotations[:, ball] = rot.normalise(rot.multiply(rot.conjugate(world[:, ankle]), turned))
    return rotations
