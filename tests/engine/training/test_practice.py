"""Steps of short windows of one kind between those of everything (engine/training/practice.py)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.training import corpus, windows
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.mixture import Shares
from genmo_blender.engine.training.practice import (
    DANCED,
    Acts,
    Glimpses,
    WithPractice,
    practised,
    sampler_of,
    with_practice,
)
from genmo_blender.engine.training.presets import BOTH, ESTIMATED
from genmo_blender.engine.training.songs import SongTable
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


@pytest.fixture
def both(built):
    preset = curve.small_preset(shares=Shares(filmed=0.25), glimpses=6, gaps=2)
    trainer = curve.small_trainer(built, preset)
    others = {
        name: curve.small_trainer(built, practised(name, preset), sampler=sampler_of(name, built))
        for name in ("glimpses", "gaps")
    }
    for other in others.values():
        other.state = trainer.state
    return WithPractice(trainer, others)


def of(both, name):
    other = both.others[name]
    return other.batch(0, slice(0, other.windows))


def test_glimpses_are_short_wordless_and_all_filmed_by_a_camera_that_stands(both):
    given = of(both, "glimpses")
    assert given.batch.valid.shape == (24, Glimpses.frames) and given.batch.valid.all()
    assert len(given.film.rows) == len(given.twice) == 24
    assert given.batch.text.weights.shape[1] == 0 and not given.batch.text.spoken.any()
    still = torch.eye(3)[:2].flatten().expand_as(given.film.cam_angvel)
    assert torch.allclose(given.film.cam_angvel, still, atol=1e-5)


def test_gaps_have_whole_poses_at_both_ends_and_nothing_between(both):
    given = of(both, "gaps")
    keyed = given.mask[..., :126]
    assert torch.equal(keyed.all(-1), keyed.any(-1)) and len(given.twice) == 8 and given.film is None
    for known, length in zip(keyed.all(-1), given.batch.length.tolist(), strict=True):
        frames = known.nonzero()[:, 0].tolist()
        holes = np.flatnonzero(np.diff(frames) > 1)
        assert frames[0] == 0 and frames[-1] == length - 1 and len(holes) == 1
        head, tail = holes[0] + 1, len(frames) - holes[0] - 1
        assert head <= 16 and 1 <= tail <= 4 and length - head - tail >= 7


def test_acts_are_short_hear_what_is_done_and_are_noised(built):
    preset = practised("acts", curve.small_preset(batch=16, acts=2))
    acts = curve.small_trainer(built, preset, sampler=sampler_of("acts", built))
    given = acts.batch(0, slice(0, 16))
    assert given.batch.valid.shape == (32, Acts.frames) and not len(given.twice) and given.film is None
    assert (given.batch.text.weights > 0).any(-1).any(-1).all()  # every one of them hears something
    passes = acts._passes(0, slice(0, 16))
    assert passes.estimation is None and passes.diffusion.noise.shape == (32, Acts.frames, 151)
    drawn = sampler_of("acts", built).draw(np.random.default_rng(3), 2000)
    assert drawn.length.max() == Acts.frames and drawn.length.min() >= 15
    hard = np.concatenate([built.choices[i] for i, t in enumerate(built.texts) if windows.PRACTISED.search(t)])
    assert np.isin(drawn.sentence, hard).any(1).mean() > 0.55
    assert (drawn.sentence >= 0).any(1).mean() > 0.97
    losses = [float(acts.step(0.1)["loss"]) for _ in range(40)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


@pytest.fixture
def songs(built):
    """One track to every clip, of which the first is a dance."""
    rows = torch.randn(len(built.pose) // 2, 35).half()
    first, offset = built.start, np.arange(len(built.length) + 1)
    return SongTable(rows, first, offset, built.start, np.arange(len(built.length)) == 0)


def test_dances_hear_their_song_alone_where_their_vigour_is_decided(built, songs):
    preset = practised("dances", curve.small_preset(batch=16, dances=2, noisy_share=0.7))
    dances = curve.small_trainer(built, preset, songs=songs, sampler=sampler_of("dances", built))
    given = dances.batch(0, slice(0, 16))
    assert given.batch.valid.shape == (32, windows.WINDOW) and not len(given.twice) and given.film is None
    assert given.has_music.any(1).all() and not given.batch.text.spoken.any()
    drawn = dances.draw(0)
    assert (drawn.clip == 0).all()
    t = torch.cat([dances.noise(step, slice(0, 16))[0] for step in range(20)])
    assert DANCED[0] <= t.min() < DANCED[0] + 30 and DANCED[1] - 30 < t.max() < DANCED[1]


def test_dances_are_practised_where_there_are_some(built, songs):
    preset = curve.small_preset(dances=2)

    def make(tried, sampler):
        return curve.small_trainer(built, tried, songs=songs, sampler=sampler)

    assert list(with_practice(curve.small_trainer(built, preset, songs=songs), make).others) == ["dances"]
    nobody = replace(songs, dance=np.zeros_like(songs.dance))
    for without in ({}, {"songs": nobody}):
        assert with_practice(curve.small_trainer(built, preset, **without), make).preset.dances == 2


def test_who_does_not_generate_practises_no_acts(built):
    preset = curve.small_preset(acts=2, glimpses=2)
    for passes, names in ((BOTH, ["glimpses", "acts"]), ((ESTIMATED,), ["glimpses"])):
        trainer = curve.small_trainer(built, replace(preset, passes=passes))
        whole = with_practice(trainer, lambda tried, sampler: curve.small_trainer(built, tried, sampler=sampler))
        assert list(whole.others) == names
    assert with_practice(curve.small_trainer(built, curve.small_preset()), None).preset.acts == 0


def test_a_step_learns_from_all(both):
    first = [both.step(0.1) for _ in range(3)]
    for _ in range(25):
        both.step(0.1)
    last = [both.step(0.1) for _ in range(3)]
    for name in ("loss", "glimpses_loss"):
        assert sum(p[name] for p in last) < sum(p[name] for p in first), name
    assert both.state.step == 93 and both.state.samples == 31 * (4 + 24 + 8)


def test_gaps_alone_are_learned(built):
    """A fresh network leans on interpolation, so it begins well and has to learn not to spoil it."""
    preset = practised("gaps", curve.small_preset(batch=8, gaps=2, learning_rate=3e-3))
    gaps = curve.small_trainer(built, preset, sampler=sampler_of("gaps", built))
    losses = [float(gaps.step(0.1)["loss"]) for _ in range(90)]
    assert np.mean(losses[-30:]) < 0.95 * np.mean(losses[:30])


def test_the_same_seed_sees_the_same_windows(both, built):
    assert torch.equal(of(both, "gaps").batch.x0, of(both, "gaps").batch.x0)
    drawn = sampler_of("gaps", built).draw(np.random.default_rng(3), 500)
    assert drawn.length.min() >= 16 and drawn.length.max() <= 80 and len(set(drawn.length)) > 20
    assert (drawn.first + drawn.length <= built.half).all() and len(set(drawn.clip)) > 1


def test_no_words_are_the_null_text(built):
    """A step whose texts say nothing and one without any are the same to the network."""
    trainer = curve.small_trainer(built, curve.small_preset(shares=Shares(filmed=1.0)))
    given = trainer.batch(0, slice(0, 2))
    silent = replace(given.batch.text, weights=torch.zeros_like(given.batch.text.weights))
    none = replace(silent, features=silent.features[:, :0], weights=silent.weights[:, :0])
    outs = []
    for text in (silent, none):
        told = replace(given, batch=replace(given.batch, text=text))
        sample = trainer._estimation(told, trainer.draws(0, slice(0, 2)))
        outs.append(trainer._pass(sample, 4)[0].pred_x)
    assert torch.allclose(*outs, atol=1e-5)
