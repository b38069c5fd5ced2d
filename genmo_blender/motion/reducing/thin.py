"""Keys are tried without, a few at a time and round by round; where that shows, the body becomes again what it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..rotations import Array
from . import choose
from .hermite import Basis
from .solve import Step
from .target import Target

STEPS = 3
"""Of a fit without some keys, each with its own weights."""
WIDTHS = 8, 22, 36
"""Frames around what is off in which keys come back, attempt by attempt."""
AGAIN, FORGOTTEN = 1.0, 0.97
"""What a key's turn is put off by when its loss has shown, as a share of its score, and what remains of that a round
later."""


@dataclass(frozen=True)
class State:
    """A fit and what is known of it: ``keys`` (J + 1, T), ``weights`` (P, T) of the next one; ``off`` (P, T) and
    ``sliding`` (F, T - 1), both over what is allowed."""

    keys: Array
    step: Step
    weights: Array
    off: Array
    sliding: Array

    @property
    def holds(self) -> bool:
        """Nothing is off."""
        return max(self.off.max(initial=0), self.sliding.max(initial=0)) <= 1


@dataclass(frozen=True)
class Work:
    """What a fit is made with: errors and slide of a step; from one the step of other keys, and a `State` one step on;
    which keys stay, ``locked`` (J + 1, T); how far a control takes the body, (J + 1,), over what is allowed."""

    target: Target
    off: Callable[[Step], tuple[Array, Array]]
    begun: Callable[[Array, Step], Step]
    nearer: Callable[[Array, Step, Array], State]
    locked: Array
    reach: Array


def thinned(work: Work, state: State, rounds: int) -> State:
    """A state that holds with fewer keys, from one that holds."""
    again = np.ones(state.keys.shape)
    for _ in range(rounds):
        off = below(work.target, state.off, state.sliding)
        gone = choose.spared(state.step, work.reach, off, again, work.locked)
        if not gone.any():
            break
        found, shown = _without(work, state, gone)
        again = 1 + FORGOTTEN * (again - 1 + AGAIN * shown)
        if found.holds and found.keys.sum() < state.keys.sum():
            state = found
    return state


def _without(work: Work, before: State, gone: Array) -> tuple[State, Array]:
    """A state without keys ``gone`` as far as that goes, and those that came back."""
    keys = before.keys & ~gone
    state = State(keys, work.begun(keys, before.step), before.weights, before.off, before.sliding)
    for _ in range(STEPS):
        state = work.nearer(keys, state.step, state.weights)
    shown = np.zeros_like(gone)
    for width in WIDTHS:
        if state.holds:
            break
        bad = above(work.target, state.off, state.sliding, width)
        shown |= bad & gone
        keys = keys | shown
        if not (gone & ~shown).any():
            break
        step = _patched(work, state.step, before.step, keys, bad)
        state = State(keys, step, state.weights, *work.off(step))
        if not state.holds:
            state = work.nearer(keys, step, state.weights)
    return state, shown


def _patched(work: Work, now: Step, before: Step, keys: Array, where: Array) -> Step:
    """What it was ``where`` (J + 1, T), and elsewhere what it is now."""
    one, two = work.begun(keys, now), work.begun(keys, before)
    there = where[one.basis.control, one.basis.all_times]
    coefficients = np.where(there[:, None, None], two.coefficients, one.coefficients)
    return Step(work.target, one.basis, coefficients)


def bones_off(target: Target, off: Array, sliding: Array) -> Array:
    """The worst of each bone's points, and of its foot's slide, (J, T)."""
    out: Array = np.maximum.reduceat(off, target.body.point_rows, axis=0)
    for foot, bone in enumerate(target.feet):
        for side in (slice(None, -1), slice(1, None)):
            out[bone, side] = np.maximum(out[bone, side], sliding[foot])
    return out


def below(target: Target, off: Array, sliding: Array) -> Array:
    """The worst of what hangs on each control, (J + 1, T)."""
    bones, up = bones_off(target, off, sliding), target.body.ancestors
    return np.stack([bones[up[:, j] > 0].max(0) for j in [*range(target.body.bones), 0]])


def above(target: Target, off: Array, sliding: Array, width: int) -> Array:
    """Controls above what is off, (J + 1, T), for ``width`` frames to both sides."""
    bad = target.body.ancestors.T @ (bones_off(target, off, sliding) > 1) > 0
    return choose.local_max(np.concatenate([bad, bad[:1]]), width)


def basis_of(keys: Array) -> Basis:
    """Of controls with keys (J + 1, T)."""
    return Basis(keys.shape[1], [np.flatnonzero(k) for k in keys])
