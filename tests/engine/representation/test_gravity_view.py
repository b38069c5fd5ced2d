"""The gravity-view frame and changes of frame."""

import pytest
import torch

from genmo_blender.engine.representation import gravity_view as gv
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, yaw_matrix

# A level camera of a y-up world: its y points down, so the world's up is its -y.
LEVEL = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))


def some_cameras(count: int = 20) -> torch.Tensor:
    return axis_angle_to_matrix(torch.randn(count, 3, generator=torch.Generator().manual_seed(5)))


def test_up_is_up_for_every_camera():
    cameras = some_cameras()
    up = gv.camera_to_gravity_view(cameras) @ cameras @ torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(up, torch.tensor([0.0, 1.0, 0.0]).expand(20, 3), atol=1e-5, rtol=0)


def test_forward_of_the_camera_lies_ahead_and_nothing_of_it_sideways():
    ahead = gv.camera_to_gravity_view(some_cameras())[..., :, 2]
    torch.testing.assert_close(ahead[:, 0], torch.zeros(20), atol=1e-5, rtol=0)
    assert bool((ahead[:, 2] >= 0).all())


def test_where_the_camera_looks_on_the_compass_does_not_matter():
    camera = some_cameras(1)[0]
    turned = camera @ yaw_matrix(torch.tensor(1.2))
    torch.testing.assert_close(gv.camera_to_gravity_view(turned), gv.camera_to_gravity_view(camera), atol=1e-5, rtol=0)


def test_a_level_camera_sees_an_upright_person_upright_in_the_up_frame_and_inverted_in_the_down_frame():
    upright = gv.camera_to_gravity_view(LEVEL) @ LEVEL
    assert float(upright[1, 1]) == pytest.approx(1.0)
    down = gv.camera_to_gravity_view(LEVEL, view="down") @ LEVEL
    assert float(down[1, 1]) == pytest.approx(-1.0)


def test_the_down_frame_is_half_a_turn_about_z_away_and_reorient_brings_it_back():
    cameras = some_cameras()
    up, down = gv.camera_to_gravity_view(cameras), gv.camera_to_gravity_view(cameras, view="down")
    torch.testing.assert_close(torch.diag(torch.tensor([-1.0, -1.0, 1.0])) @ down, up)
    # Not only for rotations: a path comes back, too.
    orient, path = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(1))
    there = gv.reorient(orient * 0.3, path, "ay->any")
    back = gv.reorient(*there, "any->ay")
    torch.testing.assert_close(back[0], orient * 0.3, atol=1e-5, rtol=0)
    torch.testing.assert_close(back[1], path, atol=1e-5, rtol=0)


def test_a_camera_that_looks_straight_down_still_has_a_frame():
    down = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    frame = gv.camera_to_gravity_view(down)
    torch.testing.assert_close(frame @ frame.T, torch.eye(3), atol=1e-6, rtol=0)


def test_the_camera_is_found_again_from_the_root_it_moved():
    g = torch.Generator().manual_seed(2)
    orient, path, offset = torch.randn(6, 3, generator=g), torch.randn(6, 3, generator=g), torch.randn(3, generator=g)
    camera = torch.eye(4).repeat(6, 1, 1)
    camera[:, :3, :3], camera[:, :3, 3] = some_cameras(6), torch.randn(6, 3, generator=g)
    seen = gv.root_to_camera(orient, path, camera, offset)
    torch.testing.assert_close(gv.camera_from_roots(orient, path, *seen, offset), camera, atol=1e-5, rtol=0)


def test_the_facing_frame_and_its_inverse_undo_each_other():
    joints = torch.randn(4, 22, 3, generator=torch.Generator().manual_seed(4))
    both = gv.facing_frame(joints) @ gv.facing_frame(joints, inverse=True)
    torch.testing.assert_close(both, torch.eye(4).expand(4, 4, 4), atol=1e-6, rtol=0)
