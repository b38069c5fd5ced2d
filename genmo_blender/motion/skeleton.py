"""The canonical rest skeleton: that of the free body in ``assets/body.npz`` (mini_model.md, "One rest skeleton").

Joint names and order are SMPL-X's; the first 22 are the body, the rest are jaw, eyes and fingers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .rotations import Array

BODY_JOINTS = 22
ALL_JOINTS = 55
CONTACT_JOINTS = (7, 10, 8, 11, 20, 21)
"""L ankle, L foot, R ankle, R foot, L wrist, R wrist: the order of the static-joint head (spec 3.3)."""
LEFT_RIGHT = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20)
"""Joint j's partner when left and right are exchanged."""


def assets_folder() -> Path:
    """Where body, weights and text encoder lie: inside an installed extension, or beside the package in a checkout."""
    here = Path(__file__).resolve()
    for parent in (here.parents[1], here.parents[2]):
        if (parent / "assets" / "body.npz").is_file():
            return parent / "assets"
    raise FileNotFoundError("assets/body.npz is missing beside the genmo_blender package; reinstall the extension")


@dataclass(frozen=True)
class Skeleton:
    """``names`` (J), ``parents`` (J) with -1 at the root, ``rest`` (J, 3) metres: Y up, facing +Z, x to its left,
    soles at y = 0. ``offsets`` (J, 3): each joint from its parent at rest; the pelvis's own is zero, since a motion's
    translation is where the pelvis joint is."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Array

    @property
    def offsets(self) -> Array:
        """(J, 3) metres, zero at the pelvis."""
        parents = np.array(self.parents)
        out = self.rest - self.rest[np.maximum(parents, 0)]
        out[0] = 0.0
        return out

    def reach(self, least: float) -> Array:
        """Metres from each joint (J,) along the bones to the farthest one below it, ``least`` at an end."""
        out = np.full(len(self.parents), least)
        for joint in range(len(out) - 1, 0, -1):
            parent = self.parents[joint]
            out[parent] = max(out[parent], out[joint] + float(np.linalg.norm(self.offsets[joint])))
        return out

    @property
    def pelvis_height(self) -> float:
        """Pelvis above the soles at rest, metres."""
        return float(self.rest[0, 1])


@lru_cache(maxsize=4)
def canonical(joints: int = BODY_JOINTS) -> Skeleton:
    """The skeleton of ``assets/body.npz``, its first ``joints`` joints (22 or 55). Raises FileNotFoundError."""
    with np.load(assets_folder() / "body.npz", allow_pickle=False) as data:
        names = tuple(str(n) for n in data["joint_names"][:joints])
        parents = tuple(int(p) for p in data["parents"][:joints])
        rest = np.array(data["joints"][:joints], dtype=np.float64)
    return Skeleton(names, parents, rest)
