from pathlib import Path

import pytest
import torch

from genmo_blender.engine.training import corpus, throughput
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.presets import presets

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def data():
    built = corpus.build(shards.load(DATA))
    network = presets()["mini"].network
    return built, torch.randn(len(built.sentences), network.text_tokens, network.text_dim).half()


def measured(data, batch, seconds):
    return throughput.measure(*data, throughput.Setting("mini_text", batch, torch.device("cpu"), False, seconds))


def test_what_a_step_needs_is_counted_and_how_fast_it_is_measured(data):
    row = measured(data, 2, 0.01)
    assert row["windows_per_second"] == pytest.approx(2000 / row["ms_per_step"], rel=0.05)
    assert row["parameters"] > 5e6
    # products alone keep their inputs: a window's hidden states of every layer, at the very least
    network = presets()["mini"].network
    least = 4 * (120 // network.frames_per_token) * network.latent_dim * 2 * network.layers
    assert least < row["saved_mb_a_window"] * 1e6 < 100 * least


def test_sizes_alone_take_no_steps_and_grow_with_the_batch(data):
    one, four = measured(data, 2, 0.0), measured(data, 8, 0.0)
    assert "ms_per_step" not in one
    assert four["tflop_a_step"] == pytest.approx(4 * one["tflop_a_step"], rel=0.02)
    assert four["saved_mb_a_window"] == pytest.approx(one["saved_mb_a_window"], rel=0.3)
