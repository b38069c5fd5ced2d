"""Whether motions are told by their texts: R-precision and MM-distance (Guo et al. 2022), drawn often.

Rows are embeddings of one space, nearness is Euclidean. A draw takes as many distinct captions as a batch has, one
motion for each, and ranks every motion's own caption among all of the draw. Captions that say the same in other words
stand against each other like any two; they do so for whatever is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .distributions import Spread

Array = np.ndarray
Rng = np.random.Generator
BATCH, DRAWS, TOP = 32, 100, 3


@dataclass(frozen=True)
class Retrieval:
    """``precision[k - 1]``: share of motions whose caption is among the k nearest; ``distance``: mean distance between
    a motion and its caption (MM-distance). ``hits`` (draws, 3) are the single draws, ``batch`` captions each."""

    precision: tuple[Spread, ...]
    distance: Spread
    hits: Array
    batch: int


def draw_captions(captions: Sequence[str], rng: Rng, draws: int = DRAWS, batch: int = BATCH) -> list[list[str]]:
    """Draws of ``batch`` distinct captions each, or of all where there are fewer."""
    distinct = sorted(set(captions))
    size = min(batch, len(distinct))
    return [[distinct[i] for i in rng.choice(len(distinct), size, replace=False)] for _ in range(draws)]


def retrieval(
    texts: Mapping[str, Array], motions: Mapping[str, Sequence[Array]], draws: Sequence[Sequence[str]], rng: Rng
) -> Retrieval:
    """``texts``: each caption's embedding (D,); ``motions``: embeddings (D,) of those that show it, of which a draw
    takes any one; ``draws``: captions of each draw (`draw_captions`). The same draws make two results comparable."""
    hits, distances = np.empty((len(draws), TOP)), np.empty(len(draws))
    for k, captions in enumerate(draws):
        rows = np.stack([motions[c][int(rng.integers(len(motions[c])))] for c in captions])
        apart = np.linalg.norm(rows[:, None] - np.stack([texts[c] for c in captions])[None], axis=-1)
        hits[k] = [np.mean(ranks(apart) < top) for top in range(1, TOP + 1)]
        distances[k] = np.diag(apart).mean()
    return Retrieval(
        tuple(Spread.over(hits[:, top]) for top in range(TOP)), Spread.over(distances), hits, len(draws[0])
    )


def ranks(apart: Array) -> Array:
    """(n,) how many others are as near to motion i as its own text i, of distances (n motions, n texts)."""
    return (apart <= np.diag(apart)[:, None]).sum(axis=1) - 1
