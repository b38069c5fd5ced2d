"""Reduce Keys: a dense motion -> few Bézier keys, no point of the body farther off than was asked.

Long motion is fitted a window at a time, so that ten minutes take sixty times ten seconds; neighbours share a key of
every control, with the dense value and slope, so that each is fitted without regard to the other (`fit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..rotations import Array, continuous
from .body import Body
from .curves import ControlKeys, control_keys
from .fit import Fit, Promise, bar_ends, moving, together
from .hermite import Basis
from .target import Target, pose_of

WINDOW = 10.0
"""Seconds that are fitted at once, about."""
FEWEST = 60
"""The same in frames, at least."""


@dataclass(frozen=True)
class Contacts:
    """Parts of feet (or hands) that stand: whose heads they are, ``bones`` (F,), and when, ``standing`` (T, F) bool.

    A part that hangs from another one in the list belongs to the same foot; a foot's bar is when any part stands.
    """

    bones: Sequence[int] = ()
    standing: Array = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))


@dataclass(frozen=True)
class Allowed:
    """``distance``: millimetres that any point of the body may be off; ``slide``: cm/s that feet may slide faster."""

    distance: float = 5.0
    slide: float = 0.1


@dataclass(frozen=True)
class Reduced:
    """Keys of every bone's quaternion (J) and of the root's path."""

    bones: tuple[ControlKeys, ...]
    path: ControlKeys


def reduce_keys(
    body: Body,
    rotations: Array,
    path: Array,
    fps: float,
    contacts: Contacts | None = None,
    allowed: Allowed | None = None,
    own: Mapping[int, Sequence[int]] | None = None,
    up: int = 1,
) -> Reduced:
    """Few keys for local rotations (T, J, 4), w first, and the root's head (T, 3) metres.

    ``own``: for a bone the frames at which the animator has keys; they stay, with exactly their values. ``up``: the
    axis that points up. Raises ValueError with a sentence.
    """
    curves, contacts = _checked(body, rotations, path, fps, contacts)
    allowed = allowed or Allowed()
    if not (allowed.distance > 0 and allowed.slide > 0):
        raise ValueError("The allowed distance and slide must be above zero.")
    frames = curves.shape[1]
    feet = np.array(contacts.bones, dtype=int)
    standing = np.asarray(contacts.standing, dtype=bool).T if len(feet) else np.zeros((0, frames), dtype=bool)
    first, second = (axis for axis in range(3) if axis != up)
    slopes = np.gradient(curves, axis=1) if frames > 1 else np.zeros_like(curves)
    target = Target(body, curves, slopes, pose_of(body, curves), feet, standing, (first, second))
    changes = np.ptp(curves, axis=1) > 1e-7
    kept = _kept(body, own or {}, frames)
    must = together(kept | (bar_ends(target) & moving(changes)[:, None]))
    promise = Promise(allowed.distance / 1000.0, allowed.slide / 100.0 / fps, changes)
    count = max(1, round(frames / max(WINDOW * fps, FEWEST)))
    edges = np.rint(np.linspace(0, frames - 1, count + 1)).astype(int)
    parts = []
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        fit = Fit(target.part(a, b), promise, kept[:, a : b + 1], must[:, a : b + 1])
        parts.append((a, *fit.run()))
    return _told(parts, changes, kept, must)


def _checked(
    body: Body, rotations: Array, path: Array, fps: float, contacts: Contacts | None
) -> tuple[Array, Contacts]:
    """Curves (J + 1, T, 4), path last, and contacts."""
    rotations, path = np.asarray(rotations, dtype=np.float64), np.asarray(path, dtype=np.float64)
    frames = len(rotations)
    if not frames or rotations.shape != (frames, body.bones, 4) or path.shape != (frames, 3):
        raise ValueError("The motion needs a quaternion of every bone and a place of the root at each frame.")
    if not (np.isfinite(rotations).all() and np.isfinite(path).all() and (np.abs(rotations).max(-1) > 1e-6).all()):
        raise ValueError("The motion has numbers that are no rotation or no place.")
    if not fps > 0:
        raise ValueError("The frame rate must be above zero.")
    contacts = contacts or Contacts()
    if len(contacts.bones) and np.shape(contacts.standing) != (frames, len(contacts.bones)):
        raise ValueError("The contacts need one column for each of their bones and one row for each frame.")
    curves = np.zeros((body.bones + 1, frames, 4))
    curves[:-1], curves[-1, :, :3] = np.moveaxis(continuous(rotations), 1, 0), path
    return curves, contacts


def _kept(body: Body, own: Mapping[int, Sequence[int]], frames: int) -> Array:
    """Keys (J + 1, T) whose values stay: the ends and the animator's."""
    out = np.zeros((body.bones + 1, frames), dtype=bool)
    out[:, [0, -1]] = True
    for bone, times in own.items():
        if not 0 <= bone < body.bones or any(not 0 <= t < frames for t in times):
            raise ValueError("A key of the animator is on no bone or at no frame of this motion.")
        out[bone, list(times)] = True
    return together(out)


def _told(parts: Sequence[tuple[int, Basis, Array]], changes: Array, kept: Array, must: Array) -> Reduced:
    """Keys of all controls from those of windows: first frames, bases and coefficients."""
    out = []
    for j in range(len(kept)):
        times, c = _joined([(first + b.times[j], x[b.first[j] : b.first[j] + b.count[j]]) for first, b, x in parts])
        if not changes[j].any():
            # It never moves: one key holds it, and the animator's own stay.
            stays = kept[j, times] & ((times == 0) | (kept[j].sum() > 2))
            times, c = times[stays], c[stays]
        channels = 3 if j == len(kept) - 1 else 4
        value, slope, right, left = np.moveaxis(c[:, :, :channels], 1, 0)
        out.append(control_keys(times, value, slope, (right, left), must[j, times], changes[j, :channels]))
    return Reduced(tuple(out[:-1]), out[-1])


def _joined(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Times (K,) and coefficients (K, 4, C) of windows that share their seams' keys, put together."""
    times, coefficients = [parts[0][0]], [parts[0][1].copy()]
    for when, c in parts[1:]:
        coefficients[-1][-1, 2] = c[0, 2]
        times.append(when[1:])
        coefficients.append(c[1:].copy())
    return np.concatenate(times), np.concatenate(coefficients)
