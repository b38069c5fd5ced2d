"""Steps that a graphics card plays again: they ask it for nothing and keep their shapes. (Playing needs a card.)"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genmo_blender.engine.evaluation.stripped import stripped
from genmo_blender.engine.network.attention import _whole_block, plan_attention
from genmo_blender.engine.training import corpus, mixture
from genmo_blender.engine.training.batches import collate
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.flat import flat_table
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.mixture import Shares
from genmo_blender.engine.training.presets import presets
from genmo_blender.engine.training.replay import mapped, tensors_of
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"
EVERYTHING = Shares(filmed=0.3, wordless=0.5, keyed=0.5, dense=0.1, flat=0.25, waypoints=0.5)
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


@pytest.fixture(scope="module")
def table(built):
    return flat_table(stripped(built.clips[:2], 0), built)


def there(tree):
    return mapped(tree, lambda x: torch.empty_like(x, device=META))


def on_meta(trainer):
    """What a step of the trainer is given and the trainer, both moved where there are no numbers."""
    passes = trainer._passes(0, trainer.shares[0])
    trainer.state.network.to(META).train()
    trainer.statistics, trainer.channels = trainer.statistics.to(META), trainer.channels.to(META)
    trainer.body = trainer.body.to(META)
    return there(passes)


class Nowhere(Draws):
    """Draws that are shapes alone."""

    def __init__(self, count):
        super().__init__((), count)
        self.count = count

    def of(self, rows):
        return Nowhere(len(rows))

    def uniform(self, *shape):
        return torch.empty(self.count, *shape, device=META)

    normal = uniform


def test_a_step_asks_the_device_for_nothing(built, table):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=EVERYTHING), flat=table)
    passes = on_meta(trainer)
    assert passes.estimation is not None and len(passes.estimation.film.flat) == 8 < len(passes.estimation.film.rows)
    trainer._learn(passes)  # constants are brought once
    with Brought() as brought:
        parts = trainer._learn(passes)
    assert brought.found == []
    assert parts["loss"].device == META and parts["loss"].shape == ()


def test_drawing_what_a_step_is_given_asks_the_device_for_nothing(built, table, monkeypatch):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=EVERYTHING), flat=table)
    config = trainer.preset.network
    windows = trainer.draw(0)
    batch = there(collate(built, windows, trainer.features, trainer.statistics))
    mix = trainer.mixture
    mix.statistics, mix.body, mix.flat, trainer.device = (
        *(x.to(META) for x in (mix.statistics, mix.body, mix.flat)),
        META,
    )
    # numbers of rows are known here and are sent there, which is no waiting
    monkeypatch.setattr(mixture, "moved", lambda rows, device: torch.empty(rows.shape, dtype=torch.long, device=META))

    def drawn():
        given = mix.given(batch, windows, lambda stream: Nowhere(32))
        inputs, _ = mixture.inputs_of(given, config, False, Nowhere(32))
        return given, inputs, trainer._estimation(given, Nowhere(32))

    drawn()
    with Brought() as brought:
        given, inputs, estimation = drawn()
    assert brought.found == [] and {x.device for x in tensors_of({"0": given, "1": inputs, "2": estimation})} <= {META}


def test_the_watcher_finds_a_constant_that_is_brought():
    with Brought() as brought:
        torch.ones(3, device=META) + torch.ones(3).to(META)
    assert brought.found


@pytest.mark.parametrize("name", ["mini_text", "mini", "mini_256", "mini_256_steady"])
def test_every_step_of_a_preset_has_arrays_of_the_same_shapes(built, name):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=presets()[name].shares))

    def shapes(step):
        passes = trainer._passes(step, trainer.shares[0])
        samples = [x for x in (passes.diffusion, passes.estimation) if x is not None]
        # on a processor, and there alone, no text is embedded in vain
        samples = [replace(x, batch=replace(x.batch, text=None)) for x in samples]
        return [x.shape for x in tensors_of({str(i): x for i, x in enumerate(samples)})]

    assert shapes(0) == shapes(1) == shapes(2)


def test_arrays_are_found_and_changed_wherever_they_lie(built):
    trainer = curve.small_trainer(built, curve.small_preset(batch=32, shares=EVERYTHING))
    sample = trainer._passes(0, slice(0, 16))
    twice = mapped(sample, lambda x: x + x)
    for one, two in zip(tensors_of(sample), tensors_of(twice), strict=True):
        assert torch.equal(one + one, two)
    assert len(list(tensors_of(sample))) >= 50


def test_attention_planned_without_looking_is_the_same_attention():
    lengths = torch.tensor([30, 12, 1])
    plan = plan_attention(lengths, 30, 20, 8)
    blind = plan_attention(lengths.to(META), 30, 20, 8)
    assert [(b.queries, b.keys) for b in blind.blocks] == [(slice(0, 30), slice(0, 30))]
    assert torch.equal(_whole_block(lengths, 30, 20).mask, plan.blocks[0].mask)
