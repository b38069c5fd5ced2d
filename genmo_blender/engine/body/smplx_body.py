"""The SMPL-X body in torch: rest joints by shape, linear blend skinning with pose blend shapes (spec 4.7).

The model file is the licensed ``SMPLX_NEUTRAL.npz`` that a user has; nothing of it is shipped.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...protocol.failures import ModelFailure
from ..representation.rotations import axis_angle_to_matrix, turned
from .kinematics import PARENTS_22, forward_kinematics, rest_offsets

FIELDS = (
    *("v_template", "shapedirs", "posedirs", "J_regressor"),
    *("weights", "kintree_table", "hands_meanl", "hands_meanr"),
)
JOINTS = 55
SHAPES = 10
_REMEDY = "Choose the file SMPLX_NEUTRAL.npz from the SMPL-X download."


@dataclass(frozen=True)
class SmplxBody:
    """A body with SMPL-X fields; V vertices, 55 joints, 10 shape coefficients, lengths in metres."""

    v_template: Tensor  # (V, 3)
    shapedirs: Tensor  # (V, 3, 10)
    posedirs: Tensor  # (V, 3, 486)
    weights: Tensor  # (V, 55)
    parents: tuple[int, ...]
    hands_mean: Tensor  # (90,) axis-angle, left then right
    joints_template: Tensor  # (55, 3)
    joints_shapedirs: Tensor  # (55, 3, 10)

    def rest_joints(self, betas: Tensor, joints: int = JOINTS) -> Tensor:
        """Rest joint positions (..., joints, 3) for shape coefficients (..., 10)."""
        shape = torch.einsum("jck,...k->...jc", self.joints_shapedirs[:joints], betas)
        return self.joints_template[:joints] + shape

    def joints22(
        self, body_pose: Tensor, betas: Tensor, global_orient: Tensor | None = None, transl: Tensor | None = None
    ) -> Tensor:
        """Posed body joints (..., 22, 3): pose (..., 63), orientation and translation (..., 3), axis-angle and metres.

        Without an orientation the root is not turned, without a translation it stays at its rest place.
        """
        root = torch.zeros_like(body_pose[..., :3]) if global_orient is None else global_orient
        pose = axis_angle_to_matrix(torch.cat([root, body_pose], dim=-1).unflatten(-1, (22, 3)))
        return self.joints22_from_matrices(pose, betas, transl)

    def joints22_from_matrices(self, rotations: Tensor, betas: Tensor, transl: Tensor | None = None) -> Tensor:
        """Posed body joints (..., 22, 3) from local rotations (..., 22, 3, 3)."""
        return forward_kinematics(rotations, self.offsets22(betas, transl), PARENTS_22)[1]

    def offsets22(self, betas: Tensor, transl: Tensor | None = None) -> Tensor:
        """Joint offsets (..., 22, 3) from the parent; the root's is its rest place plus ``transl`` (..., 3)."""
        offsets = rest_offsets(self.rest_joints(betas, 22), PARENTS_22)
        if transl is None:
            return offsets
        return torch.cat([offsets[..., :1, :] + transl.unsqueeze(-2), offsets[..., 1:, :]], dim=-2)

    def sole_clearance(self) -> Tensor:
        """How far below each body joint (22,) the sole lies at rest, metres; zero but for ankles and feet."""
        clearance = torch.zeros_like(self.joints_template[:22, 1])
        feet = [7, 8, 10, 11]
        clearance[feet] = self.joints_template[feet, 1] - self.v_template[:, 1].min()
        return clearance

    def full_pose(self, body_pose: Tensor, global_orient: Tensor) -> Tensor:
        """Axis-angle of all 55 joints (..., 55, 3): jaw and eyes at rest, hands at their mean pose."""
        lead = body_pose.shape[:-1]
        face = body_pose.new_zeros(*lead, 9)
        pose = torch.cat([global_orient, body_pose, face, self.hands_mean.expand(*lead, 90)], dim=-1)
        return pose.unflatten(-1, (JOINTS, 3))

    def vertices(self, pose: Tensor, betas: Tensor, transl: Tensor, ids: Tensor | None = None) -> Tensor:
        """Skinned vertices (..., V or len(ids), 3): pose (..., 55, 3) axis-angle, shape (..., 10), transl (..., 3)."""
        pick = slice(None) if ids is None else ids
        rotations = axis_angle_to_matrix(pose)
        rest = self.rest_joints(betas)
        world, position = forward_kinematics(rotations, rest_offsets(rest, self.parents), self.parents)
        shaped = self.v_template[pick] + torch.einsum("vck,...k->...vc", self.shapedirs[pick], betas)
        feature = (rotations[..., 1:, :, :] - torch.eye(3, dtype=pose.dtype, device=pose.device)).flatten(-3)
        shaped = shaped + torch.einsum("vcp,...p->...vc", self.posedirs[pick], feature)
        # Rest joints are taken out of each transform, so that vertices can be given in model space.
        shift = position - turned(world, rest)
        weights = self.weights[pick]
        blend = torch.einsum("vj,...jab->...vab", weights, world)
        moved = turned(blend, shaped) + torch.einsum("vj,...ja->...va", weights, shift)
        return moved + transl.unsqueeze(-2)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> SmplxBody:
        values = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return SmplxBody(parents=self.parents, **{name: value.to(device, dtype) for name, value in values.items()})


@dataclass(frozen=True)
class LiteBody:
    """A body with the vertices that training looks at: 437 for losses, and a regressor of the COCO-17 joints."""

    body: SmplxBody
    vertex_ids: Tensor  # (437,)
    coco_ids: Tensor  # (K,) the vertices that the regressor uses
    coco_regressor: Tensor  # (17, K)

    def to(self, device: torch.device | str) -> LiteBody:
        """The same on a device."""
        points = (self.vertex_ids, self.coco_ids, self.coco_regressor)
        return LiteBody(self.body.to(device), *(x.to(device) for x in points))

    @staticmethod
    def build(body: SmplxBody, vertex_ids: Tensor, coco17_regressor: Tensor) -> LiteBody:
        """From a regressor over all vertices (17, V); vertices of weight zero are left out."""
        used = coco17_regressor.abs().sum(0).nonzero().squeeze(-1)
        return LiteBody(body, vertex_ids, used, coco17_regressor[:, used])

    def __call__(
        self, body_pose: Tensor, betas: Tensor, global_orient: Tensor, transl: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(vertices (..., 437, 3), COCO joints (..., 17, 3)) for axis-angle (..., 63), (..., 3) and metres (..., 3)."""
        pose = self.body.full_pose(body_pose, global_orient)
        ids = torch.cat([self.vertex_ids, self.coco_ids])
        vertices = self.body.vertices(pose, betas, transl, ids)
        split = len(self.vertex_ids)
        return vertices[..., :split, :], self.coco_regressor @ vertices[..., split:, :]


def body_from_arrays(arrays: Mapping[str, np.ndarray]) -> SmplxBody:
    """A body from the fields of a SMPL-X file. Raises ModelFailure for missing fields or shapes that do not fit."""
    missing = [name for name in FIELDS if name not in arrays]
    if missing:
        raise ModelFailure("smplx_fields", f"The body file lacks {', '.join(missing)}.", _REMEDY)
    array = {name: np.asarray(arrays[name]) for name in FIELDS}
    vertices = len(array["v_template"])
    expected = {
        "v_template": (vertices, 3),
        "posedirs": (vertices, 3, 9 * (JOINTS - 1)),
        "J_regressor": (JOINTS, vertices),
        "weights": (vertices, JOINTS),
        "kintree_table": (2, JOINTS),
    }
    wrong = [name for name, shape in expected.items() if array[name].shape != shape]
    if array["shapedirs"].ndim != 3 or array["shapedirs"].shape[2] < SHAPES:
        wrong.append("shapedirs")
    if wrong:
        names = ", ".join(wrong)
        raise ModelFailure("smplx_shapes", f"The body file is no SMPL-X body: {names} does not fit.", _REMEDY)

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(array[name].astype(np.float32))

    template, shapedirs = tensor("v_template"), tensor("shapedirs")[..., :SHAPES].contiguous()
    regressor = tensor("J_regressor")
    return SmplxBody(
        v_template=template,
        shapedirs=shapedirs,
        posedirs=tensor("posedirs"),
        weights=tensor("weights"),
        parents=(-1, *(int(p) for p in array["kintree_table"][0, 1:])),
        hands_mean=torch.cat([tensor("hands_meanl"), tensor("hands_meanr")]),
        joints_template=regressor @ template,
        joints_shapedirs=torch.einsum("jv,vck->jck", regressor, shapedirs),
    )


def load_smplx(path: str | Path) -> SmplxBody:
    """The licensed body file of the user. Raises ModelFailure when it cannot be read or is not a SMPL-X body.

    Only the plain arrays of ``FIELDS`` are read; pickled parts of the file are never opened.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return body_from_arrays({name: archive[name] for name in FIELDS if name in archive.files})
    except FileNotFoundError as error:
        raise ModelFailure("smplx_missing", f"There is no body file at {path}.", _REMEDY) from error
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelFailure("smplx_unreadable", f"The body file {Path(path).name} cannot be read.", _REMEDY) from error
