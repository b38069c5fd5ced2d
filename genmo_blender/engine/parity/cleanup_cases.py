"""Contact clean-up and inverse kinematics (README section 7)."""

from __future__ import annotations

import math

import torch

from ..quirks import OfficialQuirks
from ..refine.ik import OFFICIAL_LIMBS, solve_chain
from ..refine.official_cleanup import clean_up
from ..representation.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .bodies import parity_body
from .framework import Case, CaseData


def _chain(data: CaseData, rotations: torch.Tensor, offsets: torch.Tensor) -> None:
    """A single solve of the left leg toward the case's own target, before anything else is changed."""
    tolerance = data.meta["tolerance"]
    limb = OFFICIAL_LIMBS[0].joints
    expected = data["ccd_chain_local"]
    target = data.tensor("ccd_target_pos")
    steps = offsets[..., limb, :]
    solved = solve_chain(rotations[..., limb, :, :], steps, {3: target[..., 0, :]})
    limit = math.radians(tolerance["rotation_max_deg"])
    data.check("ccd_chain_local", torch.cat([solved, steps.unsqueeze(-1)], dim=-1), {"atol": limit, "rtol": 0.0})
    angle = _largest_angle(solved, torch.from_numpy(expected[..., :3]).to(solved.device))
    data.check_value("ccd rotations, degrees", angle, 0.0, {"atol": tolerance["rotation_max_deg"], "rtol": 0.0})


def _largest_angle(a: torch.Tensor, b: torch.Tensor) -> float:
    between = matrix_to_axis_angle(a.transpose(-1, -2) @ b)
    return float(torch.rad2deg(torch.linalg.vector_norm(between, dim=-1)).max())


def _postprocess(data: CaseData) -> None:
    tolerance, body = data.meta["tolerance"], parity_body(data.folder)
    pose, betas = data.tensor("body_pose"), data.tensor("betas")
    orient, transl = data.tensor("global_orient"), data.tensor("transl")
    clean = clean_up(body, pose, betas, orient, transl, data.tensor("static_conf_logits"), OfficialQuirks.official())
    joints = {"atol": tolerance["joints_m"], "rtol": 0.0}
    data.check("post_transl", clean.transl, {"atol": tolerance["transl"], "rtol": 0.0})
    data.check_rotation("post_body_pose", clean.body_pose, tolerance["rotation_max_deg"])
    data.check("joints_before_ik", body.joints22(pose, betas, orient, clean.transl), joints)
    data.check("joints_after_ik", body.joints22(clean.body_pose, betas, orient, clean.transl), joints)
    rotations = axis_angle_to_matrix(torch.cat([orient, pose], dim=-1).unflatten(-1, (22, 3)))
    _chain(data, rotations, body.offsets22(betas, clean.transl))


CASES = tuple(
    Case(
        f"postprocess_{letter}.npz",
        inputs=("body_pose", "betas", "global_orient", "transl", "static_conf_logits", "ccd_target_pos"),
        compared=("post_transl", "joints_before_ik", "post_body_pose", "joints_after_ik", "ccd_chain_local"),
        run=_postprocess,
    )
    for letter in ("A", "B")
)
