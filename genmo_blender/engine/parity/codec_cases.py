"""Body model and encoder/decoder (README sections "Body model" and 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..body.kinematics import PARENTS_22, forward_kinematics
from ..body.smplx_body import FIELDS, LiteBody, body_from_arrays
from ..refine.contacts import STATIC_JOINTS, static_joints
from ..representation import codec
from ..representation import rotations as rot
from .bodies import BODY_FILE, parity_body
from .framework import Case, CaseData
from .names import named_number


def _body(data: CaseData) -> None:
    body = body_from_arrays({name: data[name] for name in FIELDS}).to(data.folder.device)
    pose, betas = data.tensor("t_body_pose"), data.tensor("t_betas")
    orient, transl = data.tensor("t_global_orient"), data.tensor("t_transl")
    lite = LiteBody.build(body, data.tensor("verts437_ids"), data.tensor("coco17_regressor"))
    chosen, coco = lite(pose, betas, orient, transl)
    data.check("t_verts437", chosen)
    data.check("t_coco17", coco)
    data.check("t_joints22", body.joints22(pose, betas, orient, transl))
    data.check("t_skeleton", body.rest_joints(betas))
    # Faces are for display alone; that they index this mesh is all there is to read from them.
    faces, vertices = data["f"], len(body.v_template)
    data.check_value("faces within the mesh", bool(faces.min() >= 0 and faces.max() < vertices), True, {})


def _transforms(rotation: Tensor, position: Tensor) -> Tensor:
    """(..., 3, 3) and (..., 3) -> (..., 4, 4)."""
    top = torch.cat([rotation, position.unsqueeze(-1)], dim=-1)
    bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, bottom], dim=-2)


def _check_decoded(data: CaseData, prefix: str, code: Tensor, statistics: codec.Statistics) -> None:
    decoded = codec.decode(code, statistics)
    for name in ("body_pose", "betas", "global_orient", "global_orient_gv", "local_transl_vel"):
        data.check(f"{prefix}decoded_{name}", getattr(decoded, name))
    offset = parity_body(data.folder).rest_joints(decoded.betas, 1)[..., 0, :]
    data.check(f"{prefix}decoded_offset", offset)


def _kinematics(data: CaseData) -> None:
    body = parity_body(data.folder)
    pose, betas = data.tensor("body_pose"), data.tensor("betas")
    orient, transl = data.tensor("global_orient_w"), data.tensor("transl_w")
    local = rot.axis_angle_to_matrix(torch.cat([orient, pose], dim=-1).unflatten(-1, (22, 3)))
    offsets = body.offsets22(betas, transl)
    world, joints = forward_kinematics(local, offsets, PARENTS_22)
    data.check("fk_joints", joints)
    kept = data.arrays["fk_local"].shape[1]
    data.check("fk_local", _transforms(local, offsets)[:, :kept])
    data.check("fk_global", _transforms(world, joints)[:, :kept])
    slow = body.joints22(pose * 0.02, betas, orient * 0, transl * 0.1)
    name, speed = named_number(data, "static_gt_thr")
    data.check(name, static_joints(slow[..., STATIC_JOINTS, :], speed).float())


def _rotations(data: CaseData) -> None:
    matrix = data.tensor("rot_matrix")
    data.check("rot_matrix", rot.axis_angle_to_matrix(data.tensor("rot_aa")))
    data.check("rot_quat", rot.axis_angle_to_quaternion(data.tensor("rot_aa")))
    data.check("rot_quat_from_matrix", rot.matrix_to_quaternion(matrix))
    # Near pi the sign of the axis is rounding noise: compared as rotations, within the tolerance of a matrix entry.
    data.check_rotation("rot_aa_from_matrix", rot.matrix_to_axis_angle(matrix), max_deg=0.001)
    data.check_rotation("rot_aa_from_quat", rot.quaternion_to_axis_angle(data.tensor("rot_quat")), max_deg=0.001)
    data.check("rot_6d", rot.matrix_to_6d(matrix))
    data.check("rot_matrix_from_6d_random", rot.matrix_from_6d(data.tensor("rot_6d_random")))
    raw = data.tensor("rot_q_raw")
    data.check("rot_quat_to_matrix", rot.quaternion_to_matrix(raw))
    data.check("rot_q_mul", rot.positive_scalar_part(rot.quaternion_product(raw, raw.flip(0))))
    a, b, v0, v1 = (data.tensor(name) for name in ("q_a", "q_b", "q_v0", "q_v1"))
    data.check("q_mul", rot.quaternion_product(a, b))
    data.check("q_rot", rot.quaternion_rotate(a, v0))
    data.check("q_slerp03", rot.quaternion_slerp(a, b, 0.3))
    data.check("q_between", rot.quaternion_between(v0, v1))


def _endecoder(data: CaseData) -> None:
    statistics = codec.Statistics(data.tensor("mean"), data.tensor("std"))
    encoded = codec.encode(
        data.tensor("body_pose"),
        data.tensor("betas"),
        data.tensor("global_orient_c"),
        data.tensor("global_orient_w"),
        data.tensor("transl_w"),
        data.tensor("R_c2gv"),
        statistics,
        velocity_without_transpose=True,
    )
    data.check("encoded", encoded)
    # The camera-frame translation is handed to the release's encoder and is no part of the code.
    data.check_value("transl_c, unused", data["transl_c"].shape, data["transl_w"].shape, {})
    _check_decoded(data, "", data.tensor("encoded"), statistics)
    _check_decoded(data, "raw_", data.tensor("raw_x"), statistics)
    official = codec.official_statistics()
    exact = {"atol": 0.0, "rtol": 0.0}
    data.check_value("official mean", official.mean, data["mean"], exact)
    data.check_value("official std", official.std, data["std"], exact)
    _kinematics(data)
    _rotations(data)


CASES = (
    Case(
        BODY_FILE,
        inputs=(
            *(*FIELDS, "f", "coco17_regressor", "verts437_ids"),
            *("t_body_pose", "t_betas", "t_global_orient", "t_transl"),
        ),
        compared=("t_verts437", "t_coco17", "t_joints22", "t_skeleton"),
        run=_body,
    ),
    Case(
        "endecoder.npz",
        inputs=(
            *("mean", "std", "body_pose", "betas", "global_orient_c", "global_orient_w", "transl_w", "R_c2gv"),
            *("raw_x", "rot_aa", "rot_6d_random", "rot_q_raw", "q_a", "q_b", "q_v0", "q_v1", "transl_c"),
        ),
        compared=(
            *("encoded", "decoded_*", "raw_decoded_*", "static_gt_thr*", "fk_joints", "fk_local", "fk_global"),
            *("rot_matrix", "rot_quat", "rot_quat_from_matrix", "rot_aa_from_matrix", "rot_aa_from_quat", "rot_6d"),
            *("rot_matrix_from_6d_random", "rot_quat_to_matrix", "rot_q_mul"),
            *("q_mul", "q_rot", "q_slerp03", "q_between"),
        ),
        run=_endecoder,
    ),
)
