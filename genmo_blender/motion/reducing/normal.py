"""The normal equations of a body that is to come nearer: what channels of bones do to weighted points and to steps of
feet, and back, as masses, moments and forces of bones. float32, channels first; bones' heads are seen from the root,
lest far places cost digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..rotations import Array
from .body import Posed, cross
from .target import Target

SINGLE = np.float32


class Normal:
    """At a pose with ``turning`` (3, 4, J, T), for ``weights`` (P, T) of points and ``hold`` (F, T - 1) of steps."""

    def __init__(self, posed: Posed, turning: Array, target: Target, weights: Array, hold: Array) -> None:
        body, rows = target.body, target.body.point_rows
        self.target, self.hold = target, hold.astype(SINGLE)
        self.turning = turning.astype(SINGLE)
        self.up, self.axes = body.ancestors.astype(SINGLE), body.path_axes.astype(SINGLE)
        heads, points, wanted = (np.moveaxis(x, -1, 0) for x in (posed.heads, posed.points, target.posed.points))
        self.heads = (heads - heads[:, :1]).astype(SINGLE)
        arms = (points - heads[:, body.point_bones]).astype(SINGLE)
        w = weights.astype(SINGLE)
        weighted = w * arms
        self.mass = np.add.reduceat(w, rows, axis=0)
        self.first = np.add.reduceat(weighted, rows, axis=1)
        outer = np.empty((3, 3, *self.mass.shape), SINGLE)
        for i in range(3):
            for k in range(i, 3):
                outer[i, k] = outer[k, i] = np.add.reduceat(weighted[i] * arms[k], rows, axis=0)
        self.spread = outer[0, 0] + outer[1, 1] + outer[2, 2]
        self.second = np.eye(3, dtype=SINGLE)[:, :, None, None] * self.spread - outer
        missing = w * (wanted - points).astype(SINGLE)
        self.force, self.torque = (np.add.reduceat(x, rows, axis=1) for x in (missing, cross(arms, missing)))
        lag = target.steps_of(target.posed.heads) - target.steps_of(posed.heads)
        self._hold(np.moveaxis(lag, -1, 0).astype(SINGLE), self.force)

    def pull(self) -> Array:
        """What takes the body to where it should be, on channels (4, J + 1, T)."""
        return self._back(self.force, self.torque)

    def apply(self, d: Array) -> Array:
        """Channels (4, J + 1, T) -> what holds them back."""
        turn = np.einsum("acjt,cjt->ajt", self.turning, d[:, :-1])
        whole = _over(self.up, turn)
        move = cross(whole, self.heads) - _over(self.up, cross(turn, self.heads))
        move += (self.axes @ d[:3, -1])[:, None]
        force = self.mass * move + cross(whole, self.first)
        torque = cross(self.first, move) + np.einsum("abjt,bjt->ajt", self.second, whole)
        across = list(self.target.across)
        self._hold(np.diff(move[across][:, self.target.feet], axis=-1), force)
        return self._back(force, torque)

    def _back(self, force: Array, torque: Array) -> Array:
        """Forces and torques on bones (3, J, T) -> on channels (4, J + 1, T): the transpose of moving them."""
        about = _over(self.up.T, torque + cross(self.heads, force)) - cross(self.heads, _over(self.up.T, force))
        out = np.zeros((4, self.turning.shape[2] + 1, self.turning.shape[3]), SINGLE)
        out[:, :-1] = np.einsum("ajt,acjt->cjt", about, self.turning)
        out[:3, -1] = self.axes.T @ force.sum(1)
        return out

    def _hold(self, lag: Array, force: Array) -> None:
        """Adds to ``force`` (3, J, T) what pulls feet by their lag (2, F, T - 1)."""
        pull = self.hold * lag
        for foot, bone in enumerate(self.target.feet):
            for i, axis in enumerate(self.target.across):
                force[axis, bone, 1:] += pull[i, foot]
                force[axis, bone, :-1] -= pull[i, foot]

    def stiffness(self) -> Array:
        """How much all weighted points move with a channel of each control, squared: (J + 1, T)."""
        down, heads = self.up.T, self.heads
        place = (heads * heads).sum(0)
        far = self.spread + 2 * (self.first * heads).sum(0) + self.mass * place
        mass = down @ self.mass
        moment = _over(down, self.first + self.mass * heads)
        inertia = down @ far - 2 * (moment * heads).sum(0) + mass * place
        held = np.zeros_like(self.mass)
        for foot, bone in enumerate(self.target.feet):
            for side in (slice(1, None), slice(None, -1)):
                held[bone, side] += self.hold[foot]
        arm = down @ (held * place) - 2 * (_over(down, held * heads) * heads).sum(0)
        arm += (down @ held) * place
        # The hold acts across the ground, on differences of neighbours.
        bones = 4.0 * (2.0 / 3.0) * (inertia + arm)
        return np.concatenate([np.maximum(bones, 1e-9), (mass + down @ held)[:1]]).astype(SINGLE)


def _over(matrix: Array, x: Array) -> Array:
    """(A, B) times (3, B, T)."""
    return np.asarray(matrix @ x)


def conjugate_gradients(
    apply: Callable[[Array], Array], gradient: Array, diagonal: Array, free: Array, iterations: int
) -> Array:
    """Solves ``apply(x)`` = ``gradient`` where ``free``, preconditioned by ``diagonal``; all of one shape."""
    scale = (free / np.maximum(diagonal, 1e-30)).astype(gradient.dtype)
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
