"""Motion of the SMPL family -> the canonical skeleton: the same 22 joints, whose turns are relative to the rest pose.

The free body's rest pose is bent as SMPL-X's is, so that the turns carry over as they are (spec 5.1 D34;
mini_model.md, "One rest skeleton"). Shapes (betas) mean nothing to it and are ignored: the path keeps the performer's
metres, so that feet of the tall and the short slide a little until they are locked (`corpus.locked`). A model's
translation is measured from another point than the pelvis, by a constant that the floor takes up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....motion import frames, rotations
from .finishing import bad, check_rate, finished

Array = np.ndarray
JOINTS = 22


def smpl_motion(path: Path, poses: Array, transl: Array, fps: float, z_up: bool) -> tuple[Array, Array]:
    """Rotation vectors (T, 66 or more), radians, and translations (T, 3), metres, at ``fps`` -> rotations (N, 22, 4)
    and path (N, 3) at 30. Raises StorageFailure, naming the file at ``path``, for what is no motion."""
    poses, transl = np.asarray(poses), np.asarray(transl)
    if poses.dtype.kind not in "fiu" or transl.dtype.kind not in "fiu":
        raise bad(path, "its poses are not numbers")
    if poses.ndim == 3:
        poses = poses.reshape(len(poses), poses.shape[1] * poses.shape[2])
    if poses.ndim != 2 or poses.shape[1] < 3 * JOINTS or transl.shape != (len(poses), 3) or len(poses) < 2:
        raise bad(path, f"poses {poses.shape} and translations {transl.shape} are not those of one SMPL body")
    check_rate(path, fps)
    vectors = poses[:, : 3 * JOINTS].astype(np.float64).reshape(-1, JOINTS, 3)
    if not (np.isfinite(vectors).all() and np.isfinite(transl).all()):
        raise bad(path, "it holds values that are not numbers")
    local, place = rotations.from_rotation_vector(vectors), transl.astype(np.float64)
    if z_up:
        place = frames.points_to_model(place)
        turn = rotations.conjugate(frames.Y_TO_Z_UP)
        local[:, 0] = rotations.multiply(np.broadcast_to(turn, local[:, 0].shape), local[:, 0])
    return finished(local, place, fps)
