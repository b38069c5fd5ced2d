"""The SMPL-X body that the release is trained on, from files that the user has; nothing of them is shipped.

The losses look at 437 vertices and at COCO-17 joints that a regressor makes of vertices. Neither is part of SMPL-X: the
release has lists of its ancestor's. Where the body file, or ``smplx_points.npz`` beside it, holds ``verts437_ids``
(437,) and ``coco17_regressor`` (17, V), these are used. Otherwise both are found on the body itself: vertices spread
evenly, joints by the file's own joint regressor, and a face by its shape.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....protocol.failures import ModelFailure
from ...body.smplx_body import LiteBody, SmplxBody, load_smplx

VARIABLE = "GENMO_SMPLX"
POINTS_FILE = "smplx_points.npz"
POINTS = ("verts437_ids", "coco17_regressor")
COUNT = 437
HEAD, EYES = 15, (23, 24)  # joints of SMPL-X
# COCO-17 after the head: shoulders, elbows, wrists, hips, knees, ankles, left before right.
LIMBS = (16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)
KEPT = 16  # vertices that a joint is made of: the heaviest of its regressor's


def body_file(asked: Path | None) -> Path:
    """The file asked for, or the one that the environment names. Raises ModelFailure when there is none."""
    named = os.environ.get(VARIABLE, "")
    if asked is None and not named:
        raise ModelFailure(
            "smplx_missing",
            "The preset “official” is trained on the SMPL-X body, whose file only you may have.",
            f"Give --body SMPLX_NEUTRAL.npz from the SMPL-X download, or name it in {VARIABLE}.",
        )
    return Path(named) if asked is None else asked


def load_training_body(path: Path) -> LiteBody:
    """The body at ``path`` with the points that losses look at. Raises ModelFailure for files that cannot be used."""
    body = load_smplx(path)
    given = next((found for file in (path, path.with_name(POINTS_FILE)) if (found := _points(file))), None)
    if given is None:
        return LiteBody.build(body, spread_vertices(body.v_template, COUNT), coco17_regressor(body, path))
    ids, regressor = (torch.from_numpy(np.asarray(given[name])) for name in POINTS)
    vertices = len(body.v_template)
    fits = regressor.shape == (17, vertices) and ids.dim() == 1 and len(ids) > 0
    if not fits or not (0 <= int(ids.min()) and int(ids.max()) < vertices):
        raise ModelFailure(
            "smplx_points",
            f"The vertices or the COCO-17 regressor beside {path.name} are not of a body of {vertices} vertices.",
            f"Leave {POINTS_FILE} away, or make it for this body.",
        )
    return LiteBody.build(body, ids.long(), regressor.float())


def _points(path: Path) -> dict[str, np.ndarray] | None:
    """`POINTS` of a file that holds them."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not set(POINTS) <= set(archive.files):
                return None
            return {name: archive[name] for name in POINTS}
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelFailure("smplx_unreadable", f"{path.name} cannot be read.", "Make it again.") from error


def spread_vertices(vertices: Tensor, count: int) -> Tensor:
    """Numbers of ``count`` of the vertices (V, 3), each as far from those before it as any: (count,)."""
    places = vertices.double()
    chosen = [int(places[:, 1].argmax())]
    nearest = torch.full((len(places),), torch.inf, dtype=torch.float64)
    while len(chosen) < min(count, len(places)):
        nearest = torch.minimum(nearest, (places - places[chosen[-1]]).square().sum(-1))
        chosen.append(int(nearest.argmax()))
    return torch.tensor(sorted(chosen))


def coco17_regressor(body: SmplxBody, path: Path, kept: int = KEPT) -> Tensor:
    """COCO-17 joints of the body's vertices, (17, V): limbs and eyes by the ``kept`` heaviest vertices of its joint
    regressor; of the head's own vertices the nose is the foremost, the ears are the outermost."""
    with np.load(path, allow_pickle=False) as archive:
        joints = torch.from_numpy(archive["J_regressor"].astype(np.float32))
    regressor = torch.zeros(17, len(body.v_template))
    for row, joint in zip((1, 2, *range(5, 17)), (*EYES, *LIMBS), strict=True):
        heaviest = joints[joint].abs().topk(min(kept, joints.shape[1])).indices
        regressor[row, heaviest] = joints[joint, heaviest] / joints[joint, heaviest].sum()
    own = body.weights[:, [HEAD, *EYES]].sum(-1)
    head = torch.where(own >= 0.5 * own.max(), 0.0, torch.inf)  # infinite elsewhere
    x, _, z = body.v_template.unbind(-1)
    for row, outermost in ((0, z - head), (3, x - head), (4, -x - head)):
        regressor[row, outermost.argmax()] = 1.0
    return regressor
