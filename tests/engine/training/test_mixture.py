"""Every condition in one batch, by its share, and both passes of a step on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.training import corpus, mixture
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.mixture import Shares
from genmo_blender.engine.training.songs import SongTable
from genmo_blender.sound.music import BEAT
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"
EVERYTHING = Shares(filmed=0.4, wordless=0.5, keyed=0.45, dense=0.05, waypoints=0.4, dances=0.3, songs=0.5)


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


@pytest.fixture(scope="module")
def songs(built):
    """A track of random rows for every second clip; the first of them is a dance."""
    has = np.arange(len(built.length)) % 2 == 0
    length = np.where(has, built.length, 0)
    first = (np.cumsum(length) - length)[has]
    rows = torch.randn(int(length.sum()), 35, generator=torch.Generator().manual_seed(3)).half()
    offset = np.concatenate([[0], np.cumsum(has)])
    return SongTable(rows, first, offset, built.start, np.arange(len(built.length)) == 0)


def trainer(built, shares, songs=None, **changes):
    return curve.small_trainer(built, curve.small_preset(shares=shares, **changes), songs=songs)


def test_each_condition_is_given_to_its_share_of_the_samples(built, songs):
    one = trainer(built, EVERYTHING, songs, batch=800)
    windows = one.draw(0)
    given = one.batch(0, slice(0, 400))
    assert len(given.film.rows) / 800 == pytest.approx(0.4, abs=0.01)
    assert given.mask.any(-1).any(-1).float().mean() == pytest.approx(0.5, abs=0.06)
    silent = (windows.sentence < 0).all(1)
    danced = (windows.track >= 0) & silent
    assert danced.mean() == pytest.approx(0.3, abs=0.06) and set(windows.clip[danced]) == {0}
    spoken = ~silent & songs.dance[0] & (windows.clip % 2 == 0)
    assert (windows.track[spoken] >= 0).mean() == pytest.approx(0.5, abs=0.1)
    heard = given.has_music.any(-1)
    assert torch.equal(heard, torch.from_numpy(windows.track >= 0).repeat(2))
    assert torch.equal(given.music[:400, :, BEAT], given.music[400:, :, BEAT])
    assert not torch.equal(given.music[:400], given.music[400:])  # each in another sound
    # all who are filmed, and those whose keys say nearly everything, are estimated as well
    others = sorted(set(given.twice.tolist()) - set(given.film.rows.tolist()))
    assert len(given.twice) - len(given.film.rows) == len(others) == 40
    assert given.mask.any(-1).any(-1)[others].all()
    assert torch.equal(given.between.any(-1).any(-1), given.mask.any(-1).any(-1) | (given.between[..., -1] > 0).any(-1))
    # of those who are filmed some hear no words
    words = given.batch.text.weights.any(-1).any(-1)
    before = torch.from_numpy(~silent).repeat(2)
    assert torch.equal(words[others], before[others]) and not (words & ~before).any()
    filmed = given.film.rows
    assert words[filmed].sum() / before[filmed].sum() == pytest.approx(0.5, abs=0.1)


def test_every_share_of_a_step_has_nearly_as_many_of_each_role():
    roles = EVERYTHING.roles(60)
    for share in range(0, 60, 12):  # of twelve windows each: nearly as many everywhere
        part = roles[share : share + 12]
        assert abs((part == mixture.FILMED).sum() - 0.4 * 24) < 1.5 and abs((part == mixture.DENSE).sum() - 1.2) < 1.5
    assert abs((roles[:, 0] == mixture.FILMED).sum() - (roles[:, 1] == mixture.FILMED).sum()) <= 1


def test_without_shares_a_batch_is_what_it_was_and_is_passed_once(built):
    one = trainer(built, Shares())
    given = one.batch(0, slice(0, 2))
    assert given.film is None and given.mask is None and given.music is None and not len(given.twice)
    told = given.goals[..., 6].bool()
    assert torch.equal(told, given.batch.told[:, None].expand_as(told))
    assert not given.goals[..., 13].any()
    inputs, sight = mixture.inputs_of(given, one.preset.network, False, one.draws(0, slice(0, 2), 1))
    assert sight is None and inputs.obs is None and inputs.key_mask is None


def test_music_needs_songs_and_footage_a_body(built, songs):
    alone = trainer(built, EVERYTHING)
    assert alone.batch(0, slice(0, 2)).music is None and (alone.draw(0).track < 0).all()
    with pytest.raises(ValueError, match="body"):
        mixture.Mixture(EVERYTHING, alone.statistics, built, None, songs)


def test_nobody_who_is_filmed_is_told_where_a_character_stands_unless_there_is_a_path(built):
    one = trainer(built, Shares(filmed=0.5), batch=80)
    given = one.batch(0, slice(0, 40))
    filmed = torch.zeros(80, dtype=torch.bool).index_fill(0, given.film.rows, True)
    assert not given.goals[filmed].any() and given.goals[~filmed].any()


def test_a_step_on_everything_reaches_every_parameter(built, songs):
    one = trainer(built, EVERYTHING, songs, batch=24)
    seen: set[str] = set()
    for _ in range(12):
        parts = one.step(0.1)
        assert all(torch.isfinite(part) for part in parts.values())
        seen |= {n for n, p in one.state.network.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"camera", "reprojection"} <= set(parts)
    assert {n for n, p in one.state.network.named_parameters() if p.requires_grad} == seen


def test_the_shares_of_a_step_add_up_to_the_whole(built, songs):
    one = trainer(built, EVERYTHING, songs, batch=32)
    whole = one.losses(0, slice(0, 16))
    parts = [one.losses(0, share) for share in (slice(0, 8), slice(8, 16))]
    for name, value in whole.items():
        assert torch.allclose(value, sum(p[name] for p in parts) / 2, rtol=1e-4), name


def test_the_estimation_starts_from_nothing_and_is_added_to_the_diffusion(built):
    shares = Shares(filmed=1.0)
    one = trainer(built, shares, batch=8)
    given = one.batch(0, slice(0, 4))
    assert given.twice.tolist() == list(range(8))
    draws = one.draws(0, slice(0, 4), mixture.ESTIMATION)
    alone = one._pass(one._estimation(given, draws), 8)[1]
    both = one.losses(0, slice(0, 4), torch.zeros(8, dtype=torch.long))
    assert alone["simple"] > 0.1
    assert both["simple"] > alone["simple"]
    one.noise = lambda step, share: (torch.zeros(8, dtype=torch.long), torch.zeros_like(given.batch.x0))
    again = one._pass(one._estimation(given, one.draws(0, slice(0, 4), mixture.ESTIMATION)), 8)[1]
    assert torch.equal(alone["simple"], again["simple"])


def test_keyed_channels_reach_the_network_clean_whatever_the_noise(built, monkeypatch):
    one = trainer(built, Shares(keyed=1.0, dense=0.5), batch=8)
    given = one.batch(0, slice(0, 4))
    seen = []
    forward = one.state.network.denoiser.first_hidden

    def spy(tokens, t, prepared):
        seen.append((tokens.detach().unflatten(-1, (-1, 151)).flatten(1, 2), t))
        return forward(tokens, t, prepared)

    monkeypatch.setattr(one.state.network.denoiser, "first_hidden", spy)
    one.losses(0, slice(0, 4))
    x_t, _ = seen[-1]
    assert given.mask.any()
    assert torch.equal(x_t[given.mask], given.batch.x0[given.mask])
    assert not torch.allclose(x_t[~given.mask], given.batch.x0[~given.mask])
    assert len(seen) == 2
    for x_t, t in seen[:-1]:
        mask = given.mask[given.twice]
        assert (t == 999).all() and not x_t[~mask].any()


def test_songs_are_dropped_for_some_samples_and_never_shown_when_absent(built, songs):
    one = trainer(built, replace(EVERYTHING, filmed=0.0), songs, batch=400)
    given = one.batch(0, slice(0, 200))
    inputs, _ = mixture.inputs_of(given, one.preset.network, False, one.draws(0, slice(0, 200), mixture.DIFFUSION))
    had, has = given.has_music.any(-1), inputs.has_music.any(-1)
    assert not (has & ~had).any()
    assert (had & ~has).float().sum() / had.sum() == pytest.approx(0.1, abs=0.08)
