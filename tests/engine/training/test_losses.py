"""The release's targets and losses: zero where the network is right, and each mask where it belongs."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.body.smplx_body import LiteBody, load_smplx
from genmo_blender.engine.network.heads import NetworkOutput
from genmo_blender.engine.quirks import OfficialQuirks
from genmo_blender.engine.representation import codec
from genmo_blender.engine.representation.boxes import box_around
from genmo_blender.engine.representation.camera import estimate_intrinsics, project, weak_perspective
from genmo_blender.engine.representation.gravity_view import camera_to_gravity_view, root_to_camera
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix
from genmo_blender.engine.training.losses import Losses, LossWeights, Targets, TrueMotion, losses, targets

BODY = Path(__file__).parents[2] / "data" / "parity" / "body_open.npz"
STATISTICS = codec.official_statistics()


@pytest.fixture(scope="module")
def lite() -> LiteBody:
    with np.load(BODY) as data:
        ids, regressor = torch.from_numpy(data["verts437_ids"]), torch.from_numpy(data["coco17_regressor"])
    return LiteBody.build(load_smplx(BODY), ids, regressor)


@pytest.fixture
def true(lite: LiteBody) -> TrueMotion:
    """Two people about five metres from a level camera; the last frames of the second are padding."""
    g, batch, frames = torch.Generator().manual_seed(0), 2, 12

    def walk(channels: int, step: float) -> torch.Tensor:
        return torch.cumsum(torch.randn(batch, frames, channels, generator=g) * step, dim=1)

    pose, betas = walk(63, 0.03), torch.zeros(batch, frames, 10)
    orient_w, transl_w = walk(3, 0.05), walk(3, 0.02)
    camera = torch.eye(4).expand(batch, frames, 4, 4).clone()
    camera[..., :3, :3] = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    camera[..., 2, 3] = 5.0
    offset = lite.body.rest_joints(betas, 1)[..., 0, :]
    orient_c, transl_c = root_to_camera(orient_w, transl_w, camera, offset)
    k = estimate_intrinsics(640, 480).expand(batch, frames, 3, 3)
    box = box_around(project(lite(pose, betas, orient_c, transl_c)[0], k))
    valid = torch.ones(batch, frames, dtype=torch.bool)
    valid[1, 8:] = False
    no = torch.zeros(batch, dtype=torch.bool)
    gv = camera_to_gravity_view(camera[..., :3, :3])
    return TrueMotion(pose, betas, orient_c, transl_c, orient_w, transl_w, gv, k, box, valid, no, no)


def perfect(true: TrueMotion, target: Targets) -> NetworkOutput:
    camera = weak_perspective(true.transl_c, true.bbx_xys, true.k_fullimg)
    logits = (target.static * 2 - 1) * 50
    return NetworkOutput(target.x, camera, logits, target.x[..., :1])


def computed(true: TrueMotion, lite: LiteBody, change=lambda out: out, quirks=None) -> Losses:
    target = targets(true, lite, STATISTICS, quirks or OfficialQuirks())
    return losses(change(perfect(true, target)), true, target, lite, STATISTICS)


def test_a_network_that_is_right_has_no_loss(true, lite):
    found = computed(true, lite)
    for field in fields(found):
        assert float(getattr(found, field.name)) < 1e-5, field.name


def test_the_velocity_of_the_release_contradicts_its_own_world_loss(true, lite):
    # spec 5.1 D1
    bug = OfficialQuirks(velocity_without_transpose=True)
    assert float(computed(true, lite, quirks=bug).transl_w) > 1e-3


def test_padding_counts_nowhere(true, lite):
    def spoil(out: NetworkOutput) -> NetworkOutput:
        x, camera, logits = out.pred_x.clone(), out.pred_cam.clone(), out.static_conf_logits.clone()
        x[1, 8:], camera[1, 8:], logits[1, 8:] = 3.0, 9.0, 9.0
        return NetworkOutput(x, camera, logits, out.pred_context)

    found = computed(true, lite, spoil)
    for field in fields(found):
        assert float(getattr(found, field.name)) < 1e-5, field.name


def test_losses_are_means_over_masked_entries_too(true, lite):
    # spec 5.1 D14
    half = replace(true, valid=true.valid & (torch.arange(12) < 6))

    def shift(out: NetworkOutput) -> NetworkOutput:
        return replace(out, pred_x=out.pred_x + 1.0)

    full, part = computed(true, lite, shift).simple, computed(half, lite, shift).simple
    assert float(part / full) == pytest.approx(float(half.valid.sum() / true.valid.sum()))


@pytest.mark.parametrize(("quirk", "judged"), [(False, 142), (True, 136)])
def test_without_a_world_the_world_channels_are_not_judged(true, lite, quirk, judged):
    # spec 5.1 D15
    camera_only = replace(true, spv_incam_only=torch.tensor([True, False]))
    target = targets(camera_only, lite, STATISTICS, OfficialQuirks(mask_local_orient_2d=quirk))
    assert int(target.x_mask[0, 0].sum()) == judged
    assert bool(target.x_mask[1, 0].all()) and not bool(target.x_mask[1, 9].any())


def test_unknown_contacts_and_missing_worlds_give_no_contact_loss(true, lite):
    def wrong(out: NetworkOutput) -> NetworkOutput:
        return replace(out, static_conf_logits=-out.static_conf_logits)

    assert float(computed(true, lite, wrong).static_conf_bce) > 1.0
    for field in ("invalid_contact", "spv_incam_only"):
        blind = replace(true, **{field: torch.ones(2, dtype=torch.bool)})
        assert float(computed(blind, lite, wrong).static_conf_bce) == 0.0


def test_a_box_of_size_zero_gives_no_camera_loss_and_no_nan(true, lite):
    empty = replace(true, bbx_xys=true.bbx_xys * 0)
    target = targets(empty, lite, STATISTICS, OfficialQuirks())
    out = replace(perfect(true, target), pred_cam=torch.ones(2, 12, 3))
    found = losses(out, empty, target, lite, STATISTICS)
    assert float(found.transl_c) == 0.0
    assert bool(torch.isfinite(found.total(LossWeights())))


def test_a_better_pose_has_less_loss_in_every_geometric_term(true, lite):
    def off(amount: float):
        def change(out: NetworkOutput) -> NetworkOutput:
            x = out.pred_x.clone()
            x[..., :126] += amount * torch.randn(126, generator=torch.Generator().manual_seed(2))
            return replace(out, pred_x=x)

        return change

    near, far = computed(true, lite, off(0.05)), computed(true, lite, off(0.3))
    for name in ("simple", "cr_j3d", "j2d", "cr_verts", "verts2d"):
        assert 0 < float(getattr(near, name)) < float(getattr(far, name)), name


def test_the_total_weighs_each_term(true, lite):
    found = computed(true, lite, lambda out: replace(out, pred_x=out.pred_x + 0.1))
    nothing = LossWeights(*[0.0] * 8)
    assert float(found.total(nothing)) == 0.0
    assert float(found.total(replace(nothing, j2d=3.0))) == pytest.approx(3.0 * float(found.j2d))


def test_gradients_reach_every_head(true, lite):
    target = targets(true, lite, STATISTICS, OfficialQuirks())
    tensors = [t.clone().requires_grad_() for t in (target.x + 0.1, torch.ones(2, 12, 3) * 0.9, torch.zeros(2, 12, 6))]
    out = NetworkOutput(*tensors, target.x[..., :1])
    losses(out, true, target, lite, STATISTICS).total(LossWeights()).backward()
    for tensor in tensors:
        assert tensor.grad is not None and bool(torch.isfinite(tensor.grad).all()) and float(tensor.grad.norm()) > 0


def test_static_targets_are_joints_that_hardly_move(true, lite):
    frozen = {name: getattr(true, name)[:, :1].expand_as(getattr(true, name)) for name in ("body_pose", "transl_w")}
    still = replace(true, **frozen, global_orient_w=true.global_orient_w[:, :1].expand_as(true.global_orient_w))
    assert bool(targets(still, lite, STATISTICS, OfficialQuirks()).static.all())
    fast = replace(still, transl_w=still.transl_w + torch.arange(12.0)[:, None])
    assert not bool(targets(fast, lite, STATISTICS, OfficialQuirks()).static.any())
    assert axis_angle_to_matrix(true.global_orient_w).shape == (2, 12, 3, 3)
