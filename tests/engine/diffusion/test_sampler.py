"""The sampler: guidance in one batch, takes by their seeds, progress and cancel (spec 5.2, 5.3)."""

from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from genmo_blender.engine.diffusion.sampler import (
    Guidance,
    SamplerInputs,
    TakeNoise,
    regress,
    sample,
)
from genmo_blender.engine.network.conditions import ConditionInputs
from genmo_blender.engine.network.denoiser import TextContext
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.model.config import BETAS
from genmo_blender.protocol.cancellation import Cancelled

from ..network.networks import MINI, SMALL, random_network

FRAMES = 40


@pytest.fixture(scope="module", params=[SMALL, MINI], ids=["official", "mini"])
def network(request) -> GenmoNetwork:
    return random_network(request.param)


def inputs_for(network: GenmoNetwork, takes: int = 1) -> SamplerInputs:
    torch.manual_seed(5)
    width = network.config.latent_dim
    weights = torch.zeros(1, 2, FRAMES)
    weights[:, 0, :25], weights[:, 1, 20:36] = 1.0, 1.5
    text = TextContext(torch.randn(1, 2, 5, 12).expand(takes, -1, -1, -1), weights.expand(takes, -1, -1))
    f_cond = torch.randn(1, FRAMES, width).expand(takes, -1, -1)
    return SamplerInputs(f_cond, text, torch.full((takes,), FRAMES))


@dataclass
class Watched:
    """Counts what goes through the denoiser."""

    batches: list[int] = field(default_factory=list)

    def attach(self, network: GenmoNetwork):
        return network.denoiser.register_forward_pre_hook(lambda _m, args: self.batches.append(len(args[0])))


def batches(network: GenmoNetwork, inputs: SamplerInputs, guidance: Guidance) -> list[int]:
    watched = Watched()
    handle = watched.attach(network)
    sample(network.denoiser, inputs, TakeNoise([1] * len(inputs.length), FRAMES), guidance, steps=3)
    handle.remove()
    return watched.batches


def test_both_branches_are_one_batch_and_one_branch_where_nothing_is_guided(network: GenmoNetwork) -> None:
    inputs = inputs_for(network, takes=2)
    assert batches(network, inputs, Guidance.everything(2.5)) == [4, 4, 4]
    assert batches(network, inputs, Guidance.pose(2.5)) == [4, 4, 4]
    assert batches(network, inputs, Guidance.everything(1.0)) == [2, 2, 2]
    assert batches(network, replace(inputs, text=None), Guidance.everything(2.5)) == [2, 2, 2]
    assert inputs.text is not None
    wordless = TextContext(torch.zeros_like(inputs.text.features), inputs.text.weights)
    assert batches(network, replace(inputs, text=wordless), Guidance.everything(2.5)) == [2, 2, 2]
    with_sound = replace(inputs, text=None, f_uncond=torch.randn_like(inputs.f_cond))
    assert batches(network, with_sound, Guidance.everything(2.5)) == [4, 4, 4]


def test_guiding_without_words_would_have_changed_nothing(network: GenmoNetwork) -> None:
    """The branch that is left out is the one that is computed."""
    inputs = inputs_for(network)
    assert inputs.text is not None
    empty = TextContext(torch.zeros_like(inputs.text.features), inputs.text.weights.clamp(max=1.0))
    wordless = replace(inputs, text=empty)
    free = sample(network.denoiser, wordless, TakeNoise([1], FRAMES), Guidance.everything(2.5), steps=3)
    forced = sample(
        network.denoiser,
        replace(wordless, f_uncond=wordless.f_cond.clone()),
        TakeNoise([1], FRAMES),
        Guidance.everything(2.5),
        steps=3,
    )
    torch.testing.assert_close(free.pred_x, forced.pred_x, atol=2e-4, rtol=1e-3)


def two_passes(network: GenmoNetwork, inputs: SamplerInputs, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    assert inputs.text is not None
    denoiser = network.denoiser
    c = denoiser(x, t, denoiser.prepare(inputs.f_cond, inputs.text, inputs.length))
    u = denoiser(x, t, denoiser.prepare(inputs.f_cond, inputs.text.without_words(), inputs.length))
    return c.pred_x, u.pred_x


@torch.no_grad()
def test_one_step_is_the_guided_prediction_and_betas_can_stay_unguided(network: GenmoNetwork) -> None:
    inputs = inputs_for(network)
    noise = TakeNoise([7], FRAMES).draw()
    c, u = two_passes(network, inputs, noise, torch.tensor([0]))
    got = sample(network.denoiser, inputs, TakeNoise([7], FRAMES), Guidance.everything(2.5), steps=1)
    torch.testing.assert_close(got.pred_x, u + 2.5 * (c - u), atol=1e-4, rtol=1e-3)
    got = sample(network.denoiser, inputs, TakeNoise([7], FRAMES), Guidance.pose(2.5), steps=1)
    torch.testing.assert_close(got.pred_x[..., BETAS], c[..., BETAS], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(got.pred_x[..., :126], (u + 2.5 * (c - u))[..., :126], atol=1e-4, rtol=1e-3)


def test_a_take_is_its_seed_whatever_is_drawn_beside_it(network: GenmoNetwork) -> None:
    alone = sample(network.denoiser, inputs_for(network), TakeNoise([11], FRAMES), Guidance.everything(2.5), steps=4)
    three = sample(
        network.denoiser, inputs_for(network, 3), TakeNoise([10, 11, 12], FRAMES), Guidance.everything(2.5), steps=4
    )
    torch.testing.assert_close(three.pred_x[1:2], alone.pred_x, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(three.pred_x[0], three.pred_x[1], atol=1e-3, rtol=0)


def test_the_same_seed_gives_the_same_bytes(network: GenmoNetwork) -> None:
    first, again = (
        sample(network.denoiser, inputs_for(network), TakeNoise([11], FRAMES), Guidance.pose(2.0), steps=4, eta=0.5)
        for _ in range(2)
    )
    assert torch.equal(first.pred_x, again.pred_x)


def test_the_unused_draw_moves_the_generator_and_not_the_motion(network: GenmoNetwork) -> None:
    results, later = [], []
    for quirk in (False, True):
        noise = TakeNoise([11], FRAMES)
        out = sample(network.denoiser, inputs_for(network), noise, Guidance.pose(2.0), steps=4, unused_noise_draw=quirk)
        results.append(out.pred_x)
        later.append(noise.draw())
    assert torch.equal(*results) and not torch.equal(*later)
    stream = TakeNoise([11], FRAMES)
    for _ in range(5):  # the start and one draw at each of four steps
        stream.draw()
    assert torch.equal(stream.draw(), later[1])


def test_progress_counts_every_step_once(network: GenmoNetwork) -> None:
    told: list[tuple[int, int]] = []
    sample(
        network.denoiser,
        inputs_for(network),
        TakeNoise([1], FRAMES),
        Guidance.pose(2.0),
        steps=5,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(i, 5) for i in range(1, 6)]


def test_cancel_ends_the_work_within_a_block(network: GenmoNetwork) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 4

    with pytest.raises(Cancelled):
        sample(
            network.denoiser,
            inputs_for(network),
            TakeNoise([1], FRAMES),
            Guidance.pose(2.0),
            steps=50,
            cancelled=cancelled,
        )
    assert len(asked) == 4


def test_observed_motion_is_seen_by_both_branches(network: GenmoNetwork) -> None:
    inputs = inputs_for(network)
    keys, mask = torch.randn(1, FRAMES, 151), torch.ones(1, FRAMES, 151)
    held = replace(inputs, observed=keys, observed_mask=mask)
    one, two = (
        sample(network.denoiser, held, TakeNoise([seed], FRAMES), Guidance.everything(2.5), steps=1) for seed in (1, 2)
    )
    torch.testing.assert_close(one.pred_x, two.pred_x)  # all of the noise is overwritten


@torch.no_grad()
def test_regression_is_one_pass_on_zero_motion_at_the_last_timestep(network: GenmoNetwork) -> None:
    inputs = replace(inputs_for(network), text=None)
    f_cond = network.conditions.f_cond(ConditionInputs(), 1, FRAMES)
    inputs = replace(inputs, f_cond=f_cond)
    prepared = network.denoiser.prepare(f_cond, None, inputs.length)
    expected = network.denoiser(torch.zeros(1, FRAMES, 151), torch.tensor([999]), prepared)
    torch.testing.assert_close(regress(network.denoiser, inputs).pred_x, expected.pred_x)
