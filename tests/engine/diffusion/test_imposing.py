"""Answers of the network made to meet what is keyed (engine/diffusion/imposing.py)."""

from __future__ import annotations

import torch

from genmo_blender.engine.conditions.keys import keyed_motion
from genmo_blender.engine.diffusion.imposing import Imposing, eased
from genmo_blender.engine.representation.codec import DIM, LOCAL_TRANSL_VEL, Statistics, decode_rotations
from genmo_blender.engine.representation.rollout import roll_out_translation
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix

FRAMES = 24
RNG = torch.Generator().manual_seed(5)
STATISTICS = Statistics(torch.zeros(DIM), torch.rand(DIM, generator=RNG) * 0.1 + 0.05)


def keyed():
    angles = torch.cumsum(torch.randn(2, FRAMES, 22, 3, generator=RNG) * 0.05, dim=1)
    path = torch.cumsum(torch.randn(2, FRAMES, 3, generator=RNG) * 0.03, dim=1)
    known = torch.zeros(2, FRAMES, 22, dtype=torch.bool)
    known[0, :4] = known[0, 15] = True
    known[1, [0, 9, 10, 20]] = True
    rotations = axis_angle_to_matrix(angles)
    keys = keyed_motion(rotations, path, known, STATISTICS)
    return rotations, path, known, Imposing(keys.observed, keys.mask, keys.roots, keys.place, STATISTICS)


def test_an_answer_meets_poses_and_places_of_all_keys():
    rotations, path, known, impose = keyed()
    found = decode_rotations(impose(torch.randn(2, FRAMES, DIM, generator=RNG)), STATISTICS)
    assert torch.allclose(found.body[known[..., 0]], rotations[:, :, 1:][known[..., 0]], atol=1e-5)
    way = roll_out_translation(found.local_transl_vel, found.root_gv)
    for i in range(2):
        at = known[i, :, 0].nonzero()[:, 0]
        assert torch.allclose(way[i, at] - way[i, at[0]], path[i, at] - path[i, at[0]], atol=1e-5)


def test_an_answer_that_meets_the_keys_stays_as_it_is():
    _, _, _, impose = keyed()
    once = impose(torch.randn(2, FRAMES, DIM, generator=RNG))
    assert torch.allclose(impose(once), once, atol=1e-4)


def test_nothing_is_bent_where_nothing_is_known():
    """No keys at all: the answer itself."""
    answer = torch.randn(1, FRAMES, DIM, generator=RNG)
    nothing = torch.zeros(1, FRAMES, dtype=torch.bool)
    place = torch.full((1, FRAMES, 3), 7.0)
    impose = Imposing(torch.zeros_like(answer), torch.zeros_like(answer).bool(), nothing, place, STATISTICS)
    assert torch.allclose(impose(answer), answer, atol=1e-5)


def test_the_way_is_bent_without_a_jolt_at_the_keys():
    """The speed that is added begins and ends at nothing."""
    values = torch.zeros(1, FRAMES, 1)
    values[0, 20] = 1.0
    known = torch.zeros(1, FRAMES, dtype=torch.bool)
    known[0, [4, 20]] = True
    added = eased(values, known)[0, :, 0].diff()
    assert added[:4].abs().max() == 0 and added[20:].abs().max() == 0
    assert added[4] < 0.02 and added[19] < 0.02 and added[11] > 0.08
    assert float(added.sum()) == 1.0


def test_steps_of_the_last_frame_are_left():
    _, _, _, impose = keyed()
    answer = torch.randn(2, FRAMES, DIM, generator=RNG)
    assert torch.allclose(impose(answer)[:, -1, LOCAL_TRANSL_VEL], answer[:, -1, LOCAL_TRANSL_VEL], atol=1e-5)
