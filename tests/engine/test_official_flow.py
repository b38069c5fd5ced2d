"""The release's flow on a small network: what a person may leave out, and the switches of the quirks record."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.official_flow import OfficialModel, Timeline, condition_inputs, text_context
from genmo_blender.engine.parity.bodies import parity_body
from genmo_blender.engine.parity.framework import ParityFolder
from genmo_blender.engine.parity.networks import load_small
from genmo_blender.engine.quirks import OfficialQuirks
from genmo_blender.engine.representation.camera import CAM_ANGVEL_MEAN, estimate_intrinsics
from genmo_blender.engine.representation.codec import official_statistics
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix

FOLDER = ParityFolder(Path(__file__).parents[1] / "data" / "parity")
FRAMES = 16


@pytest.fixture(scope="module")
def model() -> OfficialModel:
    return OfficialModel(load_small(FOLDER), official_statistics(), parity_body(FOLDER), OfficialQuirks())


def footage(frames: int = FRAMES) -> Timeline:
    g = torch.Generator().manual_seed(0)
    yes = torch.ones(frames, dtype=torch.bool)
    return Timeline(
        k_fullimg=estimate_intrinsics(640, 480).expand(frames, 3, 3),
        kp2d=torch.cat([torch.rand(frames, 17, 2, generator=g) * 200 + 200, torch.ones(frames, 17, 1)], dim=-1),
        bbx_xys=torch.tensor([300.0, 300.0, 300.0]).expand(frames, 3),
        has_2d=yes,
        has_img=yes,
        has_cam=yes,
    )


def nothing(frames: int = FRAMES) -> Timeline:
    return Timeline(k_fullimg=estimate_intrinsics(640, 480).expand(frames, 3, 3))


def test_footage_without_texts_takes_the_ordinary_path(model):
    # spec 5.1 D19: the release crashes on an empty list of windows
    assert text_context(footage()) is None
    empty = replace(footage(), text_embed=torch.zeros(0, 50, 1024), windows=torch.zeros(0, 2))
    torch.testing.assert_close(model.run(empty, None).net.pred_x, model.run(footage(), None).net.pred_x)


def test_an_empty_timeline_still_gives_a_motion(model):
    result = model.run(nothing(), None)
    assert result.world.body_pose.shape == (1, FRAMES, 63)
    assert bool(torch.isfinite(result.world.transl).all())
    assert not bool(result.incam_valid.any())


def test_the_camera_is_where_a_box_says(model):
    result = model.run(footage(), None)
    assert bool(result.incam_valid.all())
    torch.testing.assert_close(result.incam.body_pose, result.world.body_pose)
    assert 0.1 < float(result.incam.transl[..., 2].min()) < 100


def test_texts_hold_in_their_windows_and_everywhere_without_windows():
    embed = torch.randn(2, 50, 1024, generator=torch.Generator().manual_seed(1))
    windows = torch.tensor([[0.0, 0.5], [0.5, 1.0]])
    context = text_context(replace(nothing(), text_embed=embed, windows=windows))
    assert context is not None
    assert context.weights[0].sum(-1).tolist() == [8.0, 8.0]
    whole = text_context(replace(nothing(), text_embed=embed[:1]))
    assert whole is not None and bool((whole.weights == 1).all())


def test_confidence_counts_before_the_box_does():
    far = replace(footage(), bbx_xys=torch.tensor([50.0, 50.0, 10.0]).expand(FRAMES, 3))
    inputs = condition_inputs(far)
    assert inputs.obs is not None and inputs.j2d_visible is not None
    assert not bool(inputs.obs[..., 2].any())
    assert bool(inputs.j2d_visible.all())


def test_a_checkpoint_of_the_down_frame_is_turned_upright(model):
    # spec 5.1 D2: half a turn about z after the roll-out
    up = model.run(nothing(), None).raw_world
    down = replace(model, quirks=replace(model.quirks, gravity_view="down")).run(nothing(), None).raw_world
    half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    torch.testing.assert_close(down.transl, up.transl @ half_turn, atol=1e-5, rtol=0)
    got, want = axis_angle_to_matrix(down.global_orient), half_turn @ axis_angle_to_matrix(up.global_orient)
    torch.testing.assert_close(got, want, atol=1e-4, rtol=0)


def test_an_unknown_camera_motion_means_a_still_camera(model):
    still = replace(footage(), cam_angvel=torch.tensor(CAM_ANGVEL_MEAN).expand(FRAMES, 6))
    torch.testing.assert_close(model.run(footage(), None).world.transl, model.run(still, None).world.transl)


def test_the_clean_up_of_the_release_and_ours_differ(model):
    official = replace(model, quirks=OfficialQuirks.official())
    a, b = model.run(footage(), None), official.run(footage(), None)
    torch.testing.assert_close(a.net.pred_x, b.net.pred_x)
    assert float((a.world.body_pose - b.world.body_pose).abs().max()) > 1e-3
