"""Footage, keys and goals in one batch, through the network and back: what a training step does with them."""

from dataclasses import replace

import torch

from genmo_blender.engine.body.filmed_body import FilmedBody
from genmo_blender.engine.body.free_body import load_free_body
from genmo_blender.engine.conditions.between import between_keys
from genmo_blender.engine.conditions.keys import key_channels
from genmo_blender.engine.network.conditions import DropDraws, drop_conditions
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.representation.codec import decode_rotations
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.footage import camera_terms, film, observe
from genmo_blender.engine.training.keys import draw_keys
from genmo_blender.engine.training.root_goals import draw_waypoints, training_goals
from genmo_blender.model.config import NetworkConfig
from tests.engine.training.real_batches import FRAMES, real_batch

SAMPLES = 8
ROWS = torch.tensor([0, 3, 5, 6])


def test_one_regression_pass_reaches_every_embedder_that_has_something_to_say():
    torch.manual_seed(0)
    config = replace(NetworkConfig.mini(), latent_dim=32, layers=1, heads=2, text_dim=8, text_tokens=4)
    network = GenmoNetwork(config).train()
    for parameter in network.conditions.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    plain, statistics = real_batch(SAMPLES)
    generator = torch.Generator().manual_seed(1)
    draws = Draws([generator], SAMPLES)

    batch, made = film(plain, ROWS, statistics, FilmedBody.of(load_free_body()), draws)
    sight = observe(made, SAMPLES, draws)
    keys = draw_keys(batch.length, FRAMES, 0.5, draws)
    waypoints = draw_waypoints(batch.length, FRAMES, 0.5, draws)
    path = roll_out_translation(batch.velocity * batch.valid[..., None], batch.root)
    filmed = torch.zeros(SAMPLES, dtype=torch.bool).index_fill(0, ROWS, True)
    mask = key_channels(keys, ~filmed)
    goals = training_goals(batch.root, path, keys[..., 0], waypoints, made.gv_to_world.mT)
    between = between_keys(batch.x0, mask, goals, statistics)
    inputs = replace(sight.inputs, key_mask=mask, root_goal=goals, between=between)
    drawn = DropDraws.draw(config, SAMPLES, FRAMES, True, generator)
    inputs = drop_conditions(inputs, drawn, torch.zeros(SAMPLES, dtype=torch.bool), True)

    f_cond = network.conditions.f_cond(inputs, SAMPLES, FRAMES)
    prepared = network.denoiser.prepare(f_cond, None, batch.length, between=between)
    last = torch.full((SAMPLES,), 999)
    out = network.denoiser(torch.zeros_like(batch.x0), last, prepared, batch.x0, mask)
    said = decode_rotations(out.pred_x[ROWS], statistics)
    joints = batch.joints[ROWS] + out.pred_x[ROWS, :, :66].unflatten(-1, (22, 3)) * 1e-3
    terms = camera_terms(out.pred_cam[ROWS], joints, said.root_gv, said.root_camera, made, sight, SAMPLES)
    simple = ((out.pred_x - batch.x0) ** 2 * batch.valid[..., None]).mean()
    (simple + terms["camera"] + terms["reprojection"]).backward()

    assert torch.isfinite(simple) and all(torch.isfinite(value) for value in terms.values())
    silent = {name for name, p in network.conditions.named_parameters() if p.grad is None or not p.grad.any()}
    assert all("music" in name for name in silent), silent
    for name, parameter in network.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name
    assert network.denoiser.heads.pred_cam_head.fc2.weight.grad.abs().sum() > 0
