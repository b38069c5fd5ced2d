"""How well kinds of sentences are told from wordings that nobody has heard: what `kinds` was set by.

``python -m genmo_blender.engine.training.hearing --data FOLDERS_OR_PACK``: every fifth way to say each caption is kept
back, the kinds are found without it, and what is kept back is heard. Printed are how many find their kind and the mean
log likelihood of the true kind; a sure wrong guess costs the most. Each kind counts by the square root of its number of
wordings.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...protocol.failures import GenmoFailure
from ..network.sentence import SentenceEmbedder
from .command import CACHE, sentence_features
from .corpus import Corpus, build
from .kinds import fill_kinds, kinds_of, sides_of
from .pack import prepared
from .paraphrases import spoken_ways

Array = np.ndarray
FOLDS = 5


def ways_of(corpus: Corpus) -> Array:
    """(S,) which of its caption's ways each sentence was made of, -1 for the captions themselves."""
    row = {sentence: i for i, sentence in enumerate(corpus.sentences)}
    way = np.full(len(corpus.sentences), -1)
    for text in corpus.texts:
        for index, phrases in enumerate(spoken_ways(text)):
            rows = np.array([row[phrase] for phrase in phrases if phrase in row], dtype=int)
            way[rows] = way[corpus.twin[rows]] = index
    return way


@torch.no_grad()
def heard(features: Tensor, kind: Array, twin: Array, side: Array, kept_back: Array) -> tuple[Tensor, Tensor]:
    """Log likelihood (N,) of the true kind of each sentence that was kept back, and whether it was the likeliest.

    ``features`` (S, N, C), ``kind``, ``twin``, ``side`` and ``kept_back`` (S,); a sentence is kept back with its twin.
    Those of a kind without any other wording are left out.
    """
    learned = np.flatnonzero(~kept_back)
    place = np.full(len(kind), -1)
    place[learned] = np.arange(len(learned))
    known, number = np.unique(kind[learned], return_inverse=True)
    embedder = SentenceEmbedder(features.shape[-1], 1, kinds=len(known))
    fill_kinds(embedder, features[learned], number, place[twin[learned]], side[learned])
    asked = np.flatnonzero(kept_back & np.isin(kind, known))
    true = torch.from_numpy(np.searchsorted(known, kind[asked]))
    assert embedder.kinds is not None
    odds = embedder.kinds(features[asked]).log_softmax(-1)
    weight = 1.0 / torch.bincount(true)[true].double().sqrt()
    weight = weight * (len(true) / weight.sum())
    return odds.gather(1, true[:, None])[:, 0] * weight, (odds.argmax(-1) == true) * weight


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="hearing", description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of motion shards, packed files")
    options = parser.parse_args(arguments)
    try:
        corpus = build(list(prepared(options.data, CACHE).train))
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    features, kind, way, side = sentence_features(corpus)[0], kinds_of(corpus), ways_of(corpus), sides_of(corpus)
    print(f"{len(kind)} sentences of {kind.max() + 1} kinds")
    folds = [heard(features, kind, corpus.twin, side, (way >= 0) & (way % FOLDS == fold)) for fold in range(FOLDS)]
    likelihood, found = (float(torch.stack([fold[i].mean() for fold in folds]).mean()) for i in (0, 1))
    print(f"kept-back wordings: {100 * found:.1f} % find their kind, mean log likelihood {likelihood:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
