"""Hands, feet, hips and head held at points: two-bone inverse kinematics, and a body that leans a little where the limb
is too short. Closed form, vectorised over time. numpy alone.

A part goes to its point and leaves it along a curve with the pace that it has at the pin's ends, so that nothing pops.
What the part is asked to move is taken from limb first, then from the torso (20 degrees at most) and the hips (12 cm);
where even that does not reach, the part stays short of its point. Feet that are not pinned stay where they were.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import kinematics
from . import rotations as rot
from .easing import faded
from .holds import JOINT, Hold, carried
from .keyed import EASE, KeyFrames
from .legs import move_feet
from .skeleton import canonical
from .turned import turned

Array = np.ndarray
MOST_LEAN = np.radians(20.0)
MOST_SHIFT = 0.12
"""Metres that the hips give way for a hand or a foot,"""
MOST_STOOP = 0.35
"""and for the head."""
_HANDS = {"left_hand": ((16, 18, 20), (0.0, -1.0, 0.0)), "right_hand": ((17, 19, 21), (0.0, 1.0, 0.0))}
_FEET = {"left_foot": ((1, 4, 7), (1.0, 0.0, 0.0)), "right_foot": ((2, 5, 8), (1.0, 0.0, 0.0))}
LIMBS = _HANDS | _FEET
"""Joints of each limb, and the axis about which its middle joint bends, in the upper bone's rest axes."""
_STRAIGHT = 0.9995  # of the longest reach
_EASY = {**dict.fromkeys(_HANDS, 0.95), **dict.fromkeys(_FEET, 0.985)}  # from here on the body comes along
_SOFT = 0.01  # m over which it begins to
_TORSO = (3, 6, 9)
_LEGS = (0, 1, 2, 4, 5, 7, 8, 10, 11)
_ANATOMY = 0.15  # how much a joint's own axis counts beside the one about which it is bent, for nearly straight limbs


def pinned(rotations: Array, path: Array, holds: Sequence[Hold], keys: KeyFrames | None = None) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and path (T, 3) with their holds met. Keyed joints do not move for them."""
    rotations, path = _placed(rotations, path, holds, keys)
    known: Array = np.zeros(rotations.shape[:2], dtype=bool) if keys is None else keys.known
    for part in dict.fromkeys(hold.part for hold in holds if hold.turns is not None and hold.held.any()):
        if part != "hips":
            rotations = turned(rotations, part, holds, known)
    return rotations, path


def _placed(rotations: Array, path: Array, holds: Sequence[Hold], keys: KeyFrames | None) -> tuple[Array, Array]:
    """The motion with its parts at their points."""
    holds = [hold for hold in holds if hold.held.any()]
    if not holds:
        return rotations, path
    rotations, path = np.array(rotations, dtype=np.float64), np.array(path, dtype=np.float64)
    known: Array = np.zeros(rotations.shape[:2], dtype=bool) if keys is None else keys.known
    joints = _joints(rotations, path)
    targets, weight = _targets(joints, holds, known)
    free_hips = 1.0 - _near(known[:, 0])
    free_torso = 1.0 - _near(np.asarray(known[:, _TORSO].any(axis=1)))
    if any(hold.part == "hips" and hold.turns is not None for hold in holds):
        rotations = turned(rotations, "hips", holds, known)
    if "hips" in targets:
        path = path + (targets["hips"] - joints[:, 0])
        free_hips = free_hips * (1.0 - weight["hips"])
    if "head" in targets:
        rotations, path = _head(rotations, path, targets["head"], free_torso, free_hips)
        free_torso = free_torso * (1.0 - weight["head"])
        free_hips = free_hips * (1.0 - weight["head"])
    limbs = [part for part in targets if part in LIMBS]
    for part in limbs:
        rotations, path = _come_along(rotations, path, part, targets[part], weight[part], free_torso, free_hips)
    now = _joints(rotations, path)
    # Feet that nobody pins stay where they are; a leg that would have to be stretched for it lifts its foot instead.
    stay = np.stack([joints[:, chain[2]] - now[:, chain[2]] for chain, _ in _FEET.values()], axis=1)
    stay[:, [part in targets for part in _FEET]] = 0.0
    if np.abs(stay).max() > 1e-9:
        rotations, path = move_feet(rotations, path, stay, held=np.ones(len(path), dtype=bool))
    for part in limbs:
        rotations = _reach(rotations, path, part, targets[part])
    return rot.continuous(rotations), path


def misses(rotations: Array, path: Array, hold: Hold) -> Array:
    """Metres (N,) from the point at each of a hold's N frames."""
    joints = _joints(rotations[hold.held].astype(np.float64), path[hold.held].astype(np.float64))
    return np.linalg.norm(joints[:, JOINT[hold.part]] - hold.points[hold.held], axis=-1)


def limb_keyed(hold: Hold, known: Array) -> Array:
    """(T,) bool: a key holds what the hold would move, from known joints (T, 22)."""
    return np.asarray(known[:, list(moved_by(hold.part))].any(axis=1))


def moved_by(part: str) -> tuple[int, ...]:
    """The joints without which a part does not come to its point."""
    return LIMBS[part][0] if part in LIMBS else (0,) if part == "hips" else (12, 15)


def _joints(rotations: Array, path: Array) -> Array:
    return kinematics.joint_positions(canonical(), rotations, path)


def _near(known: Array) -> Array:
    """1 at known (T,) frames, fading to 0 beside them."""
    return faded(np.ones((len(known), 1)), known, EASE)[:, 0]


def _targets(joints: Array, holds: Sequence[Hold], known: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """Where each held part shall be at all frames, (T, 3), and how much it is held there, (T,) 0..1."""
    targets: dict[str, Array] = {}
    weight: dict[str, Array] = {}
    for hold in holds:
        others = [h for h in holds if h is not hold and h.part == hold.part]
        now = joints[:, JOINT[hold.part]]
        told = np.concatenate([hold.points - now, np.ones((len(now), 1))], axis=1)
        eased = carried(np.where(hold.held[:, None], told, 0.0), hold, others)
        keyed = limb_keyed(hold, known)
        eased = eased - faded(eased, keyed, EASE)
        targets[hold.part] = targets.get(hold.part, now) + eased[:, :3]
        weight[hold.part] = np.clip(weight.get(hold.part, 0.0) + eased[:, 3], 0.0, 1.0)
    return targets, weight


def _limited(size: Array, most: float) -> Array:
    """What is left of sizes (T,) that are rounded off toward ``most``, as a share."""
    return 1.0 / (1.0 + (size / most) ** 4) ** 0.25


def _leaned(rotations: Array, turn: Array, torso: Sequence[int]) -> Array:
    """Rotations (T, 22, 4) whose torso turns by rotation vectors (T, 3) of the world, shared by its joints; all that
    hangs on it comes along."""
    world = kinematics.world_rotations(canonical(), rotations)
    share = np.ones(rotations.shape[1])
    share[list(_LEGS)] = 0.0
    share[list(torso)] = np.arange(1, len(torso) + 1) / len(torso)
    for joint in (12, 13, 14, 15, 16, 17, 18, 19, 20, 21):
        if joint not in torso:
            share[joint] = share[canonical().parents[joint]]
    world = rot.multiply(rot.from_rotation_vector(turn[:, None] * share[:, None]), world)
    return kinematics.local_rotations(canonical(), world)


def _head(rotations: Array, path: Array, target: Array, free_torso: Array, free_hips: Array) -> tuple[Array, Array]:
    """The torso leans toward the head's target (T, 3), the hips make up for the rest."""
    for _ in range(3):
        joints = _joints(rotations, path)
        lever, wanted = joints[:, 15] - joints[:, 3], target - joints[:, 3]
        turn = rot.to_rotation_vector(rot.between(lever, wanted))
        turn *= (free_torso * _limited(np.linalg.norm(turn, axis=-1), 2 * MOST_LEAN))[:, None]
        rotations = _leaned(rotations, turn, (3, 6, 9, 12))
    rest = target - _joints(rotations, path)[:, 15]
    size = np.linalg.norm(rest, axis=-1) / MOST_STOOP
    return rotations, path + rest * (free_hips * (1.0 + size**12) ** (-1 / 12))[:, None]


def _come_along(
    rotations: Array, path: Array, part: str, target: Array, weight: Array, free_torso: Array, free_hips: Array
) -> tuple[Array, Array]:
    """Torso and hips go toward a limb's target (T, 3) as far as the limb would have to be stretched."""
    chain, _ = LIMBS[part]
    if part in _HANDS:
        joints = _joints(rotations, path)
        need, lever = _need(joints, chain, target, part), joints[:, chain[0]] - joints[:, _TORSO[0]]
        turn = np.cross(lever, need) / np.sum(lever * lever, axis=-1, keepdims=True)
        turn *= (weight * free_torso * _limited(np.linalg.norm(turn, axis=-1), float(MOST_LEAN)))[:, None]
        rotations = _leaned(rotations, turn, _TORSO)
    need = _need(_joints(rotations, path), chain, target, part)
    give = weight * free_hips * _limited(np.linalg.norm(need, axis=-1), MOST_SHIFT)
    return rotations, path + need * give[:, None]


def _need(joints: Array, chain: tuple[int, int, int], target: Array, part: str) -> Array:
    """How far the limb's root would have to move, (T, 3), for its end to be at the target without strain."""
    upper, lower = (np.linalg.norm(canonical().offsets[j]) for j in chain[1:])
    way = target - joints[:, chain[0]]
    distance = np.linalg.norm(way, axis=-1, keepdims=True)
    over = distance - _EASY[part] * (upper + lower)
    need: Array = 0.5 * (over + np.sqrt(over * over + _SOFT**2)) * way / np.maximum(distance, 1e-9)
    return need


def _reach(rotations: Array, path: Array, part: str, target: Array) -> Array:
    """Rotations whose limb ends at the target (T, 3), or as near as it reaches; where it is there already nothing
    changes. A foot keeps its orientation in the world, a hand goes with its forearm."""
    (a, b, c), axis = LIMBS[part]
    skeleton = canonical()
    world = kinematics.world_rotations(skeleton, rotations)
    joints = kinematics.positions_from_world(skeleton, world, path)
    upper, lower = joints[:, b] - joints[:, a], joints[:, c] - joints[:, b]
    lengths = np.linalg.norm(upper, axis=-1), np.linalg.norm(lower, axis=-1)
    bent = np.cross(upper, lower) / (lengths[0] * lengths[1])[:, None]
    hinge = rot.normalise(bent + _ANATOMY * rot.rotate(world[:, a], np.broadcast_to(axis, upper.shape)))
    along = np.sum(lower * hinge, axis=-1, keepdims=True) * hinge
    cosine = np.sum(upper * (lower - along), axis=-1)
    sine = np.sum(upper * np.cross(hinge, lower), axis=-1)
    constant = lengths[0] ** 2 + lengths[1] ** 2 + 2 * np.sum(upper * along, axis=-1)
    swing = np.hypot(cosine, sine)
    longest, now = np.sqrt(constant + 2 * swing), np.linalg.norm(upper + lower, axis=-1)
    shortest = np.sqrt(np.maximum(constant - 2 * swing, 0.0))
    way = target - joints[:, a]
    wanted = np.clip(
        np.linalg.norm(way, axis=-1), shortest + 0.02, np.maximum(_STRAIGHT * longest, np.minimum(now, longest))
    )
    angle = np.arctan2(sine, cosine) + np.arccos(np.clip((wanted**2 - constant) / (2 * swing), -1.0, 1.0))
    bend = rot.from_rotation_vector(hinge * angle[:, None])
    turn = rot.between(upper + rot.rotate(bend, lower), way)
    first = rot.multiply(turn, world[:, a])
    second = rot.multiply(turn, rot.multiply(bend, world[:, b]))
    out = rotations.copy()
    out[:, a] = rot.multiply(rot.conjugate(world[:, skeleton.parents[a]]), first)
    out[:, b] = rot.multiply(rot.conjugate(first), second)
    if part in _FEET:
        out[:, c] = rot.multiply(rot.conjugate(second), world[:, c])
    moved = np.linalg.norm(target - joints[:, c], axis=-1) > 1e-9
    return np.where(moved[:, None, None], out, rotations)
