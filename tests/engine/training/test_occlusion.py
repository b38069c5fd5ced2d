import pytest
import torch

from genmo_blender.engine.training.augment import COCO_ABOVE, FRAME_DROPS, JOINT_DROPS, LEGS
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.occlusion import _hidden_runs, draw_visibility

LENGTH = torch.full((3000,), 120)


def seeded(seed=0, n=3000):
    return Draws([torch.Generator().manual_seed(seed)], n)


def test_hidden_runs_have_the_releases_rates_and_lengths():
    hidden = _hidden_runs(LENGTH, 120, FRAME_DROPS, seeded())[..., 0]
    touched = hidden.any(-1)
    assert float(touched.float().mean()) == pytest.approx(0.75, abs=0.03)
    # one to three runs of 1 to 30 frames, which may touch
    share = hidden.float().mean()
    assert float(share) == pytest.approx(0.75 * 2 * 15.5 / 120, abs=0.02)
    assert 30 < int(hidden.sum(-1).max()) <= 90
    joints = _hidden_runs(LENGTH, 120, JOINT_DROPS, seeded(1))
    # at a quarter each, some joint is hidden in nearly every run
    assert float(joints.any(-1).any(-1).float().mean()) == pytest.approx(0.75, abs=0.04)
    shoulder = joints[..., 5].float().mean() / joints.any(-1).float().mean()
    assert float(shoulder) == pytest.approx(0.27, abs=0.03)


def test_short_clips_are_hidden_within_their_frames():
    length = torch.full((2000,), 12)
    hidden = _hidden_runs(length, 120, FRAME_DROPS, seeded(n=2000))[..., 0]
    assert hidden[:, :12].any() and not hidden[:, 12:].any()


def test_what_hangs_on_a_hidden_joint_is_hidden_too():
    visible = draw_visibility(LENGTH, 120, seeded())
    for joint, above in enumerate(COCO_ABOVE):
        for upper in above:
            assert not (visible[..., joint] & ~visible[..., upper]).any()


def test_legs_alone_are_out_of_the_picture_in_three_of_a_hundred_clips():
    visible = draw_visibility(torch.full((20000,), 120), 120, seeded(2, 20000))
    no_legs = ~visible[..., LEGS].any(-1) & visible[..., 5:7].any(-1)
    long = no_legs.float().cumsum(1)
    long = (long[:, 30:] - long[:, :-30]).amax(1) >= 29
    assert float(long.float().mean()) == pytest.approx(0.03, abs=0.006)


def test_most_joints_are_seen_and_the_seed_decides_which():
    visible = draw_visibility(LENGTH, 120, seeded())
    assert 0.65 < float(visible.float().mean()) < 0.75
    assert torch.equal(visible, draw_visibility(LENGTH, 120, seeded()))
    assert not torch.equal(visible, draw_visibility(LENGTH, 120, seeded(1)))
