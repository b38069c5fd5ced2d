"""Camera geometry and boxes."""

import math

import pytest
import torch

from genmo_blender.engine.representation import boxes, camera
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, rotation_angle


def view() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    box = torch.cat([torch.rand(6, 2, generator=g) * 500 + 200, torch.rand(6, 1, generator=g) * 300 + 50], dim=-1)
    return box, camera.estimate_intrinsics(1280, 720).expand(6, 3, 3)


def test_the_weak_perspective_head_and_the_translation_are_inverse():
    box, k = view()
    transl = torch.rand(6, 3, generator=torch.Generator().manual_seed(1)) + torch.tensor([0.0, 0.0, 2.0])
    again = camera.full_translation(camera.weak_perspective(transl, box, k), box, k)
    torch.testing.assert_close(again, transl, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("rule", "focal"), [("diagonal", math.hypot(1280, 720)), ("longest_side", 1280.0)])
def test_both_focal_rules_are_there(rule, focal):
    k = camera.estimate_intrinsics(1280, 720, rule)
    assert float(k[0, 0]) == pytest.approx(focal)
    assert (float(k[0, 2]), float(k[1, 2])) == (640.0, 360.0)


def test_the_field_of_view_is_that_of_the_image_border():
    k = camera.intrinsics_from_fov(1000, 500, 60.0)
    border = torch.tensor([[math.tan(math.radians(30)), 0.0, 1.0]])
    assert float(camera.project(border, k)[0, 0]) == pytest.approx(1000.0, abs=1e-2)


def test_a_point_behind_the_camera_is_projected_as_if_it_were_near():
    k = camera.estimate_intrinsics(100, 100)
    behind = camera.project(torch.tensor([[0.1, 0.2, -3.0]]), k, near=camera.NEAR)
    near = camera.project(torch.tensor([[0.1, 0.2, camera.NEAR]]), k)
    torch.testing.assert_close(behind, near)


def test_pixels_go_to_the_plane_at_depth_one():
    k = camera.estimate_intrinsics(640, 480)
    points = torch.rand(5, 3, generator=torch.Generator().manual_seed(3)) + torch.tensor([0.0, 0.0, 1.0])
    plane = camera.pixels_to_plane(camera.project(points, k), k)
    torch.testing.assert_close(plane, points[:, :2] / points[:, 2:], atol=1e-5, rtol=0)


def test_a_still_camera_has_no_angular_velocity_and_a_single_frame_neither():
    still = torch.tensor(camera.CAM_ANGVEL_MEAN)
    turned = axis_angle_to_matrix(torch.tensor([0.3, 0.1, 0.0])).expand(4, 3, 3)
    torch.testing.assert_close(camera.camera_angular_velocity(turned), still.expand(4, 6), atol=1e-6, rtol=0)
    torch.testing.assert_close(camera.camera_angular_velocity(turned[:1]), still.expand(1, 6))
    torch.testing.assert_close(camera.normalise_angular_velocity(still), torch.zeros(6))


def test_a_path_relative_to_its_first_frame_starts_at_the_identity():
    path = torch.eye(4).repeat(5, 1, 1)
    path[:, :3, :3] = axis_angle_to_matrix(torch.randn(5, 3, generator=torch.Generator().manual_seed(9)))
    path[:, :3, 3] = torch.arange(15.0).reshape(5, 3)
    relative = camera.relative_to_first(path)
    torch.testing.assert_close(relative[0], torch.eye(4), atol=1e-5, rtol=0)
    turn = path[1, :3, :3] @ path[0, :3, :3].T
    assert float(rotation_angle(relative[1, :3, :3] @ turn.T)) < 1e-3


def test_boxes_enclose_what_is_visible_with_a_margin_in_the_crops_aspect():
    points = torch.tensor([[[10.0, 20.0], [40.0, 100.0], [500.0, 500.0]]])
    box = boxes.box_around(points, torch.tensor([[True, True, False]]))
    torch.testing.assert_close(box, torch.tensor([[25.0, 60.0, 96.0]]))
    wide = boxes.box_from_corners(torch.tensor([0.0, 0.0, 90.0, 10.0]))
    torch.testing.assert_close(wide, torch.tensor([45.0, 5.0, 144.0]))
    plain = boxes.box_from_corners(torch.tensor([0.0, 0.0, 90.0, 10.0]), fit_aspect=False)
    torch.testing.assert_close(plain, torch.tensor([45.0, 5.0, 108.0]))


def test_a_frame_without_visible_points_has_an_empty_box_and_no_nan():
    box = boxes.box_around(torch.rand(2, 17, 2), torch.zeros(2, 17, dtype=torch.bool))
    torch.testing.assert_close(box, torch.zeros(2, 3))


def test_box_coordinates_are_undone():
    box, _ = view()
    points = torch.rand(6, 4, 2) * 600
    torch.testing.assert_close(boxes.from_unit_box(boxes.to_unit_box(points, box), box), points, atol=1e-3, rtol=0)
    torch.testing.assert_close(boxes.box_from_square(boxes.box_corners(box)), box, atol=1e-3, rtol=0)


def test_a_keypoint_outside_the_box_keeps_its_place_and_loses_its_confidence():
    box = torch.tensor([100.0, 100.0, 50.0])
    keypoints = torch.tensor([[100.0, 100.0, 0.9], [125.0, 75.0, 0.8], [126.0, 100.0, 0.7]])
    normal = boxes.normalise_keypoints(keypoints, box)
    torch.testing.assert_close(normal[:, 2], torch.tensor([0.9, 0.8, 0.0]))
    torch.testing.assert_close(normal[:, :2], torch.tensor([[0.0, 0.0], [1.0, -1.0], [1.04, 0.0]]))
    assert boxes.normalise_keypoints(keypoints[:, :2], box).shape == (3, 2)


def test_a_training_box_without_jitter_is_the_tightest_allowed():
    points = torch.rand(3, 17, 2, generator=torch.Generator().manual_seed(1)) * 100
    zero, half = torch.zeros(3), torch.full((3,), 0.5)
    box = boxes.augmented_box(points, zero, half, half)
    torch.testing.assert_close(box, boxes.box_around(points, enlarge=1.05))
