"""The kinds of sentences in a corpus, found once from how the text encoder places them (network: `SentenceEmbedder`).

All wordings of what means the same, on the same side, are one kind. In the encoder's space the wordings of a kind
scatter more than left and right differ, so a network that has to find the difference by itself needs very many windows;
linear discriminant analysis has it in closed form: with kinds' means m_k and the scatter S of wordings about them, the
log odds of a sentence x are x S^-1 m_k - m_k S^-1 m_k / 2, a linear layer.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..network.denoiser import SentenceEmbedder, mean_token
from .corpus import Corpus
from .paraphrases import mirror_words, wording

Array = np.ndarray
RIDGE = 0.1  # of the mean scatter, added in every direction: few sentences do not span 384
SHARPNESS = 0.2
"""Multiplies the log odds: wordings nobody has heard scatter more widely than those of the corpus."""
NEVER = -1000.0  # log odds of a kind that does not exist


def kinds_of(corpus: Corpus) -> Array:
    """(S,) the kind of each of the corpus's sentences, numbered from 0 by how many wordings a kind has."""
    names = np.full(len(corpus.sentences), "", dtype=object)
    for text, rows in zip(corpus.texts, corpus.choices, strict=True):
        own, other = wording(text), wording(mirror_words(text))
        names[corpus.twin[rows]] = other
        names[rows] = own
    _, kind, count = np.unique(names.astype(str), return_inverse=True, return_counts=True)
    rank = np.empty(len(count), dtype=np.int64)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    return rank[kind]


@torch.no_grad()
def fill_kinds(embedder: SentenceEmbedder, features: Tensor, kind: Array) -> None:
    """Set the embedder's kinds from encoded sentences (S, N, C) and their kinds (S,).

    Where there are more than it has room for, those with the fewest wordings are left out.
    """
    assert embedder.kinds is not None
    room = embedder.kinds.out_features
    sentences = mean_token(features.float()).double().cpu()
    number = torch.from_numpy(kind)
    kept = number < room
    sentences, number = sentences[kept], number[kept]
    found = int(number.max()) + 1
    count = torch.bincount(number, minlength=found).double()[:, None]
    means = torch.zeros(found, sentences.shape[1], dtype=torch.float64).index_add_(0, number, sentences) / count
    apart = sentences - means[number]
    scatter = apart.T @ apart / len(apart)
    ridge = RIDGE * scatter.diagonal().mean().clamp(min=1e-6)
    centre = sentences.mean(0)
    weight = torch.linalg.solve(scatter + ridge * torch.eye(len(scatter), dtype=torch.float64), (means - centre).T).T
    bias = -(weight * (means + centre)).sum(1) / 2
    embedder.kinds.weight.zero_()
    embedder.kinds.bias.fill_(NEVER)
    embedder.kinds.weight[:found] = (SHARPNESS * weight).float()
    embedder.kinds.bias[:found] = (SHARPNESS * bias).float()
