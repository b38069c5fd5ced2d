"""The fit of one window of a motion.

First every control is fitted by itself, loosely. Then all are fitted at once to the whole body, where one joint makes
up for another; keys are added where the body is still off, and tried without as long as that pays (`thin`). What is
off even so gets keys on all controls at that frame, with the dense values, so that the promise always holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..rotations import Array
from . import choose, thin
from .hermite import Basis
from .solve import Step, each_alone
from .target import Target

ALONE = 4.0
"""How far a control by itself may take the body off, over what is allowed: the fit of the whole makes up for it."""
TIGHT = 3.0
"""Allowed distance over that which weighs one in the fit."""
HOLD = 3.0
"""By how much more a foot's step from frame to frame may be off than it may be longer, for the same weight."""
PATIENCE, FIRMER, FIRMEST = 5, 2.0, 3.0
"""Rounds of adding keys from which a stance that still slides too much weighs so many times more in each, up to that of
a `HOLD` parted by so much: a key at a time would go on for long."""
STANCE = 3.0
"""How much more a single stance may slide than all of them on average."""
STEPS, ITERATIONS = 3, 15
"""Of a fit: Gauss-Newton steps, and those of conjugate gradients in each. Handles' lengths, which bend time, come into
their own in several steps."""
ADDING, PINNING = 24, 20
ROUNDS, WORK, BEFORE = 17, 660, 8
"""Rounds of trying keys without, at most; rounds times controls of all the work, so that a body with all its fingers is
fitted in two seconds too; and what the work before that comes to in rounds."""
REMEMBERED = 0.7
"""How much weights keep of what they were while keys are tried without, as a power; while keys are added all of it,
lest what is hardly off stays so."""


@dataclass(frozen=True)
class Promise:
    """``distance``: metres that any point may be off; ``slide``: metres a frame that feet may slide faster; which
    channels of controls move at all, ``changes`` (J + 1, 4)."""

    distance: float
    slide: float
    changes: Array


class Fit:
    """The work on one window; ``keys``, ``must`` and ``pinned`` are (J + 1, T) bool."""

    def __init__(self, target: Target, promise: Promise, kept: Array, must: Array) -> None:
        """``kept``: keys whose values stay; ``must``: all that stay. Those at both ends do in any case."""
        self.target, self.distance, self.slide = target, promise.distance, promise.slide
        self.changes, self.moves = promise.changes, moving(promise.changes)
        self.pinned, self.must = kept.copy(), must.copy()
        for keys in (self.pinned, self.must):
            keys[:, [0, -1]] = True
        self.keys = self.must.copy()
        # A quaternion turns by twice its change.
        self.reach = np.append(2.0 * target.farthest, 1.0)
        self.weights = np.full((len(target.body.points), target.frames), (TIGHT / self.distance) ** 2)
        self.firmest = (HOLD * self.slide / FIRMEST) ** -2.0
        self.hold = np.where(target.holding, (HOLD * self.slide) ** -2.0, 0.0)

    def run(self) -> tuple[Basis, Array]:
        """All steps."""
        if self.target.frames > 2:
            self._loosely()
            self._add(ADDING)
            self._thin(min(ROUNDS, max(2, WORK // len(self.keys) - BEFORE)))
            for round_ in range(PINNING):
                if self._pin(everywhere=round_ == PINNING - 1):
                    break
        else:
            self.basis = thin.basis_of(self.keys)
            if self.target.frames == 2:
                self.coefficients = self.basis.sampled(self.target.curves, self.target.slopes)
            else:
                self.coefficients = np.zeros((len(self.keys), 4, 4))
                self.coefficients[:, 0] = self.target.curves[:, 0]
        return self.basis, self.coefficients

    def _fixed(self, basis: Basis) -> Array:
        """Coefficients (K, 4, 4) that the fit must leave: values that are promised, channels that never change."""
        out = np.repeat(~self.changes[basis.control][:, None], 4, axis=1)
        out[:, 0] |= self.pinned[basis.control, basis.all_times][:, None]
        for at, seam in zip((0, basis.frames - 1), self.target.seams, strict=True):
            out[:, 1] |= seam & (basis.all_times == at)[:, None]
        return out

    def _loosely(self) -> None:
        curves, allowed = self.target.curves, ALONE * self.distance
        while True:
            basis = thin.basis_of(self.keys)
            coefficients = each_alone(basis, self.target, self._fixed(basis), 12)
            off = np.linalg.norm(basis.bent(coefficients).curves() - curves, axis=-1) * self.reach[:, None] / allowed
            worst = np.maximum.reduceat(off.ravel(), basis.starts)
            bad = basis.segments[(worst > 1) & (basis.length[basis.segments] > 1)]
            if not len(bad):
                self._keep(Step(self.target, basis, coefficients), self.keys)
                return
            for k in bad:
                self.keys[basis.control[k], choose.split_at(basis, k, off[basis.control[k]])] = True
            self.keys = together(self.keys)

    def _begun(self, keys: Array, step: Step) -> Step:
        """Where other keys put the body, with what they have of a step."""
        basis = thin.basis_of(keys)
        coefficients = basis.carried(step.basis, step.coefficients, step.curves)
        at_pins = self.pinned[basis.control, basis.all_times]
        coefficients[at_pins, 0] = self.target.curves[basis.control, basis.all_times][at_pins]
        return Step(self.target, basis, coefficients)

    def _nearer(self, keys: Array, step: Step, weights: Array) -> thin.State:
        """One step on."""
        coefficients = step.solve(weights, self.hold, self._fixed(step.basis), ITERATIONS)
        step = Step(self.target, step.basis, coefficients)
        off, sliding = self._off(step)
        return thin.State(keys, step, self._heavier(weights, off, REMEMBERED), off, sliding)

    def _refit(self, keys: Array, weights: Array) -> Step:
        step = self._begun(keys, self.step)
        fixed = self._fixed(step.basis)
        for _ in range(STEPS):
            step = Step(self.target, step.basis, step.solve(weights, self.hold, fixed, ITERATIONS))
        return step

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

    def _heavier(self, weights: Array, off: Array, kept: float = 1.0) -> Array:
        """More weight where the body is off: towards the least largest error instead of the least squares."""
        mean = (TIGHT / self.distance) ** 2
        weights = (weights / mean) ** kept * (1 + np.minimum(off, 3.0) ** 2)
        return weights * (mean / weights.mean())

    def _add(self, rounds: int) -> None:
        for round_ in range(rounds):
            step = self._refit(self.keys, self.weights)
            self._keep(step, self.keys)
            off, sliding = self._off(step)
            new = choose.where_to_add(self.target, step, off, sliding)
            if not new:
                return
            for control, time in new:
                self.keys[control, time] = True
            self.keys = together(self.keys)
            self.weights = self._heavier(self.weights, off)
            if round_ >= PATIENCE:
                self.hold = np.minimum(self.hold * np.where(sliding > 1, FIRMER, 1.0), self.firmest)
        self._keep(self._refit(self.keys, self.weights), self.keys)

    def _thin(self, rounds: int) -> None:
        """Take keys away."""
        state = thin.State(self.keys, self.step, self.weights, *self._off(self.step))
        if state.holds:
            locked = self.must | ~self.moves[:, None]
            work = thin.Work(self.target, self._off, self._begun, self._nearer, locked, self.reach / self.distance)
            state = thin.thinned(work, state, rounds)
            self.weights = state.weights
            self._keep(state.step, state.keys)

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
        self.keys = together(self.keys | self.pinned)
        self._keep(self._refit(self.keys, self.weights), self.keys)
        return False


def together(keys: Array) -> Array:
    """The root's rotation and path are one control, in keys (J + 1, T)."""
    keys[0] = keys[-1] = keys[0] | keys[-1]
    return keys


def moving(changes: Array) -> Array:
    """Which controls move, (J + 1,), of which channels do, (J + 1, 4)."""
    out: Array = np.any(changes, axis=1)
    out[[0, -1]] = out[0] | out[-1]
    return out


def bar_ends(target: Target) -> Array:
    """First and last frames (J + 1, T) of feet on the ground, on the bones they are heads of."""
    above, feet = target.body.ancestors, target.feet
    out = np.zeros((target.body.bones + 1, target.frames), dtype=bool)
    for bone in feet:
        if any(other != bone and above[bone, other] for other in feet):
            continue
        bar = np.any(target.standing[[above[other, bone] > 0 for other in feet]], axis=0)
        out[bone] |= bar & ~(np.append(False, bar[:-1]) & np.append(bar[1:], False))
    return out
