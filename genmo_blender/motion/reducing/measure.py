"""What reduced keys are worth: how far the body is off, how much more feet slide, how many keys are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..rotations import Array
from .body import Body, pose
from .curves import evaluate
from .reduce import Contacts, Reduced


@dataclass(frozen=True)
class Figures:
    """``worst`` distance of any watched point at any frame, mm; ``slide`` that feet slide faster on average, cm/s, and
    in the ``stance`` that loses most; ``share`` of keys over frames times curves that change; ``keys`` counted."""

    worst: float
    slide: float
    stance: float
    share: float
    keys: int


def dense(reduced: Reduced, frames: Array) -> tuple[Array, Array]:
    """Quaternions (N, J, 4), not of length one, and path (N, 3) at ``frames`` (N,)."""
    return np.stack([evaluate(keys, frames) for keys in reduced.bones], axis=1), evaluate(reduced.path, frames)


def figures(
    body: Body, rotations: Array, path: Array, fps: float, contacts: Contacts | None, reduced: Reduced, up: int = 1
) -> Figures:
    """Compare with the dense motion, rotations (T, J, 4) and path (T, 3), at its frames."""
    contacts = contacts or Contacts()
    q, places = dense(reduced, np.arange(len(path)))
    before, after = (pose(body, np.moveaxis(r, 1, 0), p) for r, p in ((rotations, path), (q, places)))
    worst = np.linalg.norm(after.points - before.points, axis=-1).max()
    across = [axis for axis in range(3) if axis != up]
    mean = stance = 0.0
    if len(contacts.bones):
        standing = np.asarray(contacts.standing, dtype=bool).T
        holding = standing[:, 1:] & standing[:, :-1]
        speed = [
            np.linalg.norm(np.diff(p.heads[list(contacts.bones)][..., across], axis=1), axis=-1)
            for p in (before, after)
        ]
        faster = (speed[1] - speed[0]) * fps * 100.0
        mean = float(faster[holding].mean()) if holding.any() else 0.0
        stance = max(
            (float(x.mean()) for f, h in zip(faster, holding, strict=True) for x in _stretches(f, h)), default=0.0
        )
    controls = [*reduced.bones, reduced.path]
    keys = sum(len(c.frames) * int(c.changes.sum()) for c in controls)
    curves = sum(int(c.changes.sum()) for c in controls)
    return Figures(1000.0 * float(worst), mean, stance, keys / max(curves * len(path), 1), keys)


def _stretches(values: Array, flags: Array) -> list[Array]:
    """Values (N,) of every unbroken run of flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int))).reshape(-1, 2)
    return [values[a:b] for a, b in edges]
