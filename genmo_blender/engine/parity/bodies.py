"""The synthetic body of a parity folder, as the cases use it."""

from __future__ import annotations

import torch

from ..body.smplx_body import LiteBody, SmplxBody, body_from_arrays
from .framework import ParityFolder

BODY_FILE = "body_{word}.npz"


def parity_body(folder: ParityFolder) -> SmplxBody:
    """The folder's body."""
    return body_from_arrays(folder.arrays(BODY_FILE)).to(folder.device)


def parity_lite_body(folder: ParityFolder) -> LiteBody:
    """The folder's body with its 437 vertices and COCO-17 regressor."""
    arrays = folder.arrays(BODY_FILE)
    ids, regressor = (torch.from_numpy(arrays[name]).to(folder.device) for name in ("verts437_ids", "coco17_regressor"))
    return LiteBody.build(parity_body(folder), ids, regressor)
