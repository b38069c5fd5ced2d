"""Reduce Keys: a dense motion -> few Bézier keys, no point of the body farther off than was asked.

First every control is fitted by itself, loosely. Then all are fitted at once to the whole body, where one joint makes
up for another; keys are added where the body is still off, and taken away where they would hardly be missed. What is
off even so gets keys on all controls at that frame, with the dense values, so that the promise always holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..rotations import Array, continuous
from . import choose
from .body import Body
from .curves import ControlKeys, control_keys
from .hermite import Basis
from .solve import Step, each_alone
from .target import Target, pose_of

ALONE = 3.0
"""How far a control by itself may take the body off, over what is allowed: the fit of the whole makes up for it."""
TIGHT = 3.0
"""Allowed distance over that which weighs one in the fit."""
HOLD = 1e-4
"""Metres by which a foot's step from frame to frame may be off, for the same weight."""
STANCE = 3.0
"""How much more a single stance may slide than all of them on average."""
ITERATIONS, ADDING, THINNING, PINNING = 20, 24, 3, 20


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
    fit = _Fit(body, *_checked(body, rotations, path, fps, contacts), fps, allowed or Allowed(), own or {}, up)
    return fit.run()


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


class _Fit:
    """The work on one motion; ``keys``, ``must`` and ``pinned`` are (J + 1, T) bool."""

    def __init__(
        self,
        body: Body,
        curves: Array,
        contacts: Contacts,
        fps: float,
        allowed: Allowed,
        own: Mapping[int, Sequence[int]],
        up: int,
    ) -> None:
        frames = curves.shape[1]
        across = tuple(axis for axis in range(3) if axis != up)
        feet = np.array(contacts.bones, dtype=int)
        standing = np.asarray(contacts.standing, dtype=bool).T if len(feet) else np.zeros((0, frames), dtype=bool)
        self.target = Target(body, curves, pose_of(body, curves), feet, standing, (across[0], across[1]))
        self.distance, self.slide = allowed.distance / 1000.0, allowed.slide / 100.0 / fps
        if not (self.distance > 0 and self.slide > 0):
            raise ValueError("The allowed distance and slide must be above zero.")
        self.changes = np.ptp(curves, axis=1) > 1e-7
        self.moves = self.changes.any(1)
        self.moves[[0, -1]] = self.moves[0] | self.moves[-1]
        self.pinned = np.zeros(curves.shape[:2], dtype=bool)
        self.pinned[:, [0, -1]] = True
        for bone, times in own.items():
            if not 0 <= bone < body.bones or any(not 0 <= t < frames for t in times):
                raise ValueError("A key of the animator is on no bone or at no frame of this motion.")
            self.pinned[bone, list(times)] = True
        self.pinned = self._together(self.pinned)
        self.own = self.pinned.copy()
        self.must = self.pinned | (_bar_ends(self.target) & self.moves[:, None])
        self.must = self._together(self.must)
        self.keys = self.must.copy()
        # A quaternion turns by twice its change.
        self.reach = np.append(2.0 * self.target.farthest, 1.0)
        self.weights = np.full((len(body.points), frames), (TIGHT / self.distance) ** 2)
        self.hold = np.where(self.target.holding, HOLD**-2.0, 0.0)

    @staticmethod
    def _together(keys: Array) -> Array:
        """The root's rotation and path are one control."""
        keys[0] = keys[-1] = keys[0] | keys[-1]
        return keys

    def run(self) -> Reduced:
        """All steps."""
        if self.target.frames > 2:
            self._loosely()
            self._add(ADDING)
            self._thin(THINNING)
            for round_ in range(PINNING):
                if self._pin(everywhere=round_ == PINNING - 1):
                    break
        else:
            self.basis = Basis(self.target.frames, [np.flatnonzero(k) for k in self.keys])
            if self.target.frames == 2:
                self.coefficients = self.basis.sampled(self.target.curves)
            else:
                self.coefficients = np.zeros((len(self.keys), 4, 4))
                self.coefficients[:, 0] = self.target.curves[:, 0]
        return self._told()

    def _fixed(self, basis: Basis) -> Array:
        """Coefficients (K, 4, 4) that the fit must leave: values that are promised, channels that never change."""
        out = np.repeat(~self.changes[basis.control][:, None], 4, axis=1)
        out[:, 0] |= self.pinned[basis.control, basis.all_times][:, None]
        return out

    def _loosely(self) -> None:
        curves, allowed = self.target.curves, ALONE * self.distance
        while True:
            basis = Basis(self.target.frames, [np.flatnonzero(k) for k in self.keys])
            coefficients = each_alone(basis, curves, self._fixed(basis), 12)
            off = np.linalg.norm(basis.linear(coefficients)[0] - curves, axis=-1) * self.reach[:, None] / allowed
            worst = np.maximum.reduceat(off.ravel(), basis.starts)
            bad = basis.segments[(worst > 1) & (basis.length[basis.segments] > 1)]
            if not len(bad):
                self._keep(Step(self.target, basis, coefficients), self.keys)
                return
            for k in bad:
                self.keys[basis.control[k], choose.split_at(basis, k, off[basis.control[k]])] = True
            self.keys = self._together(self.keys)

    def _refit(self, keys: Array, weights: Array, steps: int = 2) -> Step:
        basis = Basis(self.target.frames, [np.flatnonzero(k) for k in keys])
        coefficients = basis.carried(self.step.basis, self.step.coefficients, self.step.curves)
        at_pins = self.pinned[basis.control, basis.all_times]
        coefficients[at_pins, 0] = self.target.curves[basis.control, basis.all_times][at_pins]
        fixed = self._fixed(basis)
        for _ in range(steps):
            coefficients = Step(self.target, basis, coefficients).solve(weights, self.hold, fixed, ITERATIONS)
        return Step(self.target, basis, coefficients)

    def _keep(self, step: Step, keys: Array) -> None:
        self.keys, self.step = keys, step
        self.basis, self.coefficients = step.basis, step.coefficients

    def _off(self, step: Step) -> tuple[Array, Array]:
        """Errors of points (P, T) and slide of feet (F, T - 1) over what is allowed."""
        target = self.target
        before, now = (target.steps_of(posed.heads) for posed in (target.posed, step.posed))
        sliding = choose.added_slide(target, before, now) / self.slide
        mean = sliding[target.holding].mean() if target.holding.any() else 0.0
        return step.errors() / self.distance, sliding if mean > 1 else sliding / STANCE

    def _heavier(self, off: Array) -> Array:
        """More weight where the body is off: towards the least largest error instead of the least squares."""
        weights = self.weights * (1 + np.minimum(off, 3.0) ** 2)
        return weights * ((TIGHT / self.distance) ** 2 / weights.mean())

    def _add(self, rounds: int) -> None:
        for _ in range(rounds):
            step = self._refit(self.keys, self.weights)
            self._keep(step, self.keys)
            off, sliding = self._off(step)
            new = choose.where_to_add(self.target, step, off, sliding)
            if not new:
                return
            for control, time in new:
                self.keys[control, time] = True
            self.keys = self._together(self.keys)
            self.weights = self._heavier(off)
        self._keep(self._refit(self.keys, self.weights), self.keys)

    def _thin(self, rounds: int) -> None:
        """Take keys away; those whose loss shows come back."""
        locked = self.must | ~self.moves[:, None]
        body = self.target.body
        for _ in range(rounds):
            off, sliding = self._off(self.step)
            if max(off.max(initial=0), sliding.max(initial=0)) > 1:
                return
            room = 1.0 - np.maximum.reduceat(off, body.point_rows, axis=0)
            room = np.stack([room[body.ancestors[:, j] > 0].min(0) for j in [*range(body.bones), 0]])
            most = max(1, int(0.15 * self.keys.sum()))
            gone = choose.spared(self.basis, self.coefficients, self.reach / self.distance, room, locked, most)
            if not gone.any():
                return
            weights = self._heavier(off)
            for width in (4, 12):
                step = self._refit(self.keys & ~gone, weights)
                off, sliding = self._off(step)
                bad = self._to_blame(off, sliding, width)
                if not bad.any():
                    self._keep(step, self.keys & ~gone)
                    self.weights = weights
                    break
                locked |= gone & bad
                gone &= ~self._together(gone & bad)

    def _to_blame(self, off: Array, sliding: Array, width: int) -> Array:
        """Controls above what is off, (J + 1, T), for ``width`` frames to both sides."""
        body = self.target.body
        bad = np.maximum.reduceat(off, body.point_rows, axis=0) > 1
        for foot, bone in enumerate(self.target.feet):
            bad[bone, :-1] |= sliding[foot] > 1
            bad[bone, 1:] |= sliding[foot] > 1
        above = body.ancestors.T @ bad > 0
        above = np.concatenate([above, above[:1]])
        padded = np.pad(above, ((0, 0), (width, width)))
        return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1, axis=1).any(-1))

    def _pin(self, everywhere: bool) -> bool:
        """Keys with the dense values where the promise is broken; True where it holds.

        At the peaks of what is off, on the controls above it; ``everywhere`` at all frames, which cannot fail.
        """
        step = self.step
        off, sliding = self._off(step)
        if max(off.max(initial=0), sliding.max(initial=0)) <= 1:
            return True
        body, target = self.target.body, self.target
        bad = np.zeros((body.bones, target.frames), dtype=bool)
        point, time = choose.peaks(off, body.point_rows)
        bad[body.point_bones[point], time] = True
        swing = choose.swing(target, step)
        foot, time = np.nonzero((sliding > 1) & (swing >= choose.local_max(swing)))
        bad[target.feet[foot], time] = bad[target.feet[foot], time + 1] = True
        if everywhere:
            bad[:] = True
        above = body.ancestors.T @ bad > 0
        self.pinned |= np.concatenate([above, above[:1]]) & self.moves[:, None]
        self.keys = self._together(self.keys | self.pinned)
        self._keep(self._refit(self.keys, self.weights), self.keys)
        return False

    def _told(self) -> Reduced:
        out = []
        for j in range(len(self.keys)):
            rows = slice(self.basis.first[j], self.basis.first[j] + self.basis.count[j])
            times, c = self.basis.times[j], self.coefficients[rows]
            if not self.changes[j].any():
                # It never moves: one key holds it, and the animator's own stay.
                stays = self.own[j, times] & ((times == 0) | (self.own[j].sum() > 2))
                times, c = times[stays], c[stays]
            shares = c[:, 2], c[:, 3]
            channels = 3 if j == len(self.keys) - 1 else 4
            out.append(
                control_keys(
                    times,
                    c[:, 0, :channels],
                    c[:, 1, :channels],
                    (shares[0][:, :channels], shares[1][:, :channels]),
                    self.must[j, times],
                    self.changes[j, :channels],
                )
            )
        return Reduced(tuple(out[:-1]), out[-1])


def _bar_ends(target: Target) -> Array:
    """First and last frames (J + 1, T) of feet on the ground, on the bones they are heads of."""
    above, feet = target.body.ancestors, target.feet
    out = np.zeros((target.body.bones + 1, target.frames), dtype=bool)
    for bone in feet:
        if any(other != bone and above[bone, other] for other in feet):
            continue
        bar = np.any(target.standing[[above[other, bone] > 0 for other in feet]], axis=0)
        out[bone] |= bar & ~(np.append(False, bar[:-1]) & np.append(bar[1:], False))
    return out
