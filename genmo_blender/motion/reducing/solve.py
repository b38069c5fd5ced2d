"""Values and slopes of keys such that the whole body comes closest: weighted least squares over all controls at once.

One Gauss-Newton step at a time, solved by preconditioned conjugate gradients. Nothing is ever laid out as a matrix over
time, so that the cost is linear in the length. Controls are the bones' quaternions and, last, the root's path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..rotations import Array
from .body import Body, Posed, cross, pose, turning
from .hermite import LONGEST, SHORTEST, Basis

NEAR = 1e-2
"""Weight of a channel being where it was, beside the body being where it was: what the body does not show, like the
length of a quaternion, stays as it was."""
SLOPE = 1e-3
"""The same for the slope at a key, where it is between keys too close to tell."""

LENGTH = 0.3
"""Weight of a handle being a third as long as its segment, beside what the body gains by another length."""
FARTHEST = 0.1
"""How much a length may change in one step, which sees only straight ahead."""


@dataclass(frozen=True)
class Target:
    """The dense motion: ``curves`` (J + 1, T, 4), path padded with a zero; how it is ``posed``; which bones'
    heads stand where, ``standing`` (F, T) bool and ``feet`` (F,); ``across``, the two axes of the ground."""

    body: Body
    curves: Array
    posed: Posed
    feet: Array
    standing: Array
    across: tuple[int, int]

    @property
    def frames(self) -> int:
        """T."""
        return self.curves.shape[1]

    @property
    def holding(self) -> Array:
        """(F, T - 1): the foot stands at both ends of a step in time."""
        return self.standing[:, 1:] & self.standing[:, :-1]

    def steps_of(self, heads: Array) -> Array:
        """Steps of the feet across the ground from frame to frame, (F, T - 1, 2) metres, of heads (J, T, 3)."""
        return np.diff(heads[self.feet][:, :, list(self.across)], axis=1)


def pose_of(body: Body, curves: Array) -> Posed:
    """The body posed by all curves (J + 1, T, 4)."""
    return pose(body, curves[:-1], curves[-1, :, :3])


class Step:
    """Where coefficients put the body, and from there to better ones."""

    def __init__(self, target: Target, basis: Basis, coefficients: Array) -> None:
        self.target, self.basis, self.coefficients = target, basis, coefficients
        self.curves, self.by = basis.linear(coefficients)
        self.posed = pose_of(target.body, self.curves)

    @cached_property
    def turning(self) -> Array:
        """How bones turn with their channels, (J, T, 3, 4)."""
        return turning(self.target.body, self.curves[:-1], self.posed)

    @cached_property
    def heads(self) -> Array:
        """Heads (J, T, 3) seen from the root, lest far places cost digits."""
        return self.posed.heads - self.posed.heads[0]

    def errors(self) -> Array:
        """How far each watched point is off, (P, T) metres."""
        return np.linalg.norm(self.posed.points - self.target.posed.points, axis=-1)

    def solve(self, weights: Array, hold: Array, fixed: Array, iterations: int) -> Array:
        """Better coefficients; ``weights`` (P, T) of points and ``hold`` (F, T - 1) of steps of feet, both one over
        squared metres; ``fixed`` (K, 4, C) are left alone."""
        target, basis, self.hold = self.target, self.basis, hold
        rows = target.body.point_rows
        arms = self.posed.points - self.posed.heads[target.body.point_bones]
        w = weights[..., None]
        self.mass = np.add.reduceat(weights, rows, axis=0)
        self.first = np.add.reduceat(w * arms, rows, axis=0)
        outer = np.add.reduceat((w * arms)[..., :, None] * arms[..., None, :], rows, axis=0)
        trace = np.trace(outer, axis1=-2, axis2=-1)
        self.second = trace[..., None, None] * np.eye(3) - outer
        self.stiff = self._stiffness(trace)[..., None]
        missing = w * (target.posed.points - self.posed.points)
        force, torque = (np.add.reduceat(x, rows, axis=0) for x in (missing, cross(arms, missing)))
        self._hold(target.steps_of(target.posed.heads) - target.steps_of(self.posed.heads), force)
        diagonal = basis.gather(self.by**2, (1 + NEAR) * self.stiff)
        self.prior = np.zeros_like(self.coefficients)
        self.prior[:, 1] = SLOPE * basis.gather(self.by[:, :, :, :1], self.stiff)[:, 0]
        self.prior[:, 2:] = LENGTH * diagonal[:, 2:].mean(-1, keepdims=True) + 1e-9 * diagonal[:, :1]
        pull = self._back(force, torque) + NEAR * self.stiff * (target.curves - self.curves)
        wanted = basis.sampled(target.curves) - self.coefficients
        gradient = basis.gather(self.by, pull) + self.prior * wanted
        change = conjugate_gradients(self._apply, gradient, diagonal + self.prior, ~fixed, iterations)
        out = self.coefficients + change
        before = self.coefficients[:, 2:]
        out[:, 2:] = np.clip(np.clip(out[:, 2:], before - FARTHEST, before + FARTHEST), SHORTEST, LONGEST)
        return out

    def _apply(self, coefficients: Array) -> Array:
        d = self.basis.apply(self.by, coefficients)
        up = self.target.body.ancestors
        turn = (self.turning @ d[:-1, :, :, None])[..., 0]
        whole = _over(up, turn)
        move = (
            cross(whole, self.heads) - _over(up, cross(turn, self.heads)) + d[-1:, :, :3] @ self.target.body.path_axes.T
        )
        force = self.mass[..., None] * move + cross(whole, self.first)
        torque = cross(self.first, move) + (self.second @ whole[..., None])[..., 0]
        self._hold(self.target.steps_of(move), force)
        out = self._back(force, torque) + NEAR * self.stiff * d
        return self.basis.gather(self.by, out) + self.prior * coefficients

    def _back(self, force: Array, torque: Array) -> Array:
        """Forces and torques on bones (J, T, 3) -> on channels (J + 1, T, 4): the transpose of moving them."""
        down = self.target.body.ancestors.T
        about = _over(down, torque + cross(self.heads, force)) - cross(self.heads, _over(down, force))
        out = np.zeros((len(about) + 1, *about.shape[1:2], 4))
        out[:-1] = (about[:, :, None] @ self.turning)[:, :, 0]
        out[-1, :, :3] = force.sum(0) @ self.target.body.path_axes
        return out

    def _hold(self, lag: Array, force: Array) -> None:
        """Adds to ``force`` (J, T, 3) what pulls feet by their lag (F, T - 1, 2)."""
        pull = self.hold[..., None] * lag
        for foot, bone in enumerate(self.target.feet):
            for i, axis in enumerate(self.target.across):
                force[bone, 1:, axis] += pull[foot, :, i]
                force[bone, :-1, axis] -= pull[foot, :, i]

    def _stiffness(self, spread: Array) -> Array:
        """How much all weighted points move with a channel of each control, squared: (J + 1, T)."""
        down = self.target.body.ancestors.T
        place = np.sum(self.heads**2, axis=-1)
        far = spread + 2 * np.sum(self.first * self.heads, axis=-1) + self.mass * place
        mass = down @ self.mass
        moment = _over(down, self.first + self.mass[..., None] * self.heads)
        inertia = down @ far - 2 * np.sum(moment * self.heads, axis=-1) + mass * place
        held = np.zeros_like(self.mass)
        for foot, bone in enumerate(self.target.feet):
            for side in (slice(1, None), slice(None, -1)):
                held[bone, side] += self.hold[foot]
        arm = down @ (held * place) - 2 * np.sum(_over(down, held[..., None] * self.heads) * self.heads, -1)
        arm += (down @ held) * place
        # The hold acts across the ground, on differences of neighbours.
        bones = 4.0 * (2.0 / 3.0) * (inertia + arm)
        return np.concatenate([np.maximum(bones, 1e-9), (mass + down @ held)[:1]])


def _over(matrix: Array, x: Array) -> Array:
    """(A, B) times (B, T, 3)."""
    return (matrix @ x.reshape(len(x), -1)).reshape(len(matrix), *x.shape[1:])


def conjugate_gradients(
    apply: Callable[[Array], Array], gradient: Array, diagonal: Array, free: Array, iterations: int
) -> Array:
    """Solves ``apply(x)`` = ``gradient`` where ``free``, preconditioned by ``diagonal``; all (K, 2, C)."""
    scale = free / np.maximum(diagonal, 1e-30)
    x = np.zeros_like(gradient)
    r = gradient * free
    z = scale * r
    p, rz = z, float(np.vdot(r, z))
    enough = 1e-8 * rz
    for _ in range(iterations):
        if rz <= enough or rz <= 1e-30:
            break
        a = apply(p) * free
        alpha = rz / float(np.vdot(p, a))
        x += alpha * p
        r = r - alpha * a
        z = scale * r
        before, rz = rz, float(np.vdot(r, z))
        p = z + (rz / before) * p
    return x


def each_alone(basis: Basis, dense: Array, fixed: Array, iterations: int) -> Array:
    """Coefficients (K, 2, C) of the least squares of every control by itself."""
    start = basis.sampled(dense)
    now, by = basis.linear(start)
    by = by[:, :, :, :1].copy()
    by[4:] = 0.0
    ones = np.ones((*dense.shape[:2], 1))
    diagonal = basis.gather(by**2, ones)
    prior = SLOPE * basis.gather(by, ones)[:, :1] * np.array([0.0, 1.0, 0.0, 0.0])[None, :, None]
    gradient = basis.gather(by, dense - now)

    def apply(c: Array) -> Array:
        return basis.gather(by, basis.apply(by, c)) + prior * c

    return start + conjugate_gradients(apply, gradient, diagonal + prior, ~fixed, iterations)
