"""FIDk, FIDm and diversity of dances: kinetic and geometric features, compared as distributions (spec 9).

Kinetic features after Onuma et al. 2008 (three energies of each joint), geometric ones after Mueller et al. 2005
(relations between joints), as AIST++ uses them; both are averages over a dance. The release does not hold them: the
definitions are the literature's, on 22 joints and the body's own measures, each left relation the mirror of the right
one; so figures compare with those computed here, and with published ones in kind only. Y up, metres, 30 fps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...motion.skeleton import canonical
from . import distributions
from .distributions import frechet

Array = np.ndarray
FPS = 30.0
_WINDOW = 2  # frames on each side over which velocity and acceleration are averaged
PELVIS, L_HIP, R_HIP, BELLY, L_KNEE, R_KNEE, L_ANKLE, R_ANKLE = 0, 1, 2, 3, 4, 5, 7, 8
CHEST, L_TOES, R_TOES, NECK, L_SHOULDER, R_SHOULDER, L_ELBOW, R_ELBOW, L_WRIST, R_WRIST = (
    9, 10, 11, 12, 16, 17, 18, 19, 20, 21,
)  # fmt: skip


def kinetic_features(joints: Array) -> Array:
    """(T, J, 3) -> (3 J,): for each joint mean squared horizontal and vertical speed, and mean acceleration.

    At least three frames.
    """
    joints = np.asarray(joints, dtype=np.float64)
    velocity = np.diff(joints, axis=0) * FPS
    smooth = _moving_mean(velocity)
    horizontal = np.sum(smooth[..., [0, 2]] ** 2, axis=-1).mean(0)
    vertical = (smooth[..., 1] ** 2).mean(0)
    effort = np.linalg.norm(_moving_mean(np.diff(velocity, axis=0) * FPS), axis=-1).mean(0)
    return np.stack([horizontal, vertical, effort], axis=1).reshape(-1)


def _moving_mean(values: Array) -> Array:
    """Mean over up to two frames on each side, fewer at the ends."""
    total = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    frame = np.arange(len(values))
    first, last = np.maximum(frame - _WINDOW, 0), np.minimum(frame + _WINDOW + 1, len(values))
    return (total[last] - total[first]) / (last - first)[:, None, None]


def geometric_features(joints: Array) -> Array:
    """(T, 22, 3) -> (32,): share of frames in which each relation between joints holds. At least two frames."""
    joints = np.asarray(joints, dtype=np.float64)
    body = _Body(joints[1:], np.diff(joints, axis=0) * FPS)
    rest = canonical().rest
    humerus, shoulders, hips = (
        float(np.linalg.norm(rest[a] - rest[b]))
        for a, b in ((R_SHOULDER, R_ELBOW), (L_SHOULDER, R_SHOULDER), (L_HIP, R_HIP))
    )
    up = np.array([0.0, 1.0, 0.0])
    lowest = body.at[:, [L_TOES, R_TOES], 1].min(axis=1)
    trunk = body.bone(NECK, PELVIS)
    relations = [
        body.normal_speed(NECK, R_HIP, L_HIP, R_WRIST) > 1.8 * humerus,
        body.normal_speed(NECK, R_HIP, L_HIP, L_WRIST) > 1.8 * humerus,
        body.beyond(CHEST, NECK, NECK, R_WRIST) > 0.2 * humerus,
        body.beyond(CHEST, NECK, NECK, L_WRIST) > 0.2 * humerus,
        body.speed_along(BELLY, CHEST, CHEST, R_WRIST) > 1.8 * humerus,
        body.speed_along(BELLY, CHEST, CHEST, L_WRIST) > 1.8 * humerus,
        body.bent(R_ELBOW, R_SHOULDER, R_WRIST),
        body.bent(L_ELBOW, L_SHOULDER, L_WRIST),
        body.beyond(L_SHOULDER, R_SHOULDER, L_WRIST, R_WRIST) > 2.5 * shoulders,
        body.speed_along(L_WRIST, R_WRIST, R_WRIST, L_WRIST) > 1.4 * humerus,
        body.speed_along(R_WRIST, PELVIS, L_WRIST, PELVIS) > 1.4 * humerus,
        body.speed_along(L_WRIST, PELVIS, R_WRIST, PELVIS) > 1.4 * humerus,
        body.speed(R_WRIST) > 2.5 * humerus,
        body.speed(L_WRIST) > 2.5 * humerus,
        body.above_plane(PELVIS, L_HIP, L_TOES, R_ANKLE) > 0.38 * humerus,
        body.above_plane(PELVIS, R_HIP, R_TOES, L_ANKLE) < -0.38 * humerus,
        body.at[:, R_ANKLE, 1] - lowest > 1.2 * humerus,
        body.at[:, L_ANKLE, 1] - lowest > 1.2 * humerus,
        body.beyond(L_HIP, R_HIP, L_ANKLE, R_ANKLE) > 2.1 * hips,
        body.bent(R_KNEE, R_HIP, R_ANKLE),
        body.bent(L_KNEE, L_HIP, L_ANKLE),
        body.speed(R_ANKLE) > 2.5 * humerus,
        body.speed(L_ANKLE) > 2.5 * humerus,
        _between(trunk, body.bone(R_SHOULDER, R_ELBOW), 25, 180),
        _between(trunk, body.bone(L_SHOULDER, L_ELBOW), 25, 180),
        _between(trunk, body.bone(R_HIP, R_KNEE), 50, 180),
        _between(trunk, body.bone(L_HIP, L_KNEE), 50, 180),
        body.above_plane(R_ANKLE, NECK, L_ANKLE, PELVIS) > 0.5 * humerus,
        _between(trunk, np.broadcast_to(up, trunk.shape), 70, 110),
        body.at[:, R_WRIST, 1] - lowest < 1.2 * humerus,
        body.at[:, L_WRIST, 1] - lowest < 1.2 * humerus,
        body.speed(PELVIS) > 2.3 * humerus,
    ]
    return np.stack(relations, axis=1).mean(axis=0)


class _Body:
    """Relations of joints in each frame: positions ``at`` (T, J, 3), velocities (T, J, 3) m/s."""

    def __init__(self, at: Array, velocity: Array) -> None:
        self.at, self._velocity = at, velocity

    def bone(self, a: int, b: int) -> Array:
        """From a to b, (T, 3)."""
        return self.at[:, b] - self.at[:, a]

    def speed(self, joint: int) -> Array:
        return np.linalg.norm(self._velocity[:, joint], axis=-1)

    def speed_along(self, a: int, b: int, origin: int, joint: int) -> Array:
        """Speed of ``joint`` seen from ``origin``, along the direction from a to b."""
        return np.sum(self._relative(joint, origin) * _unit(self.bone(a, b)), axis=-1)

    def normal_speed(self, a: int, b: int, c: int, joint: int) -> Array:
        """Speed of ``joint`` seen from a, along the normal of the plane a, b, c."""
        return np.sum(self._relative(joint, a) * self._normal(a, b, c), axis=-1)

    def above_plane(self, a: int, b: int, c: int, joint: int) -> Array:
        """Signed distance of ``joint`` from the plane a, b, c."""
        return np.sum(self.bone(a, joint) * self._normal(a, b, c), axis=-1)

    def beyond(self, a: int, b: int, origin: int, joint: int) -> Array:
        """How far ``joint`` lies beyond ``origin``, along the direction from a to b."""
        return np.sum(self.bone(origin, joint) * _unit(self.bone(a, b)), axis=-1)

    def bent(self, middle: int, a: int, b: int) -> Array:
        """Whether the angle at a joint is under 110 degrees."""
        return _between(self.bone(middle, a), self.bone(middle, b), 0, 110)

    def _relative(self, joint: int, origin: int) -> Array:
        return self._velocity[:, joint] - self._velocity[:, origin]

    def _normal(self, a: int, b: int, c: int) -> Array:
        return _unit(np.cross(self.bone(a, b), self.bone(a, c)))


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _between(a: Array, b: Array, low: float, high: float) -> Array:
    cosine = np.clip(np.sum(_unit(a) * _unit(b), axis=-1), -1.0, 1.0)
    angle = np.degrees(np.arccos(cosine))
    return (angle >= low) & (angle <= high)


def frechet_distance(real: Array, generated: Array) -> float:
    """Between Gaussians fitted to features (N, D) and (M, D), both on the scale of the real ones' spread per feature.

    Of few dances it is an estimate with much bias: compare sets of one size. Raises ValueError for fewer than two.
    """
    return frechet(*_standardised(real, generated))


def diversity(real: Array, generated: Array) -> float:
    """Mean distance between pairs of generated features (M, D), M at least 2, on the scale of the real ones (N, D)."""
    return distributions.diversity(_standardised(real, generated)[1])


def feature_rows(motions: Sequence[Array]) -> tuple[Array, Array]:
    """Kinetic (N, 66) and geometric (N, 32) features of motions (T, 22, 3)."""
    return np.stack([kinetic_features(m) for m in motions]), np.stack([geometric_features(m) for m in motions])


def _standardised(real: Array, generated: Array) -> tuple[Array, Array]:
    mean, spread = real.mean(0), real.std(0)
    # A relation that no real dance ever shows has no scale of its own.
    scale = np.where(spread > 1e-6, spread, 1.0)
    return (real - mean) / scale, (generated - mean) / scale
