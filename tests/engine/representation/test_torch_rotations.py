"""Rotations in torch: inverses of each other, finite gradients, the corner cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genmo_blender.engine.representation import rotations as rot
from genmo_blender.motion import rotations as ground

ANGLE = st.floats(0.0, math.pi - 1e-3)
AXIS = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: math.hypot(*v) > 0.1)


def vector(axis, angle) -> torch.Tensor:
    v = torch.tensor(axis, dtype=torch.float64)
    return v / v.norm() * angle


@settings(max_examples=200, deadline=None)
@given(AXIS, ANGLE)
def test_every_form_gives_the_axis_angle_back(axis, angle):
    v = vector(axis, angle)
    matrix = rot.axis_angle_to_matrix(v)
    torch.testing.assert_close(rot.matrix_to_axis_angle(matrix), v, atol=1e-6, rtol=0)
    torch.testing.assert_close(rot.quaternion_to_axis_angle(rot.axis_angle_to_quaternion(v)), v, atol=1e-9, rtol=0)
    torch.testing.assert_close(rot.matrix_from_6d(rot.matrix_to_6d(matrix)), matrix, atol=1e-9, rtol=0)
    assert math.isclose(float(rot.rotation_angle(matrix)), angle, abs_tol=1e-6)


@settings(max_examples=100, deadline=None)
@given(AXIS, ANGLE)
def test_the_ground_floor_rotates_the_same_way(axis, angle):
    v = vector(axis, angle)
    torch.testing.assert_close(
        rot.axis_angle_to_matrix(v), torch.from_numpy(ground.to_matrix(ground.from_rotation_vector(v.numpy())))
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6).filter(lambda x: abs(np.linalg.norm(x[:3])) > 0.1))
def test_any_six_numbers_become_a_rotation(six):
    six = torch.tensor(six, dtype=torch.float64)
    if torch.linalg.cross(six[:3], six[3:]).norm() < 1e-3:
        return
    matrix = rot.matrix_from_6d(six)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(3, dtype=torch.float64), atol=1e-9, rtol=0)
    assert float(torch.linalg.det(matrix)) == pytest.approx(1.0)


def test_half_turns_come_back_as_the_same_rotation():
    for axis in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [-1, 2, 3]):
        matrix = rot.axis_angle_to_matrix(vector(axis, math.pi))
        again = rot.axis_angle_to_matrix(rot.matrix_to_axis_angle(matrix))
        torch.testing.assert_close(again, matrix, atol=1e-6, rtol=0)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 3.0])
def test_gradients_are_finite_even_at_rest(angle):
    v = (torch.tensor([0.6, 0.0, 0.8]) * angle).requires_grad_()
    matrix = rot.axis_angle_to_matrix(v)
    (rot.matrix_to_axis_angle(matrix).sum() + rot.matrix_to_6d(matrix).sum()).backward()
    assert v.grad is not None and bool(torch.isfinite(v.grad).all())


def test_the_power_of_a_quaternion_too_long_by_a_rounding_error_is_finite():
    # spec 5.1 D22: the release's arc cosine of 1 + 1 ulp is not a number
    barely = torch.tensor([1.0 + 1.2e-7, 0.0, 0.0, 0.0])
    torch.testing.assert_close(rot.quaternion_power(barely, 0.4), torch.tensor([1.0, 0.0, 0.0, 0.0]))


def test_slerp_starts_and_ends_where_it_should():
    a, b = torch.nn.functional.normalize(torch.randn(2, 50, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    torch.testing.assert_close(rot.quaternion_slerp(a, b, 0.0), a, atol=1e-5, rtol=0)
    torch.testing.assert_close(rot.quaternion_slerp(a, b, 1.0), b, atol=1e-5, rtol=0)


def test_between_turns_one_direction_into_the_other_even_the_opposite():
    a, b = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(1))
    turned = torch.nn.functional.normalize(rot.quaternion_rotate(rot.quaternion_between(a, b), a), dim=-1)
    torch.testing.assert_close(turned, torch.nn.functional.normalize(b, dim=-1), atol=1e-5, rtol=0)
    x = torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(rot.quaternion_rotate(rot.quaternion_between(x, -x), x), -x, atol=1e-6, rtol=0)


def test_yaw_turns_forward_to_the_left():
    forward = torch.tensor([0.0, 0.0, 1.0])
    turned = rot.yaw_matrix(torch.tensor(math.pi / 2)) @ forward
    torch.testing.assert_close(turned, torch.tensor([1.0, 0.0, 0.0]), atol=1e-6, rtol=0)
