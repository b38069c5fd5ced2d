"""Boxes, intrinsics, projection and camera motion (README section 5)."""

from __future__ import annotations

from ..representation import boxes, camera
from ..representation.gravity_view import facing_frame
from .framework import Case, CaseData
from .names import named_number

# README: quantities without a unit of pixels "should meet atol 1e-5".
_UNITLESS = {"atol": 1e-5, "rtol": 1e-5}


def _boxes(data: CaseData) -> None:
    keypoints, mask, corners = data.tensor("kp2d"), data.tensor("kp_mask"), data.tensor("xyxy")
    points, box = keypoints[..., :2], data.tensor("bbx_all")
    data.check("bbx_all", boxes.box_around(points))
    data.check("bbx_masked", boxes.box_around(points, mask))
    name, percent = named_number(data, "bbx_enlarge")
    data.check(name, boxes.box_around(points, enlarge=percent / 100))
    data.check("bbx_from_xyxy", boxes.box_from_corners(corners))
    # The release's second version enlarges by a tenth and leaves the aspect alone.
    data.check("bbx_from_xyxy_camutils", boxes.box_from_corners(corners, enlarge=1.1, fit_aspect=False))
    data.check("kp_normalised", boxes.normalise_keypoints(keypoints, box), _UNITLESS)
    # The smaller box's factor is not stored: one number tells it, all others check it.
    factor = float(data["kp_normalised"][0, 0, 0, 0] / data["kp_normalised_small"][0, 0, 0, 0])
    small = box * box.new_tensor([1.0, 1.0, round(factor, 4)])
    data.check("kp_normalised_small", boxes.normalise_keypoints(keypoints, small), _UNITLESS)
    # Frames of text alone: keypoints and box are all zero.
    data.check("kp_normalised_zero_box", boxes.normalise_keypoints(keypoints * 0, box * 0), _UNITLESS)
    data.check("lurb", boxes.box_corners(box))
    data.check("xys_back", boxes.box_from_square(data.tensor("lurb")))
    data.check("bi01", boxes.to_unit_box(points, box), _UNITLESS)
    back = boxes.from_unit_box(data.tensor("bi01"), box)
    data.check("bi01_back", back)
    data.check("bi01_to_c", camera.pixels_to_plane(back, data.tensor("K")), _UNITLESS)


def _projection(data: CaseData) -> None:
    k, box, points = data.tensor("K"), data.tensor("bbx_all"), data.tensor("points3d")
    width, height = data.tensor("image_sizes").unbind(-1)
    estimated = camera.estimate_intrinsics(width, height, "longest_side")
    data.check("K_estimated", estimated)
    name, degrees = named_number(data, "K_fov")
    data.check(name, camera.intrinsics_from_fov(width, height, degrees))
    data.check("K_resized_half", camera.resize_intrinsics(estimated, 0.5))
    data.check("cliffcam", camera.cliff_camera(box, k), _UNITLESS)
    data.check("cliffcam_zero_box", camera.cliff_camera(box * 0, k), _UNITLESS)
    head = data.tensor("pred_cam")
    data.check("full_transl", camera.full_translation(head, box, k), _UNITLESS)
    data.check("full_transl_zero_box", camera.full_translation(head, box * 0, k))
    data.check("back_to_pred_cam", camera.weak_perspective(data.tensor("full_transl"), box, k), _UNITLESS)
    projected = camera.project(points, k)
    data.check("projected", projected)
    data.check("projected_safe", camera.project(points, k, near=camera.NEAR))
    data.check("projected_box01", boxes.to_unit_box(projected, box))


def _motion(data: CaseData) -> None:
    path, joints = data.tensor("T_w2c"), data.tensor("ay_joints")
    angvel = camera.camera_angular_velocity(data.tensor("R_w2c"))
    data.check("cam_angvel", angvel, _UNITLESS)
    data.check("cam_angvel_normalised", camera.normalise_angular_velocity(angvel), {"atol": 1e-3, "rtol": 1e-5})
    data.check("cam_tvel", camera.camera_step(path), _UNITLESS)
    data.check("cam_tcw_vel", camera.camera_position_step(path), _UNITLESS)
    data.check("T_w2c_normalised", camera.relative_to_first(path), _UNITLESS)
    data.check("T_ayfz2ay", facing_frame(joints), _UNITLESS)
    data.check("T_ayfz2ay_inv", facing_frame(joints, inverse=True), _UNITLESS)


def _camera_2d(data: CaseData) -> None:
    _boxes(data)
    _projection(data)
    _motion(data)


CASES = (
    Case(
        "camera_2d.npz",
        inputs=("kp2d", "kp_mask", "xyxy", "image_sizes", "K", "pred_cam", "points3d", "R_w2c", "T_w2c", "ay_joints"),
        compared=(
            *("bbx_all", "bbx_masked", "bbx_enlarge*", "bbx_from_xyxy", "bbx_from_xyxy_camutils"),
            *("kp_normalised", "kp_normalised_small", "kp_normalised_zero_box"),
            *("lurb", "xys_back", "bi01", "bi01_back", "bi01_to_c"),
            *("K_estimated", "K_fov*", "K_resized_half", "cliffcam", "cliffcam_zero_box"),
            *("full_transl", "full_transl_zero_box", "back_to_pred_cam"),
            *("projected", "projected_safe", "projected_box01"),
            *("cam_angvel", "cam_angvel_normalised", "cam_tvel", "cam_tcw_vel", "T_w2c_normalised"),
            *("T_ayfz2ay", "T_ayfz2ay_inv"),
        ),
        run=_camera_2d,
    ),
)
