"""Keys of a motion as the sampler takes them: the same numbers as in training."""

from __future__ import annotations

import pytest
import torch

from genmo_blender.engine.conditions.keys import key_channels, keyed_motion
from genmo_blender.engine.representation.codec import BETAS, decode_rotations
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.training.root_goals import Waypoints, training_goals
from tests.engine.training.real_batches import FRAMES, real_batch


@pytest.fixture(scope="module")
def motion():
    batch, statistics = real_batch(4, shortest=FRAMES - 60)
    parts = decode_rotations(batch.x0, statistics)
    rotations = torch.cat([batch.root[..., None, :, :], parts.body], dim=-3)
    return batch, statistics, rotations, roll_out_translation(batch.velocity * batch.valid[..., None], batch.root)


def known_somewhere(batch):
    known = torch.rand(*batch.valid.shape, 22, generator=torch.Generator().manual_seed(4)) < 0.4
    known[:, 20:30] = True
    return known & batch.valid[..., None]


def test_keys_are_told_as_in_training(motion):
    batch, statistics, rotations, path = motion
    known = known_somewhere(batch)
    keys = keyed_motion(rotations, path, known, statistics)
    mask = key_channels(known, torch.ones(4, dtype=torch.bool))
    assert torch.equal(keys.mask, mask) and not keys.mask[..., BETAS].any()
    inside = batch.valid[..., None] & keys.mask
    inside[torch.arange(4), batch.length - 1] = False  # the last step of a window goes on where the clip does
    torch.testing.assert_close(keys.observed[inside], batch.x0[inside], atol=2e-3, rtol=1e-3)
    start = torch.zeros_like(batch.valid)
    start[:, 0] = True
    told = training_goals(batch.root, path, known[..., 0], Waypoints(start, start))
    torch.testing.assert_close(keys.goals, told)


def test_what_is_not_known_is_not_read(motion):
    batch, statistics, rotations, path = motion
    known = known_somewhere(batch)
    other_path, other_rotations = path.clone(), rotations.clone()
    keyed = known[..., 0]
    keyed[:, 0] = True  # where the character stands
    other_path[~keyed] += 3.0
    other_rotations[:, :, 1:] = torch.where(known[:, :, 1:, None, None], rotations[:, :, 1:], torch.eye(3))
    first, second = (
        keyed_motion(r, p, known, statistics) for r, p in ((rotations, path), (other_rotations, other_path))
    )
    assert torch.equal(first.goals, second.goals)
    torch.testing.assert_close(first.observed, second.observed)


def test_no_key_at_all_tells_where_the_character_stands(motion):
    _, statistics, rotations, path = motion
    keys = keyed_motion(rotations, path, torch.zeros(4, FRAMES, 22, dtype=torch.bool), statistics)
    assert not keys.mask.any() and not keys.observed.any()
    assert bool((keys.goals[..., 6] == 1).all()) and not keys.goals[..., 13].any()
