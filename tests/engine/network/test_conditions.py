"""Conditions: what is absent, what is seen, and what training hides (spec 2, 7.4)."""

from dataclasses import replace

import pytest
import torch

from genmo_blender.engine.network.conditions import (
    ConditionInputs,
    DropDraws,
    DropRates,
    drop_conditions,
)
from genmo_blender.model.config import NetworkConfig

from .networks import MINI, SMALL, random_network

B, L = 3, 6


def inputs_of(config: NetworkConfig) -> ConditionInputs:
    torch.manual_seed(1)
    everywhere = torch.ones(B, L, dtype=torch.bool)
    everything = ConditionInputs(
        obs=torch.rand(B, L, 17, 3) * 0.5 + 0.5,
        j2d_visible=torch.ones(B, L, 17, dtype=torch.bool),
        f_cliffcam=torch.randn(B, L, 3),
        f_imgseq=torch.randn(B, L, 1024),
        f_cam_angvel=torch.randn(B, L, 6),
        encoded_music=torch.randn(B, L, 35),
        encoded_audio=torch.randn(B, L * 600),
        has_img=everywhere,
        has_2d=everywhere,
        has_cam=everywhere,
        has_music=everywhere,
        has_audio=everywhere,
    )
    return everything


@torch.no_grad()
def test_a_missing_array_is_the_same_as_a_flag_that_is_off_everywhere() -> None:
    embedder = random_network(SMALL).conditions
    off = torch.zeros(B, L, dtype=torch.bool)
    flagged = replace(inputs_of(SMALL), has_img=off, has_cam=off, has_music=off, has_audio=off, has_2d=off)
    torch.testing.assert_close(embedder.f_cond(flagged, B, L), embedder.f_cond(ConditionInputs(), B, L))


@torch.no_grad()
def test_the_branches_of_guidance_keep_footage_and_lose_sound() -> None:
    embedder = random_network(SMALL).conditions
    inputs = inputs_of(SMALL)
    sums = embedder.sums(inputs, B, L)
    silent = replace(inputs, encoded_music=None, encoded_audio=None, has_music=None, has_audio=None)
    torch.testing.assert_close(sums.f_cond, embedder.f_cond(inputs, B, L))
    torch.testing.assert_close(sums.f_uncond, embedder.f_cond(silent, B, L))
    torch.testing.assert_close(sums.f_empty, embedder.f_cond(ConditionInputs(), B, L))


@torch.no_grad()
@pytest.mark.parametrize("joints", [3, 4])
def test_the_box_exists_from_four_visible_joints_on(joints: int) -> None:
    visible = torch.zeros(B, L, 17, dtype=torch.bool)
    visible[..., :joints] = True
    flags = replace(inputs_of(SMALL), j2d_visible=visible).exists("f_cliffcam")
    assert flags is not None and bool(flags.all()) == (joints == 4) and bool(flags.any()) == (joints == 4)


@torch.no_grad()
def test_an_unsure_or_unseen_joint_is_its_learned_vector_whatever_its_place() -> None:
    embedder = random_network(SMALL).conditions
    inputs = inputs_of(SMALL)
    assert inputs.obs is not None
    moved = inputs.obs.clone()
    moved[..., 5, 2] = 0.5  # not above one half
    first = embedder.f_cond(replace(inputs, obs=moved), B, L)
    moved[..., 5, :2] = 77.0
    torch.testing.assert_close(embedder.f_cond(replace(inputs, obs=moved), B, L), first)
    assert not torch.allclose(first, embedder.f_cond(inputs, B, L), atol=1e-3)


@torch.no_grad()
def test_keys_and_goals_speak_only_at_their_frames() -> None:
    embedder = random_network(MINI).conditions
    keys, goal = torch.zeros(B, L, 151), torch.zeros(B, L, 14)
    keys[0, 2, 7] = 1.0
    goal[1, 3] = torch.randn(14)
    goal[1, 3, 6], goal[1, 3, 13] = 0.0, 1.0
    plain = embedder.f_cond(ConditionInputs(), B, L)
    changed = (embedder.f_cond(ConditionInputs(key_mask=keys, root_goal=goal), B, L) != plain).any(-1)
    assert changed.nonzero().tolist() == [[0, 2], [1, 3]]


def drops(image: float, others: float, frame: float) -> DropDraws:
    frames = {key: torch.full((B, L), frame) for key in SMALL.conditions}
    return DropDraws(torch.full((B,), image), *(torch.full((B,), others) for _ in range(3)), frames)


def test_diffusion_hides_footage_of_samples_with_words_or_sound() -> None:
    inputs = replace(inputs_of(SMALL), has_audio=None, has_music=torch.zeros(B, L, dtype=torch.bool))
    assert inputs.has_music is not None
    inputs.has_music[1, :2] = True
    has_text = torch.tensor([True, False, False])
    hidden = drop_conditions(inputs, drops(0.49, 0.5, 0.5), has_text, regression=False)
    assert hidden.has_2d is not None and hidden.has_img is not None and hidden.has_cam is not None
    expected = torch.ones(B, L, dtype=torch.bool)
    expected[0], expected[1, :2] = False, False
    for flags in (hidden.has_2d, hidden.has_img, hidden.has_cam):
        assert bool((flags == expected).all())
    kept = drop_conditions(inputs, drops(0.5, 0.5, 0.5), has_text, regression=False)
    assert kept.has_img is not None and bool(kept.has_img.all())


def test_regression_keeps_the_footage_and_forces_2d_on() -> None:
    inputs = replace(inputs_of(SMALL), has_2d=torch.zeros(B, L, dtype=torch.bool))
    kept = drop_conditions(inputs, drops(0.0, 0.5, 0.5), torch.ones(B, dtype=torch.bool), regression=True)
    assert kept.has_2d is not None and kept.has_img is not None and kept.has_cam is not None
    assert bool(kept.has_2d.all()) and bool(kept.has_img.all()) and not bool(kept.has_cam.any())


def test_a_random_null_hides_every_condition_but_keypoints() -> None:
    inputs = drop_conditions(
        inputs_of(SMALL), drops(0.9, 0.9, 0.09), torch.zeros(B, dtype=torch.bool), regression=False
    )
    for key in SMALL.conditions[1:]:
        flags = inputs.exists(key)
        assert flags is not None and not bool(flags.any())
    visible = inputs.visible_joints()
    assert visible is not None and bool(visible.all())  # D11


def test_the_image_needs_four_visible_joints_in_training() -> None:
    inputs = inputs_of(SMALL)
    assert inputs.j2d_visible is not None
    inputs.j2d_visible[0, :, 3:] = False
    out = drop_conditions(inputs, drops(0.9, 0.9, 0.9), torch.zeros(B, dtype=torch.bool), regression=False)
    assert out.has_img is not None and not bool(out.has_img[0].any()) and bool(out.has_img[1:].all())  # D12


def test_draws_follow_a_generator_and_rates_are_met() -> None:
    def draw(seed: int) -> DropDraws:
        return DropDraws.draw(SMALL, 4000, 2, regression=False, generator=torch.Generator().manual_seed(seed))

    assert draw(3).image is not None
    assert torch.equal(draw(3).music, draw(3).music) and not torch.equal(draw(3).music, draw(4).music)
    assert abs(float((draw(3).music < DropRates().music).float().mean()) - 0.1) < 0.02
    regression = DropDraws.draw(SMALL, 4, 2, regression=True, generator=torch.Generator().manual_seed(3))
    assert regression.image is None
