"""R-precision and MM-distance of embeddings made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from genmo_blender.engine.evaluation.retrieval import draw_captions, ranks, retrieval

CAPTIONS = [f"caption {i}" for i in range(64)]
AXES = dict(zip(CAPTIONS, np.eye(64), strict=True))


def draws(seed: int = 0, batch: int = 32) -> list[list[str]]:
    return draw_captions(CAPTIONS, np.random.default_rng(seed), batch=batch)


def test_draws_are_distinct_captions_and_all_of_them_where_there_are_few() -> None:
    drawn = draw_captions(CAPTIONS * 2, np.random.default_rng(0))
    assert len(drawn) == 100 and all(len(set(d)) == 32 for d in drawn)
    assert len({tuple(d) for d in drawn}) == 100
    assert sorted(draw_captions(CAPTIONS[:5], np.random.default_rng(0))[0]) == CAPTIONS[:5]


def test_a_perfect_evaluator_finds_every_caption() -> None:
    found = retrieval(AXES, {c: [2.0 * x, 0.5 * x] for c, x in AXES.items()}, draws(), np.random.default_rng(0))
    assert [p.mean for p in found.precision] == [1.0, 1.0, 1.0]
    assert found.distance.mean == pytest.approx(0.75, abs=0.05) and found.batch == 32


def test_embeddings_that_know_nothing_are_right_by_chance() -> None:
    rng = np.random.default_rng(5)
    motions = {c: [rng.standard_normal(64) for _ in range(50)] for c in CAPTIONS}
    found = retrieval(AXES, motions, draw_captions(CAPTIONS, rng, 400), rng)
    for k, precision in enumerate(found.precision, start=1):
        assert precision.mean == pytest.approx(k / 32, abs=0.008)


def test_ranks_by_hand() -> None:
    apart = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [5.0, 5.0, 5.0]])
    # as near counts against: whoever cannot tell texts apart finds none
    assert ranks(apart).tolist() == [0, 2, 2]


def test_the_distance_is_that_of_pairs() -> None:
    texts = {"a": np.zeros(2), "b": np.array([3.0, 4.0])}
    motions = {"a": [np.array([0.0, 1.0])], "b": [np.zeros(2)]}
    found = retrieval(texts, motions, [["a", "b"]], np.random.default_rng(0))
    assert found.distance.mean == pytest.approx((1.0 + 5.0) / 2)
    # b's motion lies on a's text; both texts are among the nearest two
    assert found.hits.tolist() == [[0.5, 1.0, 1.0]]


def test_the_same_seed_gives_the_same_figures() -> None:
    rng = np.random.default_rng(2)
    motions = {c: [rng.standard_normal(64) for _ in range(3)] for c in CAPTIONS}
    first, second = (retrieval(AXES, motions, draws(1), np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(first.hits, second.hits)
