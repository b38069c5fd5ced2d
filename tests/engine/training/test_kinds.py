"""Kinds of sentences: which there are, and how the network hears them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.network.sentence import SentenceEmbedder
from genmo_blender.engine.training import command, corpus
from genmo_blender.engine.training.batches import TextBatch
from genmo_blender.engine.training.draws import Draws
from genmo_blender.engine.training.importers import shards
from genmo_blender.engine.training.kinds import deviations_of, fill_kinds, kinds_of, reworded, sides_of
from genmo_blender.engine.training.paraphrases import mirror_words, wording
from genmo_blender.engine.training.state import new_state
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


def test_all_wordings_of_a_caption_are_of_one_kind_and_those_of_the_other_side_of_another(built):
    kind = kinds_of(built)
    said: dict[int, set[str]] = {}
    for text, rows in zip(built.texts, built.choices, strict=True):
        for row in rows:
            said.setdefault(int(row), set()).add(wording(text))
    for text, rows in zip(built.texts, built.choices, strict=True):
        alone = [row for row in rows if len(said[row]) == 1]  # "walk ahead" may be said of two captions
        assert alone and len(set(kind[alone])) == 1, text
        sided = wording(text) != wording(mirror_words(text))
        assert (kind[built.twin[alone[0]]] != kind[alone[0]]) == sided, text
    count = np.bincount(kind)
    assert (count > 0).all() and (np.diff(count) <= 0).all()


def clusters(step=4.0, sentences=40, kinds=5):
    """Kinds that differ in one small direction while their sentences scatter widely in others."""
    random = torch.Generator().manual_seed(0)
    kind = np.repeat(np.arange(kinds), sentences)
    features = torch.randn(len(kind), 3, 16, generator=random) * torch.tensor([0.1] * 2 + [1.5] * 14)
    features[:, :, 0] += torch.from_numpy(kind)[:, None] * step
    features[:, 2] = 0.0  # a padding token
    return features.half(), kind


@pytest.mark.parametrize(("step", "least"), [(4.0, 0.85), (8.0, 1.0)])
def test_kinds_are_told_apart_where_wordings_scatter_more_than_they_differ(step, least):
    features, kind = clusters(step)
    embedder = SentenceEmbedder(16, 4, kinds=8)
    half = len(kind[::2])
    fill_kinds(embedder, features[::2], kind[::2], np.arange(half), np.zeros(half, dtype=int))
    odds = embedder.kinds(features[1::2]).softmax(-1)
    assert (odds.argmax(-1) == torch.from_numpy(kind[1::2])).float().mean() >= least
    assert odds[:, 5:].max() < 1e-6  # kinds that do not exist


def test_sides_are_told_apart_and_a_pair_of_kinds_differs_in_its_side_alone(built):
    kind, side = kinds_of(built), sides_of(built)
    features, _ = command.sentence_features(built)
    embedder = SentenceEmbedder(384, 4, kinds=512)
    fill_kinds(embedder, features, kind, built.twin, side)
    found = int(kind.max()) + 1
    other = torch.arange(found)
    other[kind] = torch.from_numpy(kind[built.twin])
    odds = embedder.kinds(features)[:, :found]
    sided = torch.from_numpy(kind[built.twin] != kind)
    rows, number = torch.nonzero(sided)[:, 0], torch.from_numpy(kind)[sided]
    ahead = odds[rows, number] - odds[rows, other[number]]
    assert (ahead > 0).float().mean() > 0.95  # some wordings serve both a kind and another
    assert torch.equal(embedder.kinds.fc2.weight[:found], embedder.kinds.fc2.weight[:found][other])
    assert torch.equal(embedder.kinds.side_of[:found], -embedder.kinds.side_of[:found][other])
    assert torch.equal(embedder.kinds.side_of[:found] != 0, other != torch.arange(found))


def test_the_same_kinds_are_found_again(built):
    features, kind = clusters()
    side = np.where(kind == 1, 1, np.where(kind == 2, -1, 0))
    first, second = SentenceEmbedder(16, 4, kinds=8), SentenceEmbedder(16, 4, kinds=8)
    state = torch.random.get_rng_state()
    for embedder in (first, second):
        torch.rand(3)
        before = torch.random.get_rng_state()
        fill_kinds(embedder, features, kind, np.arange(len(kind)), side)
        assert torch.equal(torch.random.get_rng_state(), before)  # a run's own draws stay what they were
    torch.random.set_rng_state(state)
    for name, value in first.kinds.state_dict().items():
        assert torch.equal(value, second.kinds.state_dict()[name]), name


def test_words_are_heard_as_if_worded_otherwise_and_silence_stays_silent():
    features, kind = clusters()
    deviations = deviations_of(features, kind)
    for number in range(5):
        assert deviations[kind == number].mean(0).abs().max() < 1e-3
    text = TextBatch(
        torch.stack([features[0].float(), torch.zeros(3, 16)])[None].repeat(8, 1, 1, 1), torch.ones(8, 2, 4)
    )
    draws = Draws([torch.Generator().manual_seed(0)], 8)
    heard = reworded(text, deviations, 0.5, draws)
    moved = (heard.features - text.features).abs().amax((-1, -2))
    assert 0 < int((moved[:, 0] > 0).sum()) < 8 and not moved[:, 1].any()
    assert not heard.features[:, 0, 2].any()  # padding is no word
    assert torch.equal(reworded(text, deviations, 0.0, draws).features, text.features)


def test_kinds_with_few_wordings_are_left_out_where_there_is_no_room():
    features, kind = clusters()
    embedder = SentenceEmbedder(16, 4, kinds=3)
    fill_kinds(embedder, features, kind, np.arange(len(kind)), np.zeros(len(kind), dtype=int))
    assert torch.isfinite(embedder.kinds.fc2.weight).all() and embedder.kinds.fc2.weight.any(1).all()


def test_the_null_text_adds_nothing_and_a_kind_adds_its_values_at_its_frames():
    features, kind = clusters(step=40.0)
    embedder = SentenceEmbedder(16, 4, kinds=5)
    fill_kinds(embedder, features, kind, np.arange(len(kind)), np.zeros(len(kind), dtype=int))
    for parameter in embedder.kinds.fc2.parameters():
        parameter.mul_(20.0)  # the sentence is heard without a doubt, whatever the values are
    torch.nn.init.normal_(embedder.values.weight)
    both = torch.stack([features[kind == 3][0].float(), torch.zeros(3, 16)])[None]
    weights = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]])
    said = embedder(both, weights)[0]
    assert not said[2:].any()
    assert torch.allclose(said[0], embedder.values.weight[:, 3], atol=0.05) and torch.equal(said[0], said[1])


def test_weights_of_before_there_were_kinds_go_on_as_they_were(built, tmp_path):
    new = curve.small_preset()
    old = replace(new, network=replace(new.network, sentence_kinds=0))
    before = curve.small_trainer(built, old)
    torch.nn.init.normal_(before.state.network.denoiser.embed_sentence.fc2.weight)
    before.state.average = dict(before.state.network.state_dict())
    made = command.checkpoint_of(before.state, old, before.statistics, ("none", "0"), "0")
    save_checkpoint(tmp_path / "old.safetensors", made, half=False)
    after = new_state(new, 1, tmp_path / "old.safetensors").network.denoiser.embed_sentence
    fill_kinds(after, before.features, kinds_of(built), built.twin, sides_of(built))
    features, weights = before.features[:6, None].float(), torch.ones(6, 1, 4)
    assert torch.allclose(after(features, weights), before.state.network.denoiser.embed_sentence(features, weights))
