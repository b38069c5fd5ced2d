"""Noise, occlusion and mirroring of training data."""

from dataclasses import replace

import numpy as np
import torch

from genmo_blender.engine.representation.rotations import axis_angle_to_matrix, rotation_angle
from genmo_blender.engine.training import augment
from genmo_blender.motion.skeleton import LEFT_RIGHT, canonical


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_mirroring_twice_changes_nothing_and_once_mirrors_joints():
    orient, pose = torch.randn(4, 3, generator=generator()), torch.randn(4, 63, generator=generator(1)) * 0.5
    once = augment.mirror_pose(orient, pose)
    twice = augment.mirror_pose(once.global_orient.flatten(-2), once.body_pose.flatten(-2))
    torch.testing.assert_close(twice.global_orient.flatten(-2), orient)
    torch.testing.assert_close(twice.body_pose.flatten(-2), pose)
    assert augment.SMPL_LEFT_RIGHT == LEFT_RIGHT
    left_arm = torch.zeros(1, 63)
    left_arm[0, (16 - 1) * 3 : 16 * 3] = torch.tensor([0.1, 0.2, 0.3])  # left shoulder
    right = augment.mirror_pose(torch.zeros(1, 3), left_arm).body_pose[0, 17 - 1]
    torch.testing.assert_close(right, torch.tensor([0.1, -0.2, -0.3]))


def test_mirrored_keypoints_swap_sides_and_count_from_the_other_border():
    keypoints = torch.rand(3, 17, 3, generator=generator()) * 100
    mirrored = augment.mirror_keypoints(keypoints, 640.0)
    torch.testing.assert_close(mirrored[:, 5, 0], 640.0 - keypoints[:, 6, 0])  # left shoulder, right shoulder
    torch.testing.assert_close(mirrored[:, 5, 1:], keypoints[:, 6, 1:])
    torch.testing.assert_close(augment.mirror_keypoints(mirrored, 640.0), keypoints, atol=1e-4, rtol=0)


def test_the_mean_of_a_pose_with_itself_is_the_pose_and_lies_half_way_otherwise():
    pose = torch.randn(5, 63, generator=generator()) * 0.4
    mean = augment.average_rotations(pose, pose)
    torch.testing.assert_close(mean, pose, atol=1e-5, rtol=0)
    half = augment.average_rotations(torch.zeros(1, 3), torch.tensor([[0.0, 1.0, 0.0]]))
    torch.testing.assert_close(half, torch.tensor([[0.0, 0.5, 0.0]]), atol=1e-5, rtol=0)


def test_keypoint_noise_has_the_size_of_the_table():
    table = augment.default_noise_table()
    draws = augment.KeypointDraws.draw(200, 30, generator())
    noise = augment.keypoint_noise(replace(draws, peak_direction=torch.zeros(3)), table)
    assert noise.shape == (200, 30, 17, 3)
    constant = noise.mean(1).std((0, 2))
    moving = (noise - noise.mean(1, keepdim=True)).std((0, 1, 3))
    np.testing.assert_allclose(constant, table.bias * 0.1, rtol=0.15)
    np.testing.assert_allclose(moving, table.jittering * 0.05, rtol=0.05)
    assert table.jittering.shape == (17,) and float(table.jittering[11]) == float(table.jittering[12])


def test_peaks_are_rare_and_all_point_one_way():
    table = augment.default_noise_table()
    uniform, direction = torch.rand(50, 40, 17, generator=generator()), torch.tensor([1.0, 2.0, 3.0])
    peaks = augment.peak_noise(uniform, direction, table)
    hit = peaks.abs().sum(-1) > 0
    assert 0.0 < float(hit.float().mean()) < 0.1
    ratio = peaks[hit] / peaks[hit][:, :1]
    torch.testing.assert_close(ratio, torch.tensor([1.0, 2.0, 3.0]).expand_as(ratio))


def test_a_hidden_shoulder_hides_the_arm_and_the_face():
    visible = torch.ones(17, dtype=torch.bool)
    visible[5] = False  # left shoulder
    hidden = torch.nonzero(~augment.hide_downstream(visible)).squeeze(-1).tolist()
    assert hidden == [0, 1, 2, 3, 4, 5, 7, 9]


def test_few_joints_are_hidden_at_random():
    visible = augment.random_visibility(torch.rand(400, 17, generator=generator()))
    assert 0.9 < float(visible[:, [5, 6, 11, 12]].float().mean()) < 0.99
    assert bool(augment.random_visibility(torch.rand(10, 17), rate=0.0).all())


def test_legs_are_hidden_for_their_while_only():
    start, length, uniform = torch.tensor([3, 10]), torch.tensor([30, 40]), torch.tensor([0.01, 0.9])
    mask = augment.hidden_legs(start, length, uniform, 120)
    assert torch.nonzero(mask[0].any(-1)).squeeze(-1).tolist() == list(range(3, 33))
    assert mask[0, 5].nonzero().squeeze(-1).tolist() == list(range(11, 17))
    assert not bool(mask[1].any())


def test_runs_are_dropped_inside_the_clip_and_again_the_same_for_a_seed():
    lengths = [120, 60, 1] * 40
    for config, whole in ((augment.FRAME_DROPS, True), (augment.JOINT_DROPS, False)):
        mask = augment.drop_runs(lengths, 120, config, np.random.RandomState(5))
        again = augment.drop_runs(lengths, 120, config, np.random.RandomState(5))
        assert bool((mask == again).all())
        dropped = (~mask).any(-1)
        assert 0.6 < float(dropped.any(-1).float().mean()) < 0.9
        assert not bool(dropped[1::3, 60:].any())
        hits = ~mask[dropped]
        assert bool(hits.all()) is whole


def test_turning_a_pose_keeps_rotations_and_has_the_spread_that_is_asked():
    rotations = axis_angle_to_matrix(torch.randn(300, 21, 3, generator=generator()) * 0.5)
    angle, axis = torch.randn(300, 21, generator=generator(1)), torch.rand(300, 21, 3, generator=generator(2))
    turned = augment.turn_randomly(rotations, angle, axis, 8.0)
    apart = torch.rad2deg(rotation_angle(rotations.transpose(-1, -2) @ turned))
    torch.testing.assert_close(apart, angle.abs() * 8.0, atol=0.05, rtol=0.01)


def test_the_keypoint_tree_hangs_on_joints_that_come_first_or_stand_alone():
    assert len(augment.COCO_ABOVE) == augment.COCO == 17
    assert sorted(augment.COCO_LEFT_RIGHT) == list(range(17))
    assert len(canonical().names) == 22
