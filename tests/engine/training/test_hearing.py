from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.training import corpus, hearing
from genmo_blender.engine.training.importers import shards

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


def test_a_way_is_kept_back_in_all_its_forms_and_with_its_mirror_image(built):
    way = hearing.ways_of(built)
    assert np.array_equal(way[built.twin], way)
    row = {sentence: i for i, sentence in enumerate(built.sentences)}
    assert way[row["a person walks forward"]] == -1
    for text in built.texts:
        for index, phrases in enumerate(hearing.spoken_ways(text)):
            assert all(way[row[phrase]] >= 0 for phrase in phrases), (text, index)


def clusters(apart, kinds=6, wordings=20, scatter=1.0):
    random = torch.Generator().manual_seed(0)
    kind = np.repeat(np.arange(kinds), wordings)
    features = scatter * torch.randn(len(kind), 2, 8, generator=random)
    features[:, :, :kinds] += apart * torch.eye(kinds)[torch.from_numpy(kind)][:, None]
    return features, kind, np.tile(np.arange(wordings), kinds) % 5 == 0


def test_kinds_that_lie_apart_are_found_and_those_that_do_not_are_guessed():
    results = {}
    for apart in (0.0, 30.0):
        features, kind, kept_back = clusters(apart)
        likelihood, found = hearing.heard(
            features, kind, np.arange(len(kind)), np.zeros(len(kind), dtype=int), kept_back
        )
        assert len(likelihood) == kept_back.sum()
        results[apart] = float(likelihood.mean()), float(found.mean())
    assert results[30.0][1] == pytest.approx(1.0) and results[0.0][1] < 0.5
    assert results[30.0][0] > results[0.0][0]


def test_a_kind_whose_wordings_are_all_kept_back_is_left_out():
    features, kind, kept_back = clusters(30.0)
    kept_back = kept_back | (kind == 2)
    likelihood, found = hearing.heard(features, kind, np.arange(len(kind)), np.zeros(len(kind), dtype=int), kept_back)
    assert len(likelihood) == (kept_back & (kind != 2)).sum() and found.mean() == pytest.approx(1.0)
