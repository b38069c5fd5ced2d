"""The free body of ``assets/body.npz`` in torch: joints, skinned vertices and COCO-17 keypoints (mini_model.md).

A translation says where the pelvis joint is; the rest skeleton is the canonical one of `motion.skeleton`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...motion.skeleton import assets_folder
from .kinematics import forward_kinematics, rest_offsets

JOINTS = 55
SHAPES = 6
# COCO-17 after the head: shoulders, elbows, wrists, hips, knees, ankles, left before right.
_LIMB_JOINTS = (16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)
_EYES = (23, 24)
NOSE_TIP = 5054
LEFT_EAR, RIGHT_EAR = 12175, 5578  # the tragus


@dataclass(frozen=True)
class FreeBody:
    """V vertices, 55 joints, 6 shape controls (height, weight, muscle, gender, age, proportions); metres."""

    rest_vertices: Tensor  # (V, 3)
    rest_joints: Tensor  # (55, 3)
    parents: tuple[int, ...]
    weight_index: Tensor  # (V, 4)
    weight: Tensor  # (V, 4)
    shape_vertices: Tensor  # (6, V, 3)
    shape_joints: Tensor  # (6, 55, 3)

    def shaped_joints(self, shape: Tensor | None) -> Tensor:
        """Rest joints (..., 55, 3) for shape controls (..., 6)."""
        if shape is None:
            return self.rest_joints
        return self.rest_joints + torch.einsum("sjc,...s->...jc", self.shape_joints, shape)

    def pose(self, rotations: Tensor, transl: Tensor, shape: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """World rotations (..., 55, 3, 3) and joints (..., 55, 3).

        ``rotations`` (..., n, 3, 3) local, the first n joints (22 for the body alone), the others at rest; ``transl``
        (..., 3).
        """
        lead, given = rotations.shape[:-3], rotations.shape[-3]
        rest = torch.eye(3, dtype=rotations.dtype, device=rotations.device).expand(*lead, JOINTS - given, 3, 3)
        local = torch.cat([rotations, rest], dim=-3)
        offsets = rest_offsets(self.shaped_joints(shape), self.parents).expand(*lead, JOINTS, 3)
        offsets = torch.cat([transl.unsqueeze(-2), offsets[..., 1:, :]], dim=-2)
        return forward_kinematics(local, offsets, self.parents)

    def vertices(
        self, rotations: Tensor, transl: Tensor, shape: Tensor | None = None, ids: Tensor | None = None
    ) -> Tensor:
        """Skinned vertices (..., V or len(ids), 3); arguments as in `pose`."""
        return self._skin(*self.pose(rotations, transl, shape), shape, ids)

    def _skin(self, world: Tensor, joints: Tensor, shape: Tensor | None, ids: Tensor | None) -> Tensor:
        pick = slice(None) if ids is None else ids
        place = self.rest_vertices[pick]
        if shape is not None:
            place = place + torch.einsum("svc,...s->...vc", self.shape_vertices[:, pick], shape)
        index, weight = self.weight_index[pick], self.weight[pick]
        shift = joints - (world @ self.shaped_joints(shape).unsqueeze(-1)).squeeze(-1)
        blend = (world[..., index, :, :] * weight[..., None, None]).sum(-3)
        return (blend @ place.unsqueeze(-1)).squeeze(-1) + (shift[..., index, :] * weight[..., None]).sum(-2)

    def coco17(self, rotations: Tensor, transl: Tensor, shape: Tensor | None = None) -> Tensor:
        """COCO-17 keypoints (..., 17, 3): joints, and mesh vertices for nose and ears."""
        world, joints = self.pose(rotations, transl, shape)
        ids = torch.tensor([NOSE_TIP, LEFT_EAR, RIGHT_EAR], device=joints.device)
        nose, left_ear, right_ear = self._skin(world, joints, shape, ids).split(1, dim=-2)
        return torch.cat([nose, joints[..., _EYES, :], left_ear, right_ear, joints[..., _LIMB_JOINTS, :]], dim=-2)

    def to(self, device: torch.device | str) -> FreeBody:
        values = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return FreeBody(parents=self.parents, **{name: value.to(device) for name, value in values.items()})


def load_free_body(path: str | Path | None = None) -> FreeBody:
    """The body of the assets folder, or that at ``path``. Raises FileNotFoundError."""
    with np.load(path or assets_folder() / "body.npz", allow_pickle=False) as data:
        arrays = {name: torch.from_numpy(data[name].astype(np.float32)) for name in _FLOATS.values()}
        index = torch.from_numpy(data["weight_index"].astype(np.int64))
        parents = tuple(int(p) for p in data["parents"])
    floats = {ours: arrays[theirs] for ours, theirs in _FLOATS.items()}
    # Half-precision weights sum to one within rounding alone.
    floats["weight"] = floats["weight"] / floats["weight"].sum(-1, keepdim=True)
    return FreeBody(parents=parents, weight_index=index, **floats)


_FLOATS = {
    "rest_vertices": "vertices",
    "rest_joints": "joints",
    "weight": "weight",
    "shape_vertices": "shape_vertices",
    "shape_joints": "shape_joints",
}
