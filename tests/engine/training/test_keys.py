from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.conditions.keys import key_channels
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.representation.codec import (
    BETAS,
    BODY_POSE,
    GLOBAL_ORIENT,
    GLOBAL_ORIENT_GV,
    LOCAL_TRANSL_VEL,
    decode_rotations,
)
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.keys import KeyRates, draw_keys
from genmo_blender.model.config import NetworkConfig
from tests.engine.training.real_batches import FRAMES, real_batch

NONE = KeyRates(in_between=0, poses=0, singles=0, joints=0, root=0, dense=0)
MANY = torch.randint(24, FRAMES + 1, (3000,), generator=torch.Generator().manual_seed(0))


def seeded(n, seed=1):
    return Draws([torch.Generator().manual_seed(seed)], n)


def only(family, length=MANY, rate=1.0, seed=1):
    return draw_keys(length, FRAMES, rate, seeded(len(length), seed), replace(NONE, **{family: 1.0}))


def runs(row):
    """Lengths of runs of equal values and their value."""
    values, counts = torch.unique_consecutive(row, return_counts=True)
    return list(zip(values.tolist(), counts.tolist(), strict=True))


def test_keys_come_at_their_rate_on_valid_frames_and_the_same_for_the_same_seed():
    keys = draw_keys(MANY, FRAMES, 0.4, seeded(len(MANY), 1))
    again = draw_keys(MANY, FRAMES, 0.4, seeded(len(MANY), 1))
    assert torch.equal(keys, again)
    assert float(keys.any(-1).any(-1).float().mean()) == pytest.approx(0.4, abs=0.02)
    assert not keys[torch.arange(FRAMES) >= MANY[:, None]].any()
    assert not draw_keys(MANY, FRAMES, 0.0, seeded(len(MANY), 1)).any()


def test_families_come_in_their_shares():
    length = torch.full((6000,), FRAMES)
    joints = draw_keys(length, FRAMES, 1.0, seeded(len(length), 2))
    whole = joints.all(-1).any(-1)
    root_alone = joints[..., 0].any(-1) & ~joints[..., 1:].any(-1).any(-1)
    rates = KeyRates()
    sure = rates.in_between + rates.poses + rates.singles
    assert float(whole.float().mean()) == pytest.approx(sure + rates.dense / 5, abs=0.02)
    assert float(root_alone.float().mean()) == pytest.approx(rates.root + rates.dense / 5, abs=0.02)
    assert sum(vars(rates).values()) == pytest.approx(1.0)


def test_in_between_is_context_a_gap_and_a_target():
    long = torch.full((3000,), FRAMES)
    joints = only("in_between", long)
    assert torch.equal(joints.any(-1), joints.all(-1))
    gaps, targets, headless, tailless = [], 0, 0, 0
    for row in joints[..., 0]:
        parts = runs(row)
        headless += not row[0]
        tailless += len(parts) == 2 and row[0].item()
        if row[0] and len(parts) > 2:
            gaps.append(parts[1][1])
            targets += parts[2][1] == 1
    gaps = torch.tensor(gaps)
    assert 15 <= gaps.min() < 18 and 105 < gaps.max() <= 110
    assert headless / 3000 == pytest.approx(0.1, abs=0.02)
    assert tailless / 3000 == pytest.approx(0.9 * 0.15, abs=0.02)
    assert targets / len(gaps) == pytest.approx(0.5, abs=0.06)
    short = only("in_between")[..., 0]
    assert short.any(-1).all() and not (short.sum(-1) == MANY).any()


def test_poses_are_five_to_forty_frames_apart_give_or_take():
    rows = only("poses", torch.full((2000,), FRAMES))[..., 0]
    gaps = torch.cat([row.nonzero()[:, 0].diff() for row in rows])
    assert gaps.min() >= 2 and gaps.max() <= 61
    assert rows.any(-1).all()
    assert float(gaps.float().mean()) == pytest.approx(14, abs=4)  # the mean gap of many small and few large steps


def test_single_poses_are_one_to_five():
    count = only("singles")[..., 0].sum(-1)
    assert torch.equal(count.unique(), torch.arange(1, 6))
    for n in range(1, 6):
        assert float((count == n).float().mean()) == pytest.approx(0.2, abs=0.03)


def test_groups_of_joints_leave_the_others_free():
    joints = only("joints")
    ever = joints.any(1)
    assert ever.any(-1).float().mean() > 0.95  # a short window may lie between two sparse poses
    assert not ever.all(-1).any()
    # the same joints at every key of a sample
    keyed = joints.any(-1)
    assert torch.equal(joints, keyed[..., None] & ever[:, None])
    assert float(ever.float().mean(0).min()) > 0.1


def test_dense_keys_are_at_half_of_the_frames_or_more():
    assert float((only("dense").any(-1).sum(-1) / MANY).min()) >= 0.5


def test_samples_that_are_asked_for_are_keyed_around_a_gap_or_densely():
    asked = torch.arange(len(MANY)) % 3 == 0
    keys = draw_keys(MANY, FRAMES, 0.2, seeded(len(MANY)), dense=asked)
    share = (keys.any(-1).sum(-1) / MANY)[asked]
    assert float(share.min()) > 0
    whole = keys[asked].all(-1).any(-1)  # some frame has the whole pose
    assert 0.35 < float((share >= 0.5).float().mean()) < 0.8 and float(whole.float().mean()) > 0.5
    others = keys.any(-1).any(-1)[~asked]
    assert float(others.float().mean()) == pytest.approx(0.2, abs=0.03)
    alone = draw_keys(MANY, FRAMES, 0.2, seeded(len(MANY)))
    assert torch.equal(keys[~asked], alone[~asked])


def test_a_mask_has_the_known_channels_and_no_others():
    joints = torch.zeros(2, 6, 22, dtype=torch.bool)
    joints[0, [1, 2, 4], 0] = True
    joints[0, 3, [1, 21]] = True
    joints[1, :, 0] = True
    mask = key_channels(joints, torch.tensor([True, False]), torch.tensor([False, True]))
    expected = torch.zeros(2, 6, 151, dtype=torch.bool)
    expected[0, [1, 2, 4], GLOBAL_ORIENT_GV] = True
    expected[0, [1, 2, 4], GLOBAL_ORIENT] = True
    expected[0, 1, LOCAL_TRANSL_VEL] = True  # from 1 to 2; from 4 nothing is known of 5
    expected[0, 3, [*range(6), *range(120, 126)]] = True
    expected[1, :, GLOBAL_ORIENT_GV] = True  # the camera is not known here
    expected[1, :5, LOCAL_TRANSL_VEL] = True
    expected[1, :, BETAS] = True
    assert torch.equal(mask, expected)
    assert not key_channels(joints, torch.tensor([True, True]))[..., BETAS].any()
    assert mask[..., BODY_POSE].sum() == 12


def test_the_known_channels_alone_say_where_the_keyed_root_goes():
    batch, statistics = real_batch()
    keyed = torch.zeros(*batch.valid.shape, 22, dtype=torch.bool)
    keyed[:, 10:40, 0] = True
    mask = key_channels(keyed, torch.ones(len(keyed), dtype=torch.bool))
    told = decode_rotations(torch.where(mask, batch.x0, torch.nan), statistics)
    path = roll_out_translation(told.local_transl_vel[:, 10:40], told.root_gv[:, 10:40])
    true = roll_out_translation(batch.velocity, batch.root)[:, 10:40]
    torch.testing.assert_close(path, true - true[:, :1], atol=1e-4, rtol=0)


def test_the_network_sees_keys_instead_of_noise_and_noise_everywhere_else():
    config = replace(NetworkConfig.mini(), latent_dim=32, layers=1, heads=2, text_dim=8, text_tokens=4)
    torch.manual_seed(0)
    denoiser = GenmoNetwork(config).denoiser.eval()
    batch, _ = real_batch(2)
    mask = key_channels(only("joints", batch.length), torch.ones(2, dtype=torch.bool))
    f_cond = torch.zeros(2, FRAMES, 32)
    prepared = denoiser.prepare(f_cond, None, batch.length)
    noise, other = torch.randn(2, 2, FRAMES, 151)
    t = torch.tensor([500, 500])

    def answer(x_t):
        with torch.no_grad():
            return denoiser(x_t, t, prepared, batch.x0, mask).pred_x

    plain = answer(noise)
    assert mask.any() and torch.equal(answer(torch.where(mask, other, noise)), plain)
    assert not torch.allclose(answer(torch.where(mask, noise, other)), plain, atol=1e-3)
