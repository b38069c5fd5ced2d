"""World roll-out, changes of frame and smoothing (README section 6)."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..quirks import OfficialQuirks
from ..refine.contacts import static_joints
from ..representation import gravity_view as gv
from ..representation.codec import local_velocity
from ..representation.rollout import roll_out_translation, stream_start, stream_step, world_root
from ..representation.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..representation.smoothing import gaussian_smooth, moving_average
from .framework import Case, CaseData
from .names import named_number

# Cameras of the case, and which of its tolerances holds for float32 results of the release.
_CAMERAS = {
    "static": "static_and_half",
    "half": "static_and_half",
    "moving": "moving_and_noisy",
    "noisy": "moving_and_noisy",
}
# The case counts its path, shrunk to a twentieth and seen as four joints, as what may stand still.
_MASK_SCALE = 0.05
_REORIENTED = {"ay_ay": "ay->ay", "any_ay": "any->ay", "az_ay": "az->ay", "ay_any": "ay->any"}


def _world(data: CaseData) -> None:
    tolerances = data.meta["tolerance"]
    root_gv, velocity = data.tensor("global_orient_gv"), data.tensor("local_transl_vel")
    official = OfficialQuirks.official()
    exact = replace(official, arc_cosine_yaw=False)
    for camera, tolerance in _CAMERAS.items():
        turn = data.tensor(f"{camera}_global_orient_c"), velocity, data.tensor(f"{camera}_cam_angvel")
        # The results in double precision are free of the release's rounding noise, as ours are.
        for out, given, quirks in (("out", tolerances[tolerance], official), ("out64", tolerances["out64"], exact)):
            root = world_root(root_gv, *turn, quirks)
            data.check_rotation(f"{camera}_{out}_global_orient", root.global_orient, given["rotation_max_deg"])
            data.check(f"{camera}_{out}_transl", root.transl, {"atol": given["transl_m"], "rtol": 0.0})


def _stream(data: CaseData) -> None:
    tolerance = data.meta["tolerance"]["moving_and_noisy"]
    gv_matrix = axis_angle_to_matrix(data.tensor("global_orient_gv"))
    camera_matrix = axis_angle_to_matrix(data.tensor("moving_global_orient_c"))
    velocity, angvel = data.tensor("local_transl_vel"), data.tensor("moving_cam_angvel")
    frames = [(gv_matrix[:, i], camera_matrix[:, i], velocity[:, i], angvel[:, i]) for i in range(velocity.shape[1])]
    states = [stream_start(*frames[0])]
    for frame in frames[1:]:
        states.append(stream_step(states[-1], *frame))
    rotation = torch.stack([state.rotation for state in states[1:]], dim=1)
    transl = torch.stack([state.transl for state in states[1:]], dim=1)
    data.check_rotation("stream_out_global_orient", matrix_to_axis_angle(rotation), tolerance["rotation_max_deg"])
    data.check("stream_out_transl", transl, {"atol": tolerance["transl_m"], "rtol": 0.0})


def _path(data: CaseData) -> None:
    others = data.meta["tolerance"]["others"]
    velocity, root = data.tensor("local_transl_vel"), axis_angle_to_matrix(data.tensor("w_global_orient"))
    start, path = data.tensor("w_transl0"), data.tensor("w_transl")
    data.check("w_rollout", roll_out_translation(velocity, root, start), others)
    data.check("w_rollout_zero", roll_out_translation(velocity, root), others)
    official = local_velocity(path, root, without_transpose=True)
    data.check("w_local_vel_official", official, others)
    error = (roll_out_translation(official, root, path[:, :1]) - path).abs().max()
    data.check("w_local_vel_roundtrip_err", error, others)
    sane = roll_out_translation(local_velocity(path, root), root, path[:, :1])
    data.check_value("R^T v gives the path back", sane, path, others)
    name, sigma = named_number(data, "smooth_sigma")
    data.check(name, gaussian_smooth(path, sigma), others)
    name, window = named_number(data, "moving_avg")
    data.check(name, moving_average(path, int(window)), others)
    name, speed = named_number(data, "static_joint_mask_thr")
    columns = data.arrays[name].shape[-1]
    repeated = path.unsqueeze(-2).expand(-1, -1, columns, -1)
    data.check(name, static_joints(repeated * _MASK_SCALE, speed))
    for suffix, which in _REORIENTED.items():
        orient, transl = gv.reorient(data.tensor("w_global_orient"), path, which)
        data.check_rotation(f"tsf_{suffix}_go", orient, max_deg=0.01)
        data.check(f"tsf_{suffix}_tr", transl, others)


def _camera(data: CaseData) -> None:
    others = data.meta["tolerance"]["others"]
    path, offset = data.tensor("T_w2c"), data.tensor("offset")
    orient_w, transl_w = data.tensor("w_global_orient")[0], data.tensor("w_transl")[0]
    orient_c, transl_c = gv.root_to_camera(orient_w, transl_w, path, offset)
    data.check_rotation("c_global_orient", orient_c, max_deg=0.01)
    data.check("c_transl", transl_c, others)
    data.check("T_w2c_from_params", gv.camera_from_roots(orient_w, transl_w, orient_c, transl_c, offset), others)
    data.check("R_c2gv", gv.camera_to_gravity_view(path[:, :3, :3]), others)
    data.check("R_c2gv_zdown", gv.camera_to_gravity_view(path[:, :3, :3], data.tensor("gravity")), others)


def _rollout(data: CaseData) -> None:
    _world(data)
    _stream(data)
    _path(data)
    _camera(data)


CASES = (
    Case(
        "rollout.npz",
        inputs=(
            *("global_orient_gv", "local_transl_vel", "*_global_orient_c", "*_cam_angvel"),
            *("w_global_orient", "w_transl0", "w_transl", "T_w2c", "offset", "gravity"),
        ),
        compared=(
            *("*_out_global_orient", "*_out_transl", "*_out64_global_orient", "*_out64_transl"),
            *("w_rollout", "w_rollout_zero", "w_local_vel_official", "w_local_vel_roundtrip_err"),
            *("c_global_orient", "c_transl", "T_w2c_from_params", "R_c2gv", "R_c2gv_zdown", "tsf_*"),
            *("smooth_sigma*", "moving_avg*", "static_joint_mask_thr*"),
        ),
        run=_rollout,
    ),
)
