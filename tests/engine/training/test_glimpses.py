"""Short looks at footage between other steps (engine/training/glimpses.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.training import corpus
from genmo_blender.engine.training.glimpses import GLIMPSE, GlimpseSampler, WithGlimpses, preset_of_glimpses
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.loop import Trainer
from genmo_blender.engine.training.mixture import Shares
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


@pytest.fixture
def both(built):
    preset = curve.small_preset(shares=Shares(filmed=0.25), glimpses=6)
    trainer = curve.small_trainer(built, preset)
    short = preset_of_glimpses(preset)
    state = trainer.state
    looks = Trainer(built, trainer.features, trainer.statistics, short, state, 0, sampler=GlimpseSampler(built))
    return WithGlimpses(trainer, looks)


def test_glimpses_are_short_wordless_and_all_filmed_by_a_camera_that_stands(both):
    given = both.glimpses.batch(0, slice(0, both.glimpses.windows))
    assert given.batch.valid.shape == (24, GLIMPSE) and given.batch.valid.all()
    assert len(given.film.rows) == len(given.twice) == 24
    assert given.batch.text.weights.shape[1] == 0 and not given.batch.text.spoken.any()
    still = torch.eye(3)[:2].flatten().expand_as(given.film.cam_angvel)
    assert torch.allclose(given.film.cam_angvel, still, atol=1e-5)


def test_a_step_learns_from_both(both):
    first = [both.step(0.1) for _ in range(3)]
    for _ in range(25):
        both.step(0.1)
    last = [both.step(0.1) for _ in range(3)]
    for name in ("loss", "glimpse_loss"):
        assert sum(p[name] for p in last) < sum(p[name] for p in first)
    assert both.state.step == 62 and both.state.samples == 31 * (24 + both.trainer.preset.batch)


def test_the_same_seed_sees_the_same_glimpses(both, built):
    again = GlimpseSampler(built)
    assert torch.equal(both.glimpses.batch(4, slice(0, 12)).batch.x0, both.glimpses.batch(4, slice(0, 12)).batch.x0)
    drawn = again.draw(np.random.default_rng(3), 500)
    assert (drawn.length == GLIMPSE).all() and (drawn.first + GLIMPSE <= built.half).all()
    assert len(set(drawn.clip)) > 1


def test_no_words_are_the_null_text(built):
    """A step whose texts say nothing and one without any are the same to the network."""
    preset = curve.small_preset(shares=Shares(filmed=1.0), glimpses=2)
    trainer = curve.small_trainer(built, preset)
    given = trainer.batch(0, slice(0, 2))
    silent = replace(given.batch.text, weights=torch.zeros_like(given.batch.text.weights))
    none = replace(silent, features=silent.features[:, :0], weights=silent.weights[:, :0])
    outs = []
    for text in (silent, none):
        sample = trainer._estimation(
            replace(given, batch=replace(given.batch, text=text)), trainer.draws(0, slice(0, 2))
        )
        outs.append(trainer._pass(sample, 4)[0].pred_x)
    assert torch.allclose(*outs, atol=1e-5)
