"""Values and slopes of keys such that the whole body comes closest: weighted least squares over all controls at once.

One Gauss-Newton step at a time, solved by preconditioned conjugate gradients. Nothing is ever laid out as a matrix over
time, so that the cost is linear in the length. Controls are the bones' quaternions and, last, the root's path.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..rotations import Array
from .body import Posed, turning
from .hermite import LONGEST, SHORTEST, Basis, Bent
from .normal import Normal, conjugate_gradients
from .spread import Spread
from .target import Target, pose_of

NEAR = 1e-3
"""Weight of a channel being where it was, beside the body being where it was: what the body does not show, like the
length of a quaternion, stays as it was."""
SLOPE = 1e-3
"""The same for the slope at a key, where it is between keys too close to tell."""
LENGTH = 0.1
"""Weight of a handle being a third as long as its segment, beside what the body gains by another length."""
DAMPING = 0.3
"""The same of its staying as long as it is: a step sees only straight ahead, and what values and slopes do in it counts
on all that lengths do."""
FARTHEST = 0.1
"""How much a length may change in one step, at most."""


class Step:
    """Where coefficients put the body, and from there to better ones."""

    def __init__(self, target: Target, basis: Basis, coefficients: Array) -> None:
        self.target, self.basis, self.coefficients = target, basis, coefficients

    @cached_property
    def bent(self) -> Bent:
        """Its curves, segment by segment."""
        return self.basis.bent(self.coefficients)

    @cached_property
    def curves(self) -> Array:
        """(J + 1, T, 4)."""
        return self.bent.curves()

    @cached_property
    def posed(self) -> Posed:
        """Where the body is."""
        return pose_of(self.target.body, self.curves)

    @cached_property
    def turning(self) -> Array:
        """How bones turn with their channels, (3, 4, J, T)."""
        return turning(self.target.body, self.curves[:-1], self.posed)

    def errors(self) -> Array:
        """How far each watched point is off, (P, T) metres."""
        return np.linalg.norm(self.posed.points - self.target.posed.points, axis=-1)

    def solve(self, weights: Array, hold: Array, fixed: Array, iterations: int) -> Array:
        """Better coefficients; ``weights`` (P, T) of points and ``hold`` (F, T - 1) of steps of feet, both one over
        squared metres; ``fixed`` (K, 4, C) are left alone."""
        target, basis = self.target, self.basis
        equations = Normal(self.posed, self.turning, target, weights, hold)
        spread = Spread(basis, self.bent.derivatives(np.float32))
        stiff = equations.stiffness()
        diagonal = spread.squares((1 + NEAR) * stiff)
        prior = np.zeros_like(diagonal)
        prior[1] = SLOPE * spread.gather(np.broadcast_to(stiff, spread.by.shape[1:]))[0]
        prior[2:] = LENGTH * diagonal[2:].mean(1, keepdims=True) + 1e-9 * diagonal[:1]
        astray = np.moveaxis(target.curves - self.curves, -1, 0).astype(np.float32)
        wanted = np.moveaxis(basis.sampled(target.curves, target.slopes) - self.coefficients, 0, -1).astype(np.float32)
        gradient = spread.gather(equations.pull() + NEAR * stiff * astray) + prior * wanted
        prior[2:] += DAMPING * diagonal[2:].mean(1, keepdims=True)

        def apply(x: Array) -> Array:
            d = spread.apply(x)
            return spread.gather(equations.apply(d) + NEAR * stiff * d) + prior * x

        free, now = np.moveaxis(~fixed, 0, -1).copy(), np.moveaxis(self.coefficients, 0, -1)[2:]
        # Lengths that would go beyond what they may be are none of the unknowns.
        free[2:] &= ~((now <= SHORTEST) & (gradient[2:] < 0) | (now >= LONGEST) & (gradient[2:] > 0))
        change = conjugate_gradients(apply, gradient, diagonal + prior, free, iterations)
        out = self.coefficients + np.moveaxis(change, -1, 0)
        before = self.coefficients[:, 2:]
        out[:, 2:] = np.clip(np.clip(out[:, 2:], before - FARTHEST, before + FARTHEST), SHORTEST, LONGEST)
        return out


def each_alone(basis: Basis, target: Target, fixed: Array, iterations: int) -> Array:
    """Coefficients (K, 4, C) of the least squares of every control by itself."""
    dense = target.curves
    start = basis.sampled(dense, target.slopes)
    bent = basis.bent(start)
    now, by = bent.curves(), bent.derivatives(np.float32)[..., :1].copy()
    by[4:] = 0.0
    spread, ones = Spread(basis, by), np.ones((1, *dense.shape[:2]), np.float32)
    diagonal = spread.squares(ones)
    prior = SLOPE * spread.gather(ones)[:1] * np.array([0.0, 1.0, 0.0, 0.0], np.float32)[:, None, None]
    gradient = spread.gather(np.moveaxis(dense - now, -1, 0).astype(np.float32))

    def apply(c: Array) -> Array:
        return spread.gather(spread.apply(c)) + prior * c

    free = np.moveaxis(~fixed, 0, -1)
    change = conjugate_gradients(apply, gradient, diagonal + prior, free, iterations)
    return start + np.moveaxis(change, -1, 0)
