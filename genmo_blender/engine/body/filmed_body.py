"""Points of the free body that a camera sees: 22 joints, face, crown, hands, toes, in any shape.

The points of the head are rigid on the free body: its eyes hang on the head joint, its nose, ears and crown are
vertices with no other weight. So posing 22 joints is enough, and a batch costs a fraction of skinning. For the same
reason coordinates come first here and frames last: torch multiplies thousands of small matrices one by one, but whole
planes of numbers at once (five times as fast as `body.kinematics` on one core).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..constants import constant
from .free_body import LEFT_EAR, NOSE_TIP, RIGHT_EAR, FreeBody
from .kinematics import PARENTS_22

HEAD = 15
COCO = (22, 23, 24, 25, 26, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)
_EYES = (23, 24)
# Hand and toe tips lie ahead of wrist and toe joint, as seen from elbow and ankle, by a share of that distance.
_TIPS, _BEFORE, _AHEAD = (20, 21, 10, 11), (18, 19, 7, 8), (0.6, 0.6, 0.5, 0.5)


@dataclass(frozen=True)
class BodyPoints:
    """``planes`` (28, 3, B, L) metres: 22 joints; nose, left and right eye, left and right ear, crown."""

    planes: Tensor

    @property
    def joints(self) -> Tensor:
        """(B, L, 22, 3)."""
        return self.planes[:22].permute(2, 3, 0, 1).contiguous()

    @property
    def coco(self) -> Tensor:
        """COCO-17 (B, L, 17, 3)."""
        return self._some(COCO).permute(2, 3, 0, 1).contiguous()

    @property
    def outline(self) -> Tensor:
        """What a box is drawn around, (32, 3, B, L): all points, and where hands and toes end."""
        tips, ahead = self._some(_TIPS), constant(_AHEAD, self.planes.device)
        return torch.cat([self.planes, tips + (tips - self._some(_BEFORE)) * ahead[:, None, None, None]])

    def _some(self, points: tuple[int, ...]) -> Tensor:
        return self.planes.index_select(0, constant(points, self.planes.device))

    def seen(self, rotation: Tensor, place: Tensor) -> BodyPoints:
        """Turned by ``rotation`` (B, L, 3, 3) and moved to ``place`` (B, L, 3)."""
        turned = _turned(_planes(rotation), self.planes)
        return BodyPoints(turned + place.permute(2, 0, 1))


def _planes(matrix: Tensor) -> Tensor:
    """(B, L, 3, 3) to (3, 3, B, L)."""
    return matrix.permute(2, 3, 0, 1).contiguous()


def _turned(rotation: Tensor, points: Tensor) -> Tensor:
    """(3, 3, B, L) times (N, 3, B, L) or (N, 3, B, 1): (N, 3, B, L)."""
    x, y, z = points[:, None].unbind(2)
    return (rotation[:, 0] * x).addcmul_(rotation[:, 1], y).addcmul_(rotation[:, 2], z)


def _product(rotation: Tensor, rows: tuple[Tensor, ...]) -> Tensor:
    """(3, 3, B, L) times the matrix with these rows (3, B, L)."""
    a, b, c = rows
    return (rotation[:, 0, None] * a).addcmul_(rotation[:, 1, None], b).addcmul_(rotation[:, 2, None], c)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """(..., 3, B, L)."""
    (ax, ay, az), (bx, by, bz) = a.unbind(-3), b.unbind(-3)
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], dim=-3)


@dataclass(frozen=True)
class FilmedBody:
    """Rest places of joints (22, 3) and of the face from the head joint (6, 3), and what each of six shape controls
    adds to them."""

    joints: Tensor  # (22, 3)
    shape_joints: Tensor  # (6, 22, 3)
    face: Tensor  # (6, 3)
    shape_face: Tensor  # (6, 6, 3)

    @classmethod
    def of(cls, body: FreeBody) -> FilmedBody:
        """From the free body."""
        crown = int(body.rest_vertices[:, 1].argmax())
        vertices = torch.tensor([NOSE_TIP, LEFT_EAR, RIGHT_EAR, crown])
        alone = (body.weight_index[vertices, 0] == HEAD) & (body.weight[vertices, 0] == 1)
        assert bool(alone.all()) and all(body.parents[eye] == HEAD for eye in _EYES)

        def face(joints: Tensor, vertices: Tensor) -> Tensor:
            nose, left, right, top = vertices.split(1, dim=-2)
            return (
                torch.cat([nose, joints[..., list(_EYES), :], left, right, top], dim=-2)
                - joints[..., HEAD : HEAD + 1, :]
            )

        return cls(
            joints=body.rest_joints[:22],
            shape_joints=body.shape_joints[:, :22],
            face=face(body.rest_joints, body.rest_vertices[vertices]),
            shape_face=face(body.shape_joints, body.shape_vertices[:, vertices]),
        )

    def shaped(self, shape: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Joint offsets (B, 22, 3), zero at the pelvis, face (B, 6, 3) and size (B,) of shapes (B, 6).

        The size is the pelvis height against the unshaped body's: whoever has longer legs takes longer steps.
        """
        joints = self.joints + torch.einsum("sjc,bs->bjc", self.shape_joints, shape)
        parents = constant((0, *PARENTS_22[1:]), joints.device)
        face = self.face + torch.einsum("sjc,bs->bjc", self.shape_face, shape)
        return joints - joints.index_select(1, parents), face, joints[:, 0, 1] / self.joints[0, 1]

    def points(self, root: Tensor, pose: Tensor, offsets: Tensor, face: Tensor) -> BodyPoints:
        """Posed points from the pelvis, in the axes of ``root`` (B, L, 3, 3).

        ``pose`` (B, L, 126) holds the two rows of true rotations (they are orthonormal; nothing mends them here);
        ``offsets`` (B, 22, 3) and ``face`` (B, 6, 3) come from `shaped`.
        """
        first, second = pose.permute(2, 0, 1).reshape(21, 2, 3, *pose.shape[:2]).unbind(1)
        rows = list(zip(first, second, _cross(first, second), strict=True))
        return self._posed(_planes(root), rows, offsets, face)

    def turned(self, rotations: Tensor, offsets: Tensor, face: Tensor) -> BodyPoints:
        """As `points`, of all local rotations as planes (3, 3, 22, B, L), the root's first."""
        rows = [tuple(joint.unbind(0)) for joint in rotations[:, :, 1:].unbind(2)]
        return self._posed(rotations[:, :, 0], rows, offsets, face)

    def _posed(self, root: Tensor, rows: Sequence[tuple[Tensor, ...]], offsets: Tensor, face: Tensor) -> BodyPoints:
        """Of the root as planes (3, 3, B, L) and the three rows of every other joint, (3, B, L) each."""
        offsets, face = (x.permute(1, 2, 0)[..., None] for x in (offsets, face))
        turns, places = {0: root}, [root.new_zeros(1, 3, *root.shape[2:])]
        for joint, parent in list(enumerate(PARENTS_22))[1:]:
            places.append(places[parent] + _turned(turns[parent], offsets[joint : joint + 1]))
            if joint in PARENTS_22 or joint == HEAD:
                turns[joint] = _product(turns[parent], rows[joint - 1])
        return BodyPoints(torch.cat([*places, places[HEAD] + _turned(turns[HEAD], face)]))

    def to(self, device: torch.device | str) -> FilmedBody:
        return FilmedBody(*(x.to(device) for x in (self.joints, self.shape_joints, self.face, self.shape_face)))
