"""From one moment of motion to another: how alike two moments are, how one is laid on the other, and how both are bent
so that place and pace meet (numpy alone).

Moments are compared by pose, velocity and contacts, seen from the character, so that where it stands and looks is
nothing. They are laid on one another by the turn and shift on the floor that bring their joints closest (Kovar,
Gleicher and Pighin 2002, "Motion Graphs"), standing soles counting more. What remains is shared between both sides and
dies away from the meeting: a cubic with the value and the slope that are missing, as in Bollo 2016, "Inertialization".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .contacts import hysteresis
from .kinematics import joint_positions
from .locking import EASE, locked
from .planting import SOLES
from .skeleton import canonical

Array = np.ndarray
BLEND = 0.4
"""Seconds over which each side of a meeting is bent."""
PACE = 0.2
"""Metres for each m/s: how much a difference of velocity counts beside one of place."""
CONTACT = 0.06
"""Metres that a difference of contact of one sole counts."""
_LOOK = 0.07  # s about the meeting whose joints are laid on one another
_STANDS = 5.0  # weight of a standing sole among joints


def features(rotations: Array, path: Array, fps: float, flags: Array) -> Array:
    """What makes each moment, (T, F); the length of a difference is in metres, the mean square over joints.

    Local rotations (T, 22, 4), path (T, 3), contacts (T, >= 4) bool.
    """
    joints = joint_positions(canonical(), rotations, path)
    velocity = np.gradient(joints, axis=0) * fps if len(joints) > 1 else np.zeros_like(joints)
    home = np.broadcast_to(rot.about_y(-rot.heading(rotations[:, 0]))[:, None], (*joints.shape[:2], 4))
    seen = rot.rotate(home, joints - path[:, None] * [1.0, 0.0, 1.0])
    parts = [seen, PACE * rot.rotate(home, velocity)]
    told = [part.reshape(len(path), -1) / np.sqrt(joints.shape[1]) for part in parts]
    return np.concatenate([*told, CONTACT * flags[:, :4]], axis=1)


def distances(a: Array, b: Array) -> Array:
    """Of every moment (N, F) from every moment (M, F): (N, M) metres."""
    squares = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1) - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0))


@dataclass(frozen=True)
class Laying:
    """A turn about the vertical (radians), then a shift on the floor (3,)."""

    turn: float
    shift: Array

    def of(self, rotations: Array, path: Array) -> tuple[Array, Array]:
        """The motion turned and moved."""
        q = np.broadcast_to(rot.about_y(self.turn), (len(path), 4))
        out = np.array(rotations, dtype=np.float64)
        out[:, 0] = rot.multiply(q, out[:, 0])
        return out, rot.rotate(q, np.asarray(path, dtype=np.float64)) + self.shift


def laid(onto: Array, moved: Array, weights: Array) -> Laying:
    """What brings points ``moved`` (N, 3) closest to ``onto`` (N, 3) on the floor; weights (N,)."""
    w = (weights / weights.sum())[:, None]
    a, b = (w * onto).sum(axis=0), (w * moved).sum(axis=0)
    p, q = onto - a, moved - b
    # About +Y a turn takes z towards x.
    sine = float(np.sum(w[:, 0] * (p[:, 0] * q[:, 2] - p[:, 2] * q[:, 0])))
    cosine = float(np.sum(w[:, 0] * (p[:, 0] * q[:, 0] + p[:, 2] * q[:, 2])))
    turn = float(np.arctan2(sine, cosine))
    return Laying(turn, (a - rot.rotate(rot.about_y(turn), b)) * [1.0, 0.0, 1.0])


def laid_at(
    first: tuple[Array, Array], second: tuple[Array, Array], at: tuple[int, int], fps: float, stands: Array
) -> Laying:
    """The `Laying` of ``second`` on ``first`` (each rotations and path) with moment at[1] on at[0]; ``stands`` (4,)
    bool are soles that stand in both."""
    around: Array = np.arange(-round(_LOOK * fps), round(_LOOK * fps) + 1)
    inside = (at[0] + around >= 0) & (at[0] + around < len(first[1]))
    around = around[inside & (at[1] + around >= 0) & (at[1] + around < len(second[1]))]
    pair = zip((first, second), at, strict=True)
    a, b = (joint_positions(canonical(), q[k + around], p[k + around]) for (q, p), k in pair)
    weights = np.ones(a.shape[:2])
    weights[:, np.array(SOLES)[stands]] = _STANDS
    return laid(a.reshape(-1, 3), b.reshape(-1, 3), weights.reshape(-1))


@dataclass(frozen=True)
class Moment:
    """Rotations (J, 4) and place (3,) at an end of a motion, and their slopes a frame, (J, 3) and (3,)."""

    rotations: Array
    place: Array
    turning: Array
    moving: Array

    @classmethod
    def start(cls, rotations: Array, path: Array) -> Moment:
        """Of the first frame, seen from the frames after it."""
        return cls(rotations[0], path[0], _slope(_turns(rotations[:3])), _slope(np.diff(path[:3], axis=0)))

    @classmethod
    def end(cls, rotations: Array, path: Array) -> Moment:
        """Of the last frame, seen from the frames before it."""
        turns, steps = _turns(rotations[-3:])[::-1], np.diff(path[-3:], axis=0)[::-1]
        return cls(rotations[-1], path[-1], _slope(turns), _slope(steps))


def _turns(q: Array) -> Array:
    return rot.to_rotation_vector(rot.multiply(rot.conjugate(q[:-1]), q[1:]))


def _slope(steps: Array) -> Array:
    """At the outer end of the first of two steps (N, ...), by the parabola through them."""
    return 1.5 * steps[0] - 0.5 * steps[1] if len(steps) > 1 else steps[0]


def met(
    before: tuple[Array, Array], after: tuple[Array, Array], frames: int, share: float = 0.5
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Two motions bent so that the last frame of ``before`` is the first of ``after``, in place and pace.

    ``share`` of what is missing is taken by ``after``, the rest by ``before``, each over ``frames`` frames at most.
    """
    for _ in range(3):  # the slopes of cubics, seen through two steps of a frame, are a little off: the rest follows
        end, start = Moment.end(*before), Moment.start(*after)
        turn = rot.to_rotation_vector(rot.multiply(rot.conjugate(end.rotations), start.rotations))
        missing = (turn, start.turning - end.turning, start.place - end.place, start.moving - end.moving)
        before = _bent(before, missing, 1.0 - share, frames, at_end=True)
        after = _bent(after, missing, -share, frames, at_end=False)
    return before, after


def _bent(
    motion: tuple[Array, Array], missing: tuple[Array, ...], share: float, frames: int, at_end: bool
) -> tuple[Array, Array]:
    """A motion with ``share`` of the missing values and slopes added at one of its ends."""
    rotations, path = motion
    frames = min(frames, len(path) - 1)
    t = np.arange(frames + 1) / max(frames, 1)
    value = share * (1.0 - t * t * (3.0 - 2.0 * t))
    # Walked backward from the end a slope changes its sign.
    slope = share * frames * t * (1.0 - t) ** 2 * (-1.0 if at_end else 1.0)
    if at_end:
        value, slope = value[::-1], slope[::-1]
    rows = slice(len(path) - frames - 1, None) if at_end else slice(0, frames + 1)
    turn, turning, way, moving = missing
    bend = value[:, None, None] * turn + slope[:, None, None] * turning
    rotations, path = rotations.copy(), path.copy()
    rotations[rows] = rot.multiply(rotations[rows], rot.from_rotation_vector(bend))
    path[rows] += value[:, None] * way + slope[:, None] * moving
    return rot.normalise(rotations), path


def locked_about(
    rotations: Array, path: Array, fps: float, flags: Array, window: slice, floor: float
) -> tuple[Array, Array]:
    """The motion with feet locked in those stances that touch a window of frames; elsewhere bit for bit as it was.

    No foot there is below the height ``floor``.
    """
    here = np.zeros((len(path), 1), dtype=bool)
    here[window] = True
    feet = np.stack([flags[:, 0] | flags[:, 1], flags[:, 2] | flags[:, 3]], axis=1)
    feet = hysteresis(np.broadcast_to(here, feet.shape), feet)
    chosen = flags[:, :4] & feet[:, [0, 0, 1, 1]]
    frames = np.flatnonzero(chosen.any(axis=1) | here[:, 0])
    margin = round(2 * EASE * fps) + 8
    rows = slice(max(frames[0] - margin, 0), frames[-1] + margin + 1)
    rotations, path = rotations.copy(), path.copy()
    rotations[rows], path[rows] = locked(rotations[rows], path[rows], fps, chosen[rows], floor, flat=False)
    return rotations, path
