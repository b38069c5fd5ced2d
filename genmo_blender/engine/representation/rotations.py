"""Rotations in torch, batch-first and differentiable (spec 4.2).

Matrices act on column vectors. Quaternions are w first. Axis-angle is in radians. The 6-D form holds the first two
*rows* of the matrix. Every function takes any leading shape and keeps dtype and device.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Below this angle sin(x)/x and its kin are replaced by their series; above it float32 division is accurate.
_SMALL_ANGLE = 1e-6


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b of (..., 3, 3) and (..., 3, N), by planes: torch multiplies thousands of small matrices one by one."""
    x, y, z = a.unsqueeze(-1).unbind(-2)
    return x * b[..., None, 0, :] + y * b[..., None, 1, :] + z * b[..., None, 2, :]


def turned(rotation: Tensor, vector: Tensor) -> Tensor:
    """Vectors (..., 3) turned by (..., 3, 3)."""
    x, y, z = rotation.unbind(-1)
    return x * vector[..., :1] + y * vector[..., 1:2] + z * vector[..., 2:]


def axis_angle_to_quaternion(axis_angle: Tensor) -> Tensor:
    """(..., 3) -> (..., 4)."""
    angle = torch.linalg.vector_norm(axis_angle, dim=-1, keepdim=True)
    small = angle < _SMALL_ANGLE
    # The unused branch of `where` must stay finite, or its gradient turns into NaN at the zero rotation.
    divisor = torch.where(small, torch.ones_like(angle), angle)
    factor = torch.where(small, 0.5 - angle * angle / 48, torch.sin(angle * 0.5) / divisor)
    return torch.cat([torch.cos(angle * 0.5), axis_angle * factor], dim=-1)


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """(..., 4) -> (..., 3, 3); the quaternion need not be of unit length."""
    w, x, y, z = quaternion.unbind(-1)
    two_s = 2.0 / (quaternion * quaternion).sum(-1)
    rows = (
        1 - two_s * (y * y + z * z),
        two_s * (x * y - z * w),
        two_s * (x * z + y * w),
        two_s * (x * y + z * w),
        1 - two_s * (x * x + z * z),
        two_s * (y * z - x * w),
        two_s * (x * z - y * w),
        two_s * (y * z + x * w),
        1 - two_s * (x * x + y * y),
    )
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """(..., 3) -> (..., 3, 3)."""
    return quaternion_to_matrix(axis_angle_to_quaternion(axis_angle))


def _positive_sqrt(x: Tensor) -> Tensor:
    """sqrt(max(0, x)) whose gradient is zero, not infinite, where x <= 0."""
    positive = x > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, x, torch.ones_like(x))), torch.zeros_like(x))


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 4) with w >= 0. Of the four algebraic candidates the best conditioned one is taken."""
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = matrix.flatten(-2).unbind(-1)
    squares = torch.stack(
        [1.0 + m00 + m11 + m22, 1.0 + m00 - m11 - m22, 1.0 - m00 + m11 - m22, 1.0 - m00 - m11 + m22], dim=-1
    )
    q_abs = _positive_sqrt(squares)
    w_sq, x_sq, y_sq, z_sq = (q_abs * q_abs).unbind(-1)
    candidates = torch.stack(
        [
            torch.stack([w_sq, m21 - m12, m02 - m20, m10 - m01], dim=-1),
            torch.stack([m21 - m12, x_sq, m10 + m01, m02 + m20], dim=-1),
            torch.stack([m02 - m20, m10 + m01, y_sq, m12 + m21], dim=-1),
            torch.stack([m10 - m01, m20 + m02, m21 + m12, z_sq], dim=-1),
        ],
        dim=-2,
    )
    candidates = candidates / (2.0 * q_abs.unsqueeze(-1).clamp(min=0.1))
    best = q_abs.argmax(dim=-1)
    chosen = torch.gather(candidates, -2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    return positive_scalar_part(chosen)


def positive_scalar_part(quaternion: Tensor) -> Tensor:
    """The same rotation with w >= 0."""
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def quaternion_to_axis_angle(quaternion: Tensor) -> Tensor:
    """(..., 4) -> (..., 3), angle in [0, 2 pi)."""
    vector = quaternion[..., 1:]
    norm = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    half = torch.atan2(norm, quaternion[..., :1])
    return vector / (0.5 * torch.sinc(half / torch.pi))


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 3), angle in [0, pi]."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def matrix_to_6d(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 6): the first two rows, flattened."""
    return matrix[..., :2, :].flatten(-2)


def matrix_from_6d(six: Tensor) -> Tensor:
    """(..., 6) -> (..., 3, 3) by Gram-Schmidt on the two rows."""
    a1, a2 = six[..., :3], six[..., 3:]
    b1 = F.normalize(a1, dim=-1, eps=1e-12)
    b2 = F.normalize(a2 - (b1 * a2).sum(-1, keepdim=True) * b1, dim=-1, eps=1e-12)
    return torch.stack([b1, b2, torch.linalg.cross(b1, b2, dim=-1)], dim=-2)


def quaternion_product(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product a * b (first b, then a), (..., 4)."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def quaternion_inverse(quaternion: Tensor) -> Tensor:
    """The conjugate: the inverse of a unit quaternion."""
    return torch.cat([quaternion[..., :1], -quaternion[..., 1:]], dim=-1)


def quaternion_rotate(quaternion: Tensor, vector: Tensor) -> Tensor:
    """Vectors (..., 3) turned by unit quaternions (..., 4)."""
    w, u = quaternion[..., :1], quaternion[..., 1:]
    t = 2.0 * torch.linalg.cross(u, vector, dim=-1)
    return vector + w * t + torch.linalg.cross(u, t, dim=-1)


def quaternion_power(quaternion: Tensor, exponent: Tensor | float) -> Tensor:
    """The rotation applied ``exponent`` times, (..., 4). The scalar part is clamped, so that a quaternion one unit in
    the last place too long stays finite (spec 5.1 D22)."""
    unit = F.normalize(quaternion, dim=-1)
    theta = torch.acos(unit[..., :1].clamp(-1.0, 1.0)).clamp(min=1e-9)
    axis = unit[..., 1:] / torch.sin(theta).clamp(min=1e-9)
    turned = theta * exponent
    return torch.cat([torch.cos(turned), axis * torch.sin(turned)], dim=-1)


def quaternion_slerp(a: Tensor, b: Tensor, weight: Tensor | float) -> Tensor:
    """(b a^-1)^weight a: from a (weight 0) to b (weight 1), the way round that b's sign says."""
    return quaternion_product(quaternion_power(quaternion_product(b, quaternion_inverse(a)), weight), a)


def quaternion_between(a: Tensor, b: Tensor) -> Tensor:
    """The least rotation that turns direction a into direction b, (..., 3) -> (..., 4); opposite directions turn about
    the y axis."""
    cross = torch.linalg.cross(a, b, dim=-1)
    norms = torch.linalg.vector_norm(a, dim=-1, keepdim=True) * torch.linalg.vector_norm(b, dim=-1, keepdim=True)
    w = norms + (a * b).sum(-1, keepdim=True)
    opposite = (cross == 0).all(-1, keepdim=True) & (w.abs() <= 1e-4)
    y_axis = torch.zeros_like(cross)
    y_axis[..., 1] = 1.0
    return F.normalize(torch.cat([w, torch.where(opposite, y_axis, cross)], dim=-1), dim=-1)


def rotation_angle(matrix: Tensor) -> Tensor:
    """Angle of a rotation matrix in radians, (..., 3, 3) -> (...); accurate near 0 and near pi."""
    skew = torch.stack(
        [
            matrix[..., 2, 1] - matrix[..., 1, 2],
            matrix[..., 0, 2] - matrix[..., 2, 0],
            matrix[..., 1, 0] - matrix[..., 0, 1],
        ],
        dim=-1,
    )
    trace = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.atan2(torch.linalg.vector_norm(skew, dim=-1), trace - 1.0)


def yaw_matrix(angle: Tensor) -> Tensor:
    """Rotation about the y axis, (...) radians -> (..., 3, 3)."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], dim=-1).unflatten(-1, (3, 3))
