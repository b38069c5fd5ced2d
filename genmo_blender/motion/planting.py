"""Feet on the floor: which soles stand, where the floor is, and a path on which they hardly slide (numpy alone).

Sole joints are ordered as the contact head orders them: L ankle, L toe, R ankle, R toe. Heights are above rest, where
the soles touch y = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .contacts import LIKELY, SURE, hysteresis, lasting, runs
from .easing import bridged, eased, faded
from .kinematics import joint_positions
from .skeleton import CONTACT_JOINTS, canonical
from .smooth import FPS, filter_held, filter_time, gaussian

Array = np.ndarray
SOLES = CONTACT_JOINTS[:4]
FEET = ((0, 1), (2, 3))  # ankle and toe of each foot, as columns of SOLES
_SLOW = 0.5  # m/s, what still counts as standing in a motion that slides
_LOW = 0.08  # m above rest
_SHORTEST = 4  # frames
_SINK = 0.03  # m that one leg takes up when its foot is too low
_FREE_FALL = -4.0  # m/s2 of the pelvis after smoothing; a jump or a run has -6 to -9 at its top
_SLOWLY, _QUICKLY = 6.0 / FPS, 2.0 / FPS  # s: the blur of the floor's own course, and of what must come at once
_SETTLES = 2.5 / FPS  # s: the blur of what slides, whose tremble the legs take rather than the whole body
_NEAR = 0.5  # s: what is shortly before or after
_FALL = 0.1  # s, the shortest flight
_LONGEST = 0.75  # s, longer than any jump: a body that stays up so long has touched the floor meanwhile
_STRIDE = 0.13  # s before and after, within which a runner's lowest moment is the one on the floor
_REACH_DOWN = 0.06  # m, how far a single foot is brought to the floor; the body as a whole goes any way
_LONG_EASE = 8  # frames over which a foot's correction comes and goes,
_EASE = 6  # and over which it does beside a keyed leg


def sole_heights(joints: Array) -> Array:
    """Heights above rest (T, 4) of the sole joints of (T, 22, 3)."""
    return joints[:, SOLES, 1] - canonical().rest[list(SOLES), 1]


def lowest_sole(rotations: Array, path: Array) -> float:
    """Height above rest of the lowest sole in a motion: there is a floor no higher than that."""
    return float(sole_heights(joint_positions(canonical(), rotations, path)).min())


def standing(joints: Array, contacts: Array, low: float | None = _LOW) -> Array:
    """Which soles stand: bool (T, 4) from joints (T, 22, 3) and probabilities (T, >= 4).

    Probability with hysteresis, and slow, and low; ``low`` None where the floor is not known yet.
    """
    probability = filter_time(contacts[:, :4], np.array([0.25, 0.5, 0.25]))
    speed = np.linalg.norm(np.gradient(joints[:, SOLES], axis=0), axis=-1) * FPS if len(joints) > 1 else 0.0
    slow = filter_time(speed * np.ones_like(probability), np.array([0.25, 0.5, 0.25])) < _SLOW
    may = (probability > LIKELY) & slow
    if low is not None:
        may &= sole_heights(joints) < low
    return lasting(hysteresis(probability > SURE, may), _SHORTEST)


def floor_correction(joints: Array, contacts: Array, fps: float = FPS) -> Array:
    """What to add to every height, (T,) metres, so that standing soles are at y = 0.

    ``contacts`` (T, >= 4) are probabilities as `standing` takes them, or bool where it is known which soles stand.

    Roll-out integrates a vertical velocity, so over minutes the floor drifts away. The correction follows the stances
    slowly and runs straight from the last stance to the next, so that jumps keep their height. Where no sole is said to
    stand but nobody falls freely either, as while getting up, the lowest sole is on the floor all the same; and so it
    is at the lowest moments of a run whose steps nothing tells, for nobody stays in the air so long.
    """
    stands = contacts[:, :4] if contacts.dtype == bool else standing(joints, contacts, low=None)
    held: Array = np.any(stands, axis=1)
    lowest = sole_heights(joints).min(1)
    up = flights(~held, joints[:, 0, 1], fps) if held.any() else ~held
    touching = up & _long(up, fps) & _touching(lowest, fps)
    frames = np.nonzero(~up | touching)[0]
    if len(frames) == 0:
        # Nobody stands: the lowest point of the motion lies on the floor.
        return np.full(len(joints), -float(lowest.min()))
    # The floor is never above any sole, whichever stands, nor far above one shortly before or after.
    level = np.minimum(lowest, _extreme(lowest, np.min, round(_NEAR * fps)) + _SINK)
    level = np.where(touching, lowest, level)[frames]
    filled = np.interp(np.arange(len(joints)), frames, -level)
    return filter_held(filled, gaussian(_SLOWLY * fps))


def _long(flags: Array, fps: float) -> Array:
    """Which frames (T,) belong to a run longer than any jump."""
    return lasting(flags[:, None], int(_LONGEST * fps) + 1)[:, 0]


def _touching(lowest: Array, fps: float) -> Array:
    """Moments (T,) at which the ``lowest`` sole (T,) is lower than shortly before and after, its drift apart."""
    course = lowest - filter_held(lowest, gaussian(_NEAR * fps))
    return course <= _extreme(course, np.min, round(_STRIDE * fps))


def flights(flags: Array, height: Array, fps: float) -> Array:
    """Those runs of flags (T,) in which the pelvis, height (T,) metres, falls freely for a while."""
    smooth = filter_held(height, gaussian(_QUICKLY * fps))
    acceleration = np.gradient(np.gradient(smooth)) * fps**2 if len(height) > 1 else np.zeros_like(height)
    falls = lasting((flags & (acceleration < _FREE_FALL))[:, None], round(_FALL * fps))[:, 0]
    return hysteresis(falls[:, None], flags[:, None])[:, 0]


def _extreme(series: Array, choose: Callable[..., Array], radius: int) -> Array:
    """The smallest or largest value within ``radius`` frames of each, (T,)."""
    padded = np.pad(series, radius, mode="edge")
    return choose(np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1), axis=1)


def lift_above_floor(joints: Array, fps: float = FPS) -> Array:
    """What to add to every height, (T,) >= 0, so that nothing is below the floor.

    A sole may be a little below it: bending the leg is less than lifting the person.
    """
    others = [j for j in range(joints.shape[1]) if j not in SOLES]
    sunk = np.maximum(-joints[:, others, 1].min(1), -sole_heights(joints).min(1) - _SINK)
    return filter_held(_extreme(np.maximum(sunk, 0.0), np.max, round(_SLOWLY * fps)), gaussian(_QUICKLY * fps))


@dataclass(frozen=True)
class Stances:
    """``foot`` (T, 2) bool: the foot stands; ``step`` (T - 1, 2, 3): how far the point it stands on moves to the next
    frame, zero in the air."""

    foot: Array
    step: Array


def stances(joints: Array, soles: Array) -> Stances:
    """Stances of both feet from standing soles (T, 4). A foot stands on its toe, or on its heel while the toe is up."""
    moved = np.diff(joints[:, SOLES], axis=0)
    both = soles[1:] & soles[:-1]
    feet, steps = [], []
    for heel, toe in FEET:
        on_toe, on_heel = both[:, toe, None], both[:, heel, None]
        steps.append(np.where(on_toe, moved[:, toe], np.where(on_heel, moved[:, heel], 0.0)))
        feet.append(soles[:, heel] | soles[:, toe])
    return Stances(np.stack(feet, axis=1), np.stack(steps, axis=1))


def root_correction(stance: Stances, fps: float = FPS) -> Array:
    """Horizontal path (T, 3) to add to the root so that what stands hardly slides; still a third of a second from where
    anything stands.

    Unlike spec 8.1 the path itself is not smoothed afterwards, so the correction neither lags nor drifts.
    """
    weight = (stance.foot[1:] & stance.foot[:-1]).astype(float)
    total = weight.sum(1, keepdims=True)
    slide = (stance.step * weight[..., None]).sum(1) / np.maximum(total, 1.0)
    slide[:, 1] = 0.0
    if len(slide) > 1:
        slide = filter_time(slide, gaussian(_SETTLES * fps))
    return np.concatenate([np.zeros((1, 3)), np.cumsum(-slide, axis=0)])


def foot_offsets(joints: Array, stance: Stances, keyed: Array | None = None) -> Array:
    """How far each foot must move, (T, 2, 3) metres, to stand still on the floor; eases in and out around a stance.

    Feet of ``keyed`` (T, 2) frames do not move: a stance stands where its keyed frames have it.
    """
    heights = sole_heights(joints)
    offsets = np.zeros((len(joints), 2, 3))
    for side, (heel, toe) in enumerate(FEET):
        run = runs(stance.foot[:, side : side + 1])[:, 0]
        lowest = np.minimum(heights[:, heel], heights[:, toe])
        locked = np.concatenate([np.zeros((1, 3)), np.cumsum(-stance.step[:, side], axis=0)])
        # Each stance is moved as little as can be: about the middle of where it slid.
        count = np.maximum(np.bincount(run), 1)
        for axis in (0, 2):
            middle = np.bincount(run, locked[:, axis]) / count
            locked[:, axis] -= middle[run]
        locked[:, 1] = -np.clip(lowest, -_REACH_DOWN, _REACH_DOWN)
        if keyed is not None:
            for number in np.unique(run[keyed[:, side] & (run > 0)]):
                inside = run == number
                locked[inside] -= eased(locked[inside], keyed[inside, side])
        offset = bridged(np.zeros_like(locked), locked, run > 0, _LONG_EASE)
        offset[:, 1] = np.maximum(offset[:, 1], -lowest)  # never below the floor
        if keyed is not None:
            offset -= faded(offset, keyed[:, side], _EASE)
        offsets[:, side] = offset
    return offsets
