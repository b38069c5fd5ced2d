from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.models import load_model
from genmo_blender.engine.network.heads import NetworkOutput
from genmo_blender.engine.training import corpus, denoising
from genmo_blender.engine.training.importers import shards

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def model():
    return load_model(device=torch.device("cpu"))


@pytest.fixture(scope="module")
def batch(model):
    built = corpus.build(shards.load(DATA))
    config = model.network.config
    features = torch.randn(len(built.sentences), config.text_tokens, config.text_dim).half()
    return denoising.windows_of(built, features, model, 6)


def saying(model, x):
    """The model with a network that says ``x`` whatever it is asked."""

    class Fixed(torch.nn.Module):
        prepare = staticmethod(model.network.denoiser.prepare)

        def forward(self, x_t, t, prepared):
            zeros = x.new_zeros(*x.shape[:2], 6)
            return NetworkOutput(x, zeros[..., :3], zeros, zeros)

    network = torch.nn.Module()
    network.config, network.conditions, network.denoiser = model.network.config, model.network.conditions, Fixed()
    return replace(model, network=network)


def test_the_truth_has_no_error_and_all_of_the_speed(model, batch):
    error, speed = denoising.found(saying(model, batch.x0), batch, 400)
    assert error < 1e-4 and speed == pytest.approx(1.0, abs=1e-3)


def test_who_says_the_mean_motion_is_found_out(model, batch):
    error, speed = denoising.found(saying(model, torch.zeros_like(batch.x0)), batch, 400)
    assert error > 0.05 and speed < 0.01


def test_the_bundled_weights_know_less_the_more_noise_there_is(model, batch):
    errors = [denoising.found(model, batch, t)[0] for t in (5, 600, 960)]
    assert errors == sorted(errors) and errors[0] < 0.06
    assert denoising.found(model, batch, 600) == denoising.found(model, batch, 600)
