"""Figures of one motion from its joints: the words in which prompt rules are written (mini_model.md, "frozen rules").

`measure` gives one number for each name in the tables below. Paired figures exist as ``left_...`` and ``right_...``;
a rule writes ``named_...`` (the prompt's side), ``other_...`` and, for signed figures whose positive sense is left,
``toward_...``, so that a rule and its mirror image are one text (`resolve`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...motion.skeleton import canonical

Array = np.ndarray
FPS = 30.0
PELVIS, NECK, HEAD = 0, 12, 15
HIPS, KNEES, ANKLES, TOES = (1, 2), (4, 5), (7, 8), (10, 11)
SHOULDERS, ELBOWS, WRISTS = (16, 17), (18, 19), (20, 21)
SIDES = ("left", "right")
AIRBORNE = 0.05
"""Both soles above this height (metres above rest) count as flight."""
STEP = 0.08
"""A leg has swung past the other when the ankles lie this far apart along the facing direction (metres)."""
TREAD = 0.04
"""A foot has been lifted over the other when its sole is this much higher (metres)."""
WAVE = 0.04
"""A hand has turned back when it has moved this far the other way (metres)."""


def smooth(x: Array, frames: int = 5) -> Array:
    """Moving average along the first axis, ends held."""
    frames = min(frames, len(x) - (1 - len(x) % 2))
    half = frames // 2
    padded = np.concatenate([np.repeat(x[:1], half, 0), x, np.repeat(x[-1:], half, 0)])
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0)
    return (total[2 * half + 1 :] - total[: -(2 * half + 1)]) / (2 * half + 1)


def velocity(x: Array) -> Array:
    """First derivative of (T, ...) in units a second, of the smoothed curve."""
    return np.gradient(smooth(x), axis=0) * FPS


def facing(joints: Array) -> tuple[Array, Array]:
    """Unit vectors (T, 3) on the floor: where the chest and hips look, and to the body's left."""
    across = joints[:, HIPS[0]] - joints[:, HIPS[1]] + joints[:, SHOULDERS[0]] - joints[:, SHOULDERS[1]]
    across = smooth(across * np.array([1.0, 0.0, 1.0]))
    left = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    return np.stack([-left[:, 2], np.zeros(len(left)), left[:, 0]], axis=-1), left


def soles(joints: Array) -> Array:
    """Height (T, 2) of the lower of ankle and toe above its own height at rest, left and right, metres."""
    rest = canonical().rest
    pairs = np.array([ANKLES, TOES])
    return np.min(joints[:, pairs, 1] - rest[pairs, 1], axis=1)


def runs(mask: Array) -> list[tuple[int, int]]:
    """[start, end) of every stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def longest(mask: Array) -> float:
    """Seconds of the longest stretch of true values."""
    return max((b - a for a, b in runs(mask)), default=0) / FPS


def swings(x: Array, size: float) -> int:
    """How often a curve (T,) turns back after a move of at least ``size``, in either direction."""
    count, low, high, direction = 0, x[0], x[0], 0
    for value in x:
        low, high = min(low, value), max(high, value)
        if direction <= 0 and value - low >= size:
            count, direction, high = count + 1, 1, value
        elif direction >= 0 and high - value >= size:
            count, direction, low = count + 1, -1, value
        if direction > 0:
            low = value if value >= high else low
        elif direction < 0:
            high = value if value <= low else high
    return max(count - 1, 0)


def crossings(x: Array, size: float) -> int:
    """How often a curve (T,) goes from below -size to above +size or back."""
    signs = np.sign(x) * (np.abs(x) >= size)
    signs = signs[signs != 0]
    return int(np.sum(signs[1:] != signs[:-1]))


def flights(joints: Array) -> list[tuple[int, int]]:
    """Stretches with both soles in the air, with the floor touched before and after."""
    up = soles(joints).min(axis=1) > AIRBORNE
    return [(a, b) for a, b in runs(up) if a > 0 and b < len(up)]


def _travel(joints: Array) -> dict[str, float]:
    forward, left = facing(joints)
    v = velocity(joints[:, PELVIS] * np.array([1.0, 0.0, 1.0]))
    heading = np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))
    course = np.linalg.norm(joints[-1, PELVIS, [0, 2]] - joints[0, PELVIS, [0, 2]])
    apart = np.sum((joints[:, ANKLES[0]] - joints[:, ANKLES[1]]) * forward, axis=-1)
    turned = heading - heading[0]
    return {
        "forward_speed": float(np.mean(np.sum(v * forward, axis=-1))),
        "left_speed": float(np.mean(np.sum(v * left, axis=-1))),
        "ground_speed": float(np.mean(np.linalg.norm(v, axis=-1))),
        "distance": float(course),
        "left_turn": float(np.degrees(heading[-1] - heading[0])),
        "turn": float(np.degrees(np.max(turned) - np.min(turned))),
        "step_rate": crossings(apart, STEP) / (len(joints) / FPS),
        "tread_rate": crossings(np.diff(soles(joints), axis=1)[:, 0], TREAD) / (len(joints) / FPS),
    }


def _height(joints: Array) -> dict[str, float]:
    rest = canonical().pelvis_height
    pelvis = smooth(joints[:, PELVIS, 1]) / rest
    trunk = smooth(joints[:, NECK] - joints[:, PELVIS])
    lean = np.degrees(np.arccos(np.clip(trunk[:, 1] / np.linalg.norm(trunk, axis=-1), -1, 1)))
    air = flights(joints)
    rise = max((float(joints[a:b, PELVIS, 1].max()) - rest for a, b in air), default=0.0)
    wrists = joints[:, WRISTS, 1]
    return {
        "pelvis_lowest": float(pelvis.min()),
        "pelvis_middle": float(np.median(pelvis)),
        "pelvis_highest": float(pelvis.max()),
        "low": longest(pelvis < 0.75),
        "lean_most": float(lean.max()),
        "lean_middle": float(np.median(lean)),
        "lean_at_lowest": float(lean[int(np.argmin(pelvis))]),
        "flight": max((b - a for a, b in air), default=0) / FPS,
        "flights": float(sum(b - a >= 3 for a, b in air)),
        "jump_rise": rise,
        "wrist_lowest": float(smooth(wrists.min(axis=1)).min()),
    }


def _activity(joints: Array) -> dict[str, float]:
    local = joints - joints[:, :1]
    speed = np.linalg.norm(velocity(local), axis=-1)
    hands = speed[:, WRISTS].mean(axis=1)
    feet = np.linalg.norm(velocity(joints[:, TOES]), axis=-1)
    both = np.minimum(*(joints[:, w, 1] - joints[:, s, 1] for w, s in zip(WRISTS, SHOULDERS, strict=True)))
    forward, left = facing(joints)
    out = [side * np.sum((joints[:, w] - joints[:, s]) * left, axis=-1) for side, w, s in _arms()]
    ahead = [np.sum((joints[:, w] - joints[:, s]) * forward, axis=-1) for _, w, s in _arms()]
    level = [np.abs(joints[:, w, 1] - joints[:, s, 1]) < 0.3 for _, w, s in _arms()]
    return {
        "hand_speed": float(hands.mean()),
        "foot_speed": float(feet.mean()),
        "body_speed": float(speed.mean()),
        "both_arms_up": longest(both > 0.15),
        "arms_wide": longest((np.minimum(*out) > 0.3) & level[0] & level[1]),
        "arms_ahead": longest((np.minimum(*ahead) > 0.25) & level[0] & level[1]),
    }


def _arms() -> tuple[tuple[float, int, int], tuple[float, int, int]]:
    return (1.0, WRISTS[0], SHOULDERS[0]), (-1.0, WRISTS[1], SHOULDERS[1])


def _side(joints: Array, i: int) -> dict[str, float]:
    return _arm(joints, i) | _leg(joints, i)


def _arm(joints: Array, i: int) -> dict[str, float]:
    forward, left = facing(joints)
    wrist, elbow, shoulder = joints[:, WRISTS[i]], joints[:, ELBOWS[i]], joints[:, SHOULDERS[i]]
    reach = smooth(wrist - shoulder, 3)
    body = np.stack([np.sum(reach * left, axis=-1), reach[:, 1], np.sum(reach * forward, axis=-1)], axis=-1)
    over = joints[:, WRISTS, 1] - joints[:, SHOULDERS, 1]
    up = (wrist[:, 1] > elbow[:, 1]) & (body[:, 1] > -0.25)
    waves = max((swings(body[a:b, k], WAVE) for a, b in runs(up) if b - a > 3 for k in range(3)), default=0)
    hip = joints[:, HIPS[i]]
    return {
        "wrist_over_shoulder": float(body[:, 1].max()),
        "hand_up": longest(over[:, i] > 0.0),
        "hand_up_alone": longest((over[:, i] > 0.0) & (over[:, 1 - i] < 0.0)),
        "waves": float(waves),
        "jab": _jab(joints, i),
        "hand_on_hip": longest((np.linalg.norm(wrist - hip, axis=-1) < 0.25) & (_bend(shoulder, elbow, wrist) > 50)),
    }


def _jab(joints: Array, i: int) -> float:
    """How far (metres) a hand goes ahead of the body in a sixth of a second, ending stretched at shoulder height."""
    forward, _ = facing(joints)
    wrist, shoulder = joints[:, WRISTS[i]], joints[:, SHOULDERS[i]]
    offsets = canonical().offsets
    length = np.linalg.norm(offsets[ELBOWS[i]]) + np.linalg.norm(offsets[WRISTS[i]])
    end = (np.linalg.norm(wrist - shoulder, axis=-1) > 0.85 * length) & (wrist[:, 1] > shoulder[:, 1] - 0.25)
    hand = wrist - joints[:, PELVIS]
    frames = round(FPS / 6)
    way = np.sum((hand[frames:] - hand[:-frames]) * forward[frames:] * [1.0, 0.0, 1.0], axis=-1)
    return float(np.max(np.where(end[frames:], way, 0.0)))


def _bend(a: Array, b: Array, c: Array) -> Array:
    """How far the limb a-b-c (T, 3 each) is bent at b, degrees; 0 is straight."""
    u, v = b - a, c - b
    cosine = np.sum(u * v, axis=-1) / np.maximum(np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1), 1e-9)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _leg(joints: Array, i: int) -> dict[str, float]:
    forward, _ = facing(joints)
    ankle, hip = joints[:, ANKLES[i]], joints[:, HIPS[i]]
    lifted = soles(joints)[:, i] > 0.08
    planted = soles(joints)[:, 1 - i] < 0.08
    kicking = lifted & (np.sum((ankle - hip) * forward, axis=-1) > 0.1)
    swing = np.linalg.norm(velocity(ankle - joints[:, PELVIS]), axis=-1)
    over = ankle[:, 1] - joints[:, KNEES[1 - i], 1]
    return {
        "ankle_over_knee": float(np.max(np.where(kicking, over, -0.5))),
        "foot_swing": float(np.max(np.where(kicking, swing, 0.0))),
        "leg_lifted": longest(lifted & planted),
    }


PARTS: tuple[Callable[[Array], dict[str, float]], ...] = (_travel, _height, _activity)


def measure(joints: Array) -> dict[str, float]:
    """All figures of joints (T, 22, 3): metres, metres a second, seconds, degrees, counts. T must be at least 10."""
    joints = np.asarray(joints, dtype=np.float64)
    if len(joints) < 10:
        raise ValueError(f"a motion of {len(joints)} frames is too short to judge; give at least 10")
    out: dict[str, float] = {}
    for part in PARTS:
        out.update(part(joints))
    sides = [_side(joints, i) for i in range(2)]
    for i, side in enumerate(SIDES):
        out.update({f"{side}_{name}": value for name, value in sides[i].items()})
        out[f"{side}_jab_lead"] = sides[i]["jab"] - sides[1 - i]["jab"]
    return out


def resolve(name: str, figures: dict[str, float], side: str | None) -> float:
    """A figure by the name that a rule uses. Raises KeyError for an unknown one, or a sided one without a side."""
    if name in figures:
        return figures[name]
    if side in SIDES:
        other = SIDES[1 - SIDES.index(side)]
        kind, _, rest = name.partition("_")
        if kind == "named":
            return figures[f"{side}_{rest}"]
        if kind == "other":
            return figures[f"{other}_{rest}"]
        if kind == "toward":
            return figures[f"left_{rest}"] * (1.0 if side == "left" else -1.0)
    raise KeyError(f"no figure is called {name!r} (side: {side})")
