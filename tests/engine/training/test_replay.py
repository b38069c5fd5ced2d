"""Steps that a graphics card plays again: they ask it for nothing and keep their shapes. (Playing needs a card.)"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genmo_blender.engine.network.attention import _whole_block, plan_attention
from genmo_blender.engine.training import corpus
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.mixture import Shares
from genmo_blender.engine.training.presets import presets
from genmo_blender.engine.training.replay import mapped, tensors_of
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"
STEADY = Shares(keyed=0.5, waypoints=0.5, estimated=False)
META = torch.device("meta")  # shapes alone: whoever asks it for a number, or mixes it with others, is found out


class Brought(TorchDispatchMode):
    """Notes what brings an array to the device or asks it for a number."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        given = {x.device.type for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        made = {x.device.type for x in tree_leaves(out) if isinstance(x, torch.Tensor)}
        if ("cpu" in given and "meta" in made) or ("meta" in given and "cpu" in made):
            self.found.append(str(function))
        return out


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


def on_meta(trainer):
    """A sample of the trainer's and the trainer, both moved where there are no numbers."""
    share = trainer.shares[0]
    sample = trainer._sample(0, share, trainer.batch(0, share))
    trainer.state.network.to(META).train()
    trainer.statistics, trainer.channels = trainer.statistics.to(META), trainer.channels.to(META)
    return mapped(sample, lambda x: torch.empty_like(x, device=META))


def test_a_steady_step_asks_the_device_for_nothing(built):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=STEADY))
    sample = on_meta(trainer)
    trainer._learn(sample)  # constants are brought once
    with Brought() as brought:
        parts = trainer._learn(sample)
    assert brought.found == []
    assert parts["loss"].device == META and parts["loss"].shape == ()


def test_the_watcher_finds_a_constant_that_is_brought():
    with Brought() as brought:
        torch.ones(3, device=META) + torch.ones(3).to(META)
    assert brought.found


def test_only_presets_whose_steps_keep_their_shapes_are_steady():
    steady = {name: preset.shares.steady for name, preset in presets().items() if name != "official"}
    assert steady == {name: name in ("mini_text", "mini_256_steady", "mini_256_further") for name in steady}
    assert not replace(STEADY, estimated=True).steady and not replace(STEADY, filmed=0.1).steady


def test_a_steady_preset_estimates_nothing(built):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=STEADY))
    given = trainer.batch(0, slice(0, 16))
    assert given.mask is not None and given.mask.any() and len(given.twice) == 0


def test_arrays_are_found_and_changed_wherever_they_lie(built):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=STEADY))
    sample = trainer._sample(0, slice(0, 16), trainer.batch(0, slice(0, 16)))
    twice = mapped(sample, lambda x: x + x)
    for one, two in zip(tensors_of(sample), tensors_of(twice), strict=True):
        assert torch.equal(one + one, two)
    assert twice.film is None and len(list(tensors_of(sample))) >= 12


def test_attention_planned_without_looking_is_the_same_attention():
    lengths = torch.tensor([30, 12, 1])
    plan = plan_attention(lengths, 30, 20, 8)
    blind = plan_attention(lengths.to(META), 30, 20, 8)
    assert [(b.queries, b.keys) for b in blind.blocks] == [(slice(0, 30), slice(0, 30))]
    assert torch.equal(_whole_block(lengths, 30, 20).mask, plan.blocks[0].mask)
