"""How natural a motion is: jerk and sliding toes, for motion at 30 frames a second on the canonical body."""

from __future__ import annotations

import numpy as np

from .kinematics import joint_positions
from .skeleton import canonical

Array = np.ndarray
FPS = 30.0
TOES = (10, 11)
LOW_TOE = 0.03
"""A toe under this height (metres above rest) should not move."""


def mean_jerk(joints: Array) -> float:
    """Mean length of the third derivative of joints (T, J, 3), m/s^3; not a number under four frames."""
    third = np.diff(np.asarray(joints, dtype=np.float64), n=3, axis=0) * FPS**3
    return float(np.linalg.norm(third, axis=-1).mean()) if len(third) else float("nan")


def toe_slide(joints: Array) -> float:
    """Median horizontal speed (m/s) of toes under `LOW_TOE` in both of two neighbouring frames; nan under five such."""
    toes = np.asarray(joints, dtype=np.float64)[:, TOES]
    low = toes[..., 1] - canonical().rest[list(TOES), 1] < LOW_TOE
    speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * FPS
    held = speed[low[1:] & low[:-1]]
    return float(np.median(held)) if len(held) >= 5 else float("nan")


def figures(raw: tuple[Array, Array], delivered: tuple[Array, Array]) -> dict[str, float | None]:
    """Jerk (m/s3) and toe slide (cm/s) before and after the clean-up, None where too little was there to measure.

    Each motion is its local rotations (T, 22, 4) and pelvis path (T, 3).
    """
    found: dict[str, float | None] = {}
    for name, (rotations, transl) in (("raw", raw), ("delivered", delivered)):
        joints = joint_positions(canonical(), rotations.astype(np.float64), transl.astype(np.float64))
        for figure, value in (("jerk_mps3", mean_jerk(joints)), ("toe_slide_cmps", 100 * toe_slide(joints))):
            found[f"{name}_{figure}"] = round(value, 3) if np.isfinite(value) else None
    return found
