"""A body of SMPL-X's size and layout made of random numbers, to measure speed and memory with: nobody's shape."""

from __future__ import annotations

import numpy as np
import torch

from ...body.kinematics import PARENTS_22
from ...body.smplx_body import JOINTS, LiteBody, body_from_arrays

VERTICES = 10475
LOSS_VERTICES, COCO_VERTICES = 437, 132  # spec 4.7


def stand_in_body(vertices: int = VERTICES, seed: int = 0) -> LiteBody:
    """Random numbers about a metre across, on SMPL-X's tree of the body; hands and face hang on the head."""
    rng = np.random.default_rng(seed)
    parents = np.array([*PARENTS_22, *[15] * (JOINTS - len(PARENTS_22))])
    weights = rng.random((vertices, JOINTS)) ** 8
    regressor = np.zeros((JOINTS, vertices))
    regressor[np.arange(JOINTS), rng.permutation(vertices)[:JOINTS]] = 1.0
    arrays = {
        "v_template": rng.normal(0, 0.3, (vertices, 3)),
        "shapedirs": rng.normal(0, 0.01, (vertices, 3, 10)),
        "posedirs": rng.normal(0, 1e-3, (vertices, 3, 9 * (JOINTS - 1))),
        "J_regressor": regressor,
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.stack([parents, np.arange(JOINTS)]),
        "hands_meanl": np.zeros(45),
        "hands_meanr": np.zeros(45),
    }
    coco = torch.zeros(17, vertices)
    used = torch.arange(COCO_VERTICES)
    coco[used % 17, used * (vertices // COCO_VERTICES)] = 17 / COCO_VERTICES
    ids = torch.arange(LOSS_VERTICES) * (vertices // LOSS_VERTICES)
    return LiteBody.build(body_from_arrays(arrays), ids, coco)
