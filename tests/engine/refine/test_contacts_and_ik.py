"""The release's clean-up: still joints, floor, cyclic coordinate descent, and the switches of spec 5.1."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.body.kinematics import PARENTS_22, forward_kinematics
from genmo_blender.engine.body.smplx_body import SmplxBody, load_smplx
from genmo_blender.engine.quirks import OfficialQuirks
from genmo_blender.engine.refine.contacts import STATIC_JOINTS, static_joints, still_root
from genmo_blender.engine.refine.ik import OFFICIAL_LIMBS, TOE_LIMBS, held_targets, lock_limbs, solve_chain
from genmo_blender.engine.refine.official_cleanup import clean_up
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix

BODY = Path(__file__).parents[2] / "data" / "parity" / "body_open.npz"


@pytest.fixture(scope="module")
def body() -> SmplxBody:
    return load_smplx(BODY)


@pytest.fixture
def motion() -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(11)

    def walk(*shape: int, step: float) -> torch.Tensor:
        return torch.cumsum(torch.randn(*shape, generator=g) * step, dim=1)

    return {
        "body_pose": walk(2, 40, 63, step=0.03),
        "betas": torch.randn(2, 1, 10, generator=g).expand(2, 40, 10) * 0.3,
        "global_orient": walk(2, 40, 3, step=0.03),
        "transl": walk(2, 40, 3, step=0.02),
        "static_conf_logits": torch.randn(2, 40, 6, generator=g) * 3,
    }


def test_slow_joints_are_static_and_the_last_frame_repeats():
    speed = torch.tensor([0.1, 0.2, 0.1, 0.1])  # m/s
    joints = torch.zeros(4, 1, 3)
    joints[:, 0, 0] = torch.cumsum(speed * 0.033, 0)
    assert static_joints(joints).squeeze(-1).tolist() == [False, True, True, True]


def test_a_batch_is_cleaned_as_each_of_its_samples_alone(body, motion):
    # spec 5.1 D21: the release subtracts the floor rightly for a batch of one only
    joints = body.joints22(motion["body_pose"], motion["betas"], motion["global_orient"], motion["transl"])
    logits = motion["static_conf_logits"]
    both = still_root(logits, motion["transl"], joints)
    alone = [still_root(logits[i : i + 1], motion["transl"][i : i + 1], joints[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(both, torch.cat(alone))


def test_a_certain_foot_takes_its_drift_out_of_the_root():
    length, slide = 60, 0.01
    transl = torch.zeros(1, length, 3)
    transl[0, :, 0] = slide * torch.arange(length)
    joints = torch.zeros(1, length, 22, 3) + transl.unsqueeze(2)
    logits = torch.full((1, length, 6), -9.0)
    logits[..., 1] = 9.0
    torch.testing.assert_close(still_root(logits, transl, joints), torch.zeros_like(transl), atol=1e-4, rtol=0)
    nothing = still_root(torch.full_like(logits, -9.0), transl, joints)
    torch.testing.assert_close(nothing[0, 20:40, 0], transl[0, 20:40, 0], atol=1e-4, rtol=0)


def test_the_release_puts_the_lowest_joint_on_the_floor_and_we_the_soles(body, motion):
    heights = {}
    for lowest_joint in (True, False):
        quirks = replace(OfficialQuirks(), ground_lowest_joint=lowest_joint)
        transl = clean_up(body, **motion, quirks=quirks).transl
        joints = body.joints22(motion["body_pose"], motion["betas"], motion["global_orient"], transl)
        heights[lowest_joint] = joints[..., 1], joints[..., 1] - body.sole_clearance()
    torch.testing.assert_close(heights[True][0].amin((1, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(heights[False][1].amin((1, 2)), torch.zeros(2), atol=1e-5, rtol=0)


def test_held_targets_follow_the_recurrence():
    g = torch.Generator().manual_seed(0)
    planted, logits = torch.randn(1, 37, 6, 3, generator=g), torch.randn(1, 37, 6, generator=g) * 3
    expected = [planted[:, 0]]
    for t in range(1, 37):
        hold = torch.sigmoid(logits[:, t - 1]).unsqueeze(-1)
        expected.append(expected[-1] * hold + planted[:, t] * (1 - hold))
    torch.testing.assert_close(held_targets(planted, logits), torch.stack(expected, 1), atol=1e-5, rtol=0)


def leg(body: SmplxBody) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A bent left leg: local rotations, offsets and places of its five joints."""
    chain = OFFICIAL_LIMBS[0].joints
    pose = axis_angle_to_matrix(torch.randn(8, 22, 3, generator=torch.Generator().manual_seed(4)) * 0.3)
    offsets = body.offsets22(torch.zeros(8, 10), torch.zeros(8, 3))
    joints = forward_kinematics(pose, offsets, PARENTS_22)[1]
    return pose[:, chain], offsets[:, chain], joints[:, chain]


def places(local: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    return forward_kinematics(local, offsets, (-1, 0, 1, 2, 3))[1]


def test_a_chain_comes_nearer_to_its_target_and_keeps_its_root(body):
    local, offsets, now = leg(body)
    target = now[:, 3] + torch.tensor([0.05, 0.03, 0.04])
    solved = solve_chain(local, offsets, {3: target})
    before, after = ((p[:, 3] - target).norm(dim=-1) for p in (now, places(solved, offsets)))
    assert bool((after < before).all()) and float(after.mean()) < 0.5 * float(before.mean())
    torch.testing.assert_close(solved[:, 0], local[:, 0])
    identity = solved @ solved.transpose(-1, -2)
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)


def test_a_target_that_is_reached_already_changes_nothing(body):
    local, offsets, now = leg(body)
    torch.testing.assert_close(solve_chain(local, offsets, {3: now[:, 3]}), local, atol=1e-3, rtol=0)


def test_the_ankle_turns_only_where_the_toe_counts(body):
    # spec 5.1 D10
    local, offsets, now = leg(body)
    move = torch.tensor([0.02, 0.0, 0.05])
    official = solve_chain(local, offsets, {3: now[:, 3] + move})
    torch.testing.assert_close(official[:, 3], local[:, 3], atol=1e-6, rtol=0)
    whole = solve_chain(local, offsets, {3: now[:, 3] + move, 4: now[:, 4] + move})
    assert float((whole[:, 3] - local[:, 3]).abs().max()) > 1e-3
    toe = [float((places(x, offsets)[:, 4] - now[:, 4] - move).norm(dim=-1).mean()) for x in (official, whole)]
    assert toe[1] < toe[0]


@pytest.mark.parametrize("limbs", [OFFICIAL_LIMBS, TOE_LIMBS])
def test_locked_limbs_stay_nearer_to_where_they_stood(body, motion, limbs):
    pose = torch.cat([motion["global_orient"], motion["body_pose"]], dim=-1).unflatten(-1, (22, 3))
    rotations, offsets = axis_angle_to_matrix(pose), body.offsets22(motion["betas"], motion["transl"])
    logits = torch.full((2, 40, 6), 4.0)
    before = forward_kinematics(rotations, offsets, PARENTS_22)[1][:, :, [7, 8, 20, 21]]
    after = forward_kinematics(lock_limbs(rotations, offsets, logits, limbs), offsets, PARENTS_22)[1]
    assert set(STATIC_JOINTS) >= {7, 8, 20, 21}
    travel = [x.diff(dim=1).norm(dim=-1).mean() for x in (before, after[:, :, [7, 8, 20, 21]])]
    assert travel[1] < 0.9 * travel[0]


def test_both_kinds_of_clean_up_are_finite_and_differ(body, motion):
    official = clean_up(body, **motion, quirks=OfficialQuirks.official())
    ours = clean_up(body, **motion, quirks=OfficialQuirks())
    for clean in (official, ours):
        assert bool(torch.isfinite(clean.body_pose).all() and torch.isfinite(clean.transl).all())
    assert float((official.body_pose - ours.body_pose).abs().max()) > 1e-3
