"""Kinematics and the free body in torch."""

import numpy as np
import pytest
import torch

from genmo_blender.engine.body.free_body import LEFT_EAR, NOSE_TIP, RIGHT_EAR, FreeBody, load_free_body
from genmo_blender.engine.body.kinematics import PARENTS_22, forward_kinematics, rest_offsets
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, matrix_to_quaternion
from genmo_blender.motion import kinematics as ground
from genmo_blender.motion.skeleton import canonical


@pytest.fixture(scope="module")
def body() -> FreeBody:
    return load_free_body()


def some_pose(*shape: int, joints: int = 22) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    return axis_angle_to_matrix(torch.randn(*shape, joints, 3, generator=g) * 0.4)


def test_joints_are_where_the_ground_floor_puts_them():
    pose, path = some_pose(7), torch.randn(7, 3, generator=torch.Generator().manual_seed(1))
    offsets = torch.tensor(canonical().offsets, dtype=torch.float32).expand(7, 22, 3)
    offsets = torch.cat([path.unsqueeze(1), offsets[:, 1:]], dim=1)
    _, joints = forward_kinematics(pose, offsets, PARENTS_22)
    expected = ground.joint_positions(canonical(), matrix_to_quaternion(pose).double().numpy(), path.double().numpy())
    np.testing.assert_allclose(joints.numpy(), expected, atol=1e-5)


def test_the_tree_is_the_canonical_skeletons(body):
    assert PARENTS_22 == canonical().parents == body.parents[:22]


def test_bones_keep_their_length_and_turning_the_root_turns_everything(body):
    pose, path = some_pose(3), torch.zeros(3, 3)
    _, joints = body.pose(pose, path)
    rest = rest_offsets(body.rest_joints, body.parents)
    bones = joints[:, 1:] - joints[:, list(body.parents[1:])]
    torch.testing.assert_close(bones.norm(dim=-1), rest[1:].norm(dim=-1).expand(3, 54), atol=1e-5, rtol=0)
    turn = axis_angle_to_matrix(torch.tensor([0.2, 1.0, -0.4]))
    turned = pose.clone()
    turned[:, 0] = turn @ pose[:, 0]
    torch.testing.assert_close(body.pose(turned, path)[1], joints @ turn.T, atol=1e-5, rtol=0)


def test_the_rest_pose_is_the_rest_mesh_wherever_the_pelvis_is_put(body):
    rest = torch.eye(3).expand(1, 22, 3, 3)
    place = torch.tensor([[1.0, 2.0, 3.0]])
    expected = body.rest_vertices - body.rest_joints[0] + place
    torch.testing.assert_close(body.vertices(rest, place)[0], expected, atol=1e-5, rtol=0)


def test_chosen_vertices_are_those_of_the_whole_mesh(body):
    ids = torch.tensor([NOSE_TIP, 3, 9000])
    shape = torch.randn(1, 6, generator=torch.Generator().manual_seed(3)) * 0.5
    whole = body.vertices(some_pose(1), torch.zeros(1, 3), shape)
    torch.testing.assert_close(body.vertices(some_pose(1), torch.zeros(1, 3), shape, ids), whole[:, ids])


def test_height_makes_taller_and_leaves_the_pelvis_where_it_is_told(body):
    rest, place = torch.eye(3).expand(1, 22, 3, 3), torch.tensor([[0.0, 1.0, 0.0]])
    tall = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    taller, plain = body.vertices(rest, place, tall)[0], body.vertices(rest, place)[0]
    height = [float(v[:, 1].max() - v[:, 1].min()) for v in (taller, plain)]
    assert height[0] - height[1] == pytest.approx(0.14, abs=0.03)
    torch.testing.assert_close(body.pose(rest, place, tall)[1][0, 0], place[0])


def test_keypoints_of_the_head_lie_where_a_face_has_them(body):
    rest, place = torch.eye(3).expand(1, 22, 3, 3), torch.zeros(1, 3)
    nose, left_eye, right_eye, left_ear, right_ear = body.coco17(rest, place)[0, :5]
    assert nose[2] > left_eye[2] > left_ear[2]
    assert left_ear[0] > left_eye[0] > 0 > right_eye[0] > right_ear[0]
    assert abs(float(nose[0])) < 1e-3
    torch.testing.assert_close(left_ear * torch.tensor([-1.0, 1.0, 1.0]), right_ear, atol=1e-4, rtol=0)
    assert body.rest_vertices[LEFT_EAR, 1] == pytest.approx(float(body.rest_vertices[RIGHT_EAR, 1]), abs=1e-5)


def test_the_other_keypoints_are_joints(body):
    pose, place = some_pose(2), torch.zeros(2, 3)
    joints = body.pose(pose, place)[1]
    torch.testing.assert_close(body.coco17(pose, place)[:, 9], joints[:, 20])  # left wrist
    torch.testing.assert_close(body.coco17(pose, place)[:, 16], joints[:, 8])  # right ankle
