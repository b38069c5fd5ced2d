"""How natural and how new motion is: jerk, sliding toes, spread between seeds, distance to the training motion.

Every figure is computed by the same code for takes and for real clips, and means something only beside the latter's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...motion import rotations
from ...motion.quality import mean_jerk, toe_slide
from ...motion.skeleton import CONTACT_JOINTS
from .rule_checks import FPS, PELVIS, facing

Array = np.ndarray
SPREAD_FRAMES = 30
NEAREST_FRAMES, NEAREST_STEP, NEAREST_STRIDE = 60, 4, 5
"""Windows of two seconds, every fourth frame compared, a training window every fifth frame."""


@dataclass(frozen=True)
class Smoothness:
    """Mean jerk (m/s^3) over motions, median over motions of their toe slide (m/s), and how many motions.

    None where no motion is long enough, or none has a low toe.
    """

    jerk: float | None
    slide: float | None
    motions: int


def smoothness(motions: Iterable[Array]) -> Smoothness:
    """Of joints (T, 22, 3) each; motions without a low toe do not count for the slide."""
    figures = np.array([(mean_jerk(m), toe_slide(m)) for m in motions]).reshape(-1, 2)
    slides = figures[~np.isnan(figures[:, 1]), 1]
    jerks = figures[~np.isnan(figures[:, 0]), 0]
    return Smoothness(
        float(jerks.mean()) if len(jerks) else None,
        float(np.median(slides)) if len(slides) else None,
        len(figures),
    )


def contact_slide(joints: Array, contacts: Array) -> float:
    """Mean horizontal speed (m/s) of ankles and toes of joints (T, 22, 3) while they are said to stand: ``contacts``
    (T, 6) of `CONTACT_JOINTS`, over a half in both of two neighbouring frames; nan where none stands."""
    feet = np.asarray(joints, dtype=np.float64)[:, CONTACT_JOINTS[:4]]
    stands = np.asarray(contacts)[:, :4] > 0.5
    speed = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * FPS
    held = speed[stands[1:] & stands[:-1]]
    return float(held.mean()) if len(held) else float("nan")


def aligned(joints: Array, starts: Array, frames: int, step: int = 1) -> Array:
    """Windows (W, frames / step, J, 3) of joints (T, J, 3), each moved and turned so that in its first frame the pelvis
    stands at x = z = 0 and the body looks along +Z; every ``step``-th frame is kept."""
    joints = np.asarray(joints, dtype=np.float64)
    starts = np.asarray(starts, dtype=int)
    ahead = facing(joints)[0][starts]
    turn = rotations.about_y(-np.arctan2(ahead[:, 0], ahead[:, 2]))[:, None, None, :]
    windows = joints[starts[:, None] + np.arange(0, frames, step)]
    moved = windows - joints[starts, None, None, PELVIS] * [1.0, 0.0, 1.0]
    return rotations.rotate(np.broadcast_to(turn, (*moved.shape[:-1], 4)), moved)


def middle(joints: Array, frames: int) -> Array:
    """Start (1,) of the window in the middle of a motion, empty when the motion is shorter."""
    start = (len(joints) - frames) // 2
    return np.array([start] if start >= 0 else [], dtype=int)


def distance(a: Array, b: Array) -> float:
    """Mean distance (m) of the joints of two aligned windows of one shape."""
    return float(np.linalg.norm(a - b, axis=-1).mean())


def spread(motions: Sequence[Array], most_pairs: int = 300) -> tuple[float, int]:
    """Mean distance (m) of pairs among motions: their middle second, aligned at its start; and how many pairs."""
    windows = [w for m in motions for w in aligned(m, middle(m, SPREAD_FRAMES), SPREAD_FRAMES)]
    pairs = list(combinations(range(len(windows)), 2))
    # An even choice instead of a random one keeps the figure the same at each run.
    chosen = pairs[:: max(1, -(-len(pairs) // most_pairs))]
    mean = float(np.mean([distance(windows[i], windows[j]) for i, j in chosen])) if chosen else float("nan")
    return mean, len(chosen)


class NearestWindows:
    """All windows of real motion, to find the one nearest to a given window.

    Distances are root mean squares over joints and frames, metres, both windows aligned at their first frame.
    """

    def __init__(self, motions: Iterable[Array]) -> None:
        """``motions``: joints (T, 22, 3) each; those shorter than a window are left out."""
        self.rows = np.concatenate([window_rows(m, every(m, NEAREST_STRIDE)) for m in motions])
        if not len(self.rows):
            raise ValueError(f"no motion is {NEAREST_FRAMES} frames long; give longer clips")
        self._squares = np.sum(self.rows**2, axis=1)

    def distances(self, windows: Array) -> Array:
        """Distance (N,) in metres from each window (N, D) to its nearest neighbour here."""
        out = np.empty(len(windows))
        for a in range(0, len(windows), 256):
            w = windows[a : a + 256]
            squares = np.sum(w**2, axis=1)[:, None] + self._squares - 2 * w @ self.rows.T
            out[a : a + 256] = squares.min(axis=1)
        return np.sqrt(np.maximum(out, 0.0) / (windows.shape[1] / 3))


def every(joints: Array, stride: int) -> Array:
    """Starts of windows of `NEAREST_FRAMES`, ``stride`` frames apart."""
    return np.arange(0, len(joints) - NEAREST_FRAMES + 1, stride)


def window_rows(joints: Array, starts: Array) -> Array:
    """Windows of a motion as rows (W, D) float32 of `NearestWindows`."""
    windows = aligned(joints, starts, NEAREST_FRAMES, NEAREST_STEP)
    return windows.reshape(len(starts), -1 if len(starts) else NEAREST_FRAMES // NEAREST_STEP * 66).astype(np.float32)
