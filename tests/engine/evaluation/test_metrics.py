"""Error metrics: known answers on motions made by hand."""

import math

import pytest
import torch

from genmo_blender.engine.evaluation import metrics, music_metrics
from genmo_blender.engine.evaluation.alignment import align_clip, align_each, fit_similarity
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix


def motion(frames: int = 120, joints: int = 24, seed: int = 0) -> torch.Tensor:
    return torch.randn(frames, joints, 3, generator=torch.Generator().manual_seed(seed))


def moved(points: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    turn = axis_angle_to_matrix(torch.tensor([0.3, -1.0, 0.5]))
    return scale * points @ turn.T + torch.tensor([1.0, 2.0, 3.0])


def test_a_similarity_is_found_again_with_its_scale():
    points = motion(6)
    fit = fit_similarity(points, moved(points, 1.7))
    torch.testing.assert_close(fit.scale.flatten(), torch.full((6,), 1.7))
    torch.testing.assert_close(fit(points), moved(points, 1.7), atol=1e-4, rtol=0)


def test_a_mirrored_body_is_never_fitted_by_a_reflection():
    points = motion(4)
    fit = fit_similarity(points, points * torch.tensor([-1.0, 1.0, 1.0]))
    torch.testing.assert_close(torch.linalg.det(fit.rotation), torch.ones(4))


def test_a_rigid_fit_keeps_the_size():
    points = motion(5)
    fit = fit_similarity(points, moved(points, 2.0), fixed_scale=True)
    torch.testing.assert_close(fit.scale.flatten(), torch.ones(5))


def test_clips_are_aligned_as_one_and_frames_each_alone():
    points = motion(20)
    torch.testing.assert_close(align_each(points, moved(points)), moved(points), atol=1e-4, rtol=0)
    torch.testing.assert_close(align_clip(points, moved(points)), moved(points), atol=1e-4, rtol=0)
    torch.testing.assert_close(align_clip(points, moved(points), 2), moved(points), atol=1e-4, rtol=0)
    drifting = points + torch.linspace(0, 1, 20)[:, None, None]
    first = metrics.joint_error(align_clip(drifting, points, 2), points).mean(-1)
    assert float(first[0]) < float(first[-1])


def test_a_perfect_prediction_has_no_error_in_the_world_whatever_its_frame():
    true = motion(230)
    feet = true[:, :4]
    found = metrics.world_metrics(moved(true, 1.3), true, moved(feet), feet)
    assert float(found["wa2_mpjpe"].max()) < 0.01 and float(found["waa_mpjpe"].max()) < 0.01
    assert found["wa2_mpjpe"].shape == found["rte"].shape == (230,)
    assert found["jitter"].shape == (227,)
    exact = metrics.world_metrics(moved(true), true, moved(feet), feet)
    assert float(exact["rte"].max()) < 1e-3


def test_camera_errors_are_about_the_pelvis_and_in_millimetres():
    true = motion(40)
    vertices = motion(40, 60, seed=1)
    away = torch.tensor([5.0, 0.0, 0.0])
    same = metrics.camera_metrics(true + away, true, vertices + away, vertices)
    assert all(float(value.max()) < 0.01 for value in same.values())
    arm = true.clone()
    arm[:, 20] += torch.tensor([0.0, 0.24, 0.0])
    one = metrics.camera_metrics(arm, true, vertices, vertices)
    assert float(one["mpjpe"].mean()) == pytest.approx(10.0, abs=1e-3)
    turned = metrics.camera_metrics(moved(true), true, vertices, vertices)
    assert float(turned["mpjpe"].mean()) > 100 and float(turned["pa_mpjpe"].mean()) < 0.01
    assert float(one["accel"].mean()) == pytest.approx(0.0, abs=1e-2)


def test_masked_frames_are_cut_out_before_anything_else():
    true, wrong = motion(60), motion(60)
    wrong[10:20] += 3.0
    mask = torch.ones(60, dtype=torch.bool)
    mask[10:20] = False
    vertices = motion(60, 30, seed=2)
    found = metrics.camera_metrics(wrong, true, vertices, vertices, mask)
    assert found["mpjpe"].shape == (50,) and found["accel"].shape == (48,)
    assert float(found["mpjpe"].max()) < 1e-3


def test_acceleration_uses_only_frames_whose_neighbours_are_valid():
    true = motion(12)
    valid = torch.ones(12, dtype=torch.bool)
    valid[5] = False
    assert metrics.acceleration_error(true, true, valid=valid).shape == (7,)


def test_a_jerk_free_motion_has_no_jitter_and_a_known_one_its_own():
    time = torch.arange(50, dtype=torch.float64) / 30
    smooth = torch.stack([time, time**2, 3 * time], dim=-1)[:, None].expand(50, 5, 3)
    assert float(metrics.jitter(smooth).max()) < 1e-6
    cubic = torch.stack([time**3, 0 * time, 0 * time], dim=-1)[:, None]
    torch.testing.assert_close(metrics.jitter(cubic), torch.full((47,), 0.6, dtype=torch.float64))


def test_feet_slide_only_while_the_true_ones_stand():
    true = torch.zeros(10, 4, 3)
    true[5:, 0, 0] = torch.arange(5.0) * 0.1
    slipping = torch.zeros(10, 4, 3)
    slipping[:, :, 2] = torch.arange(10.0)[:, None] * 0.003
    slide = metrics.foot_slide(slipping, true)
    assert slide.shape == (3 * 9 + 5,)
    torch.testing.assert_close(slide, torch.full((32,), 3.0))


def test_hands_lie_beyond_the_wrists():
    joints = motion(3, 22)
    whole = metrics.with_hands(joints)
    assert whole.shape == (3, 24, 3)
    forearm, hand = joints[:, 20] - joints[:, 18], whole[:, 22] - joints[:, 20]
    torch.testing.assert_close(hand, forearm * 0.3438)


def swaying(frames: int = 240, period: int = 30) -> torch.Tensor:
    """All joints swing left and right; they are slowest at the turning points, every half period."""
    x = torch.sin(2 * math.pi * torch.arange(frames) / period)
    joints = torch.zeros(frames, 24, 3)
    joints[..., 0] = x[:, None]
    return joints


def test_beats_of_a_swing_are_its_turning_points():
    beats = music_metrics.motion_beats(swaying(period=60))
    inside = beats[(beats > 20) & (beats < 220)]
    assert bool((inside.diff() == 30).all())
    off = (inside - 15) % 30
    assert bool(((off <= 1) | (off >= 29)).all())


def test_music_on_the_motion_beats_scores_one_and_off_them_less():
    joints = swaying(period=60)
    beats = music_metrics.motion_beats(joints)
    assert float(music_metrics.beat_alignment(joints, beats)) == pytest.approx(1.0)
    assert float(music_metrics.beat_alignment(joints, beats[1:-1] + 15)) < 0.01
    assert float(music_metrics.beat_alignment(joints, beats[:0])) == 0.0


def test_a_standing_foot_explains_any_push():
    joints = swaying(frames=60)
    joints[:, [7, 10]] = 0.0
    assert float(music_metrics.physical_foot_contact(joints)) == 0.0
    skating = swaying(frames=60)
    assert float(music_metrics.physical_foot_contact(skating)) > 1.0
