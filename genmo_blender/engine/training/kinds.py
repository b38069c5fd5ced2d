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
from .batches import TextBatch
from .corpus import Corpus
from .draws import Draws
from .paraphrases import mirror_words, wording
from .windows import MAX_TEXTS

Array = np.ndarray
RIDGE, SHARPNESS = 0.3, 0.08
"""Of the kinds, whichever side: a ridge in units of the mean scatter, since few sentences do not span 384, and what
multiplies the log odds, since wordings that nobody has heard scatter more widely: set by held-out ones (hearing.py)."""
SIDE_RIDGE, SIDE_SHARPNESS = 0.1, 0.2
"""Of left against right, which a word or two decide however the rest is worded."""
FARTHEST = 1.5
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
def fill_kinds(embedder: SentenceEmbedder, features: Tensor, kind: Array, twin: Array) -> None:
    """Set the embedder's kinds from encoded sentences (S, N, C), their kinds (S,) and the rows (S,) of their mirrored
    sentences.

    Where there are more than it has room for, those with the fewest wordings are left out.
    """
    assert embedder.kinds is not None
    room = embedder.kinds.out_features
    number = torch.from_numpy(kind)
    other = torch.arange(max(room, int(number.max()) + 1)).index_copy(0, number, number[torch.from_numpy(twin)])
    kept = number < room
    sentences, number = mean_token(features.float()).double().cpu()[kept], number[kept]
    found = int(number.max()) + 1
    other = torch.where(other[:found] < found, other[:found], torch.arange(found))
    apart = sentences - _means(sentences, number)[number]
    scatter = apart.T @ apart / len(apart)
    weight, bias = _log_odds(sentences, number, scatter, RIDGE)
    side_weight, side_bias = _log_odds(sentences, number, scatter, SIDE_RIDGE)
    weight = SHARPNESS * (weight + weight[other]) / 2 + SIDE_SHARPNESS * (side_weight - side_weight[other]) / 2
    bias = SHARPNESS * (bias + bias[other]) / 2 + SIDE_SHARPNESS * (side_bias - side_bias[other]) / 2
    embedder.kinds.weight.zero_()
    embedder.kinds.bias.fill_(NEVER)
    embedder.kinds.weight[:found] = weight.float()
    embedder.kinds.bias[:found] = bias.float()


@torch.no_grad()
def deviations_of(features: Tensor, kind: Array) -> Tensor:
    """(S, C) how far each encoded sentence (S, N, C) lies from the mean of its kind (S,)."""
    sentences, number = mean_token(features.float()), torch.from_numpy(kind).to(features.device)
    return sentences - _means(sentences, number)[number]


def reworded(text: TextBatch, deviations: Tensor, share: float, draws: Draws) -> TextBatch:
    """The texts, a ``share`` of them as somebody might have worded them whom nobody has heard yet: moved by up to
    `FARTHEST` times what one wording of the corpus, any, differs from its kind (`deviations_of`)."""
    texts = text.features.shape[1]  # fewer where no sample of this share has more
    which, far, heard = (draws.uniform(MAX_TEXTS)[:, :texts] for _ in range(3))
    row = (which * len(deviations)).long().clamp(max=len(deviations) - 1)
    far = FARTHEST * far * (heard < share)
    words = text.features.ne(0).any(-1, keepdim=True)
    return TextBatch(text.features + words * (far[..., None] * deviations[row])[:, :, None], text.weights)


def _means(sentences: Tensor, number: Tensor) -> Tensor:
    count = torch.bincount(number).to(sentences.dtype)[:, None]
    return sentences.new_zeros(len(count), sentences.shape[1]).index_add_(0, number, sentences) / count


def _log_odds(sentences: Tensor, number: Tensor, scatter: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Linear discriminants of the kinds: weight (K, C) and bias (K,)."""
    means, centre = _means(sentences, number), sentences.mean(0)
    widened = ridge * scatter.diagonal().mean().clamp(min=1e-6) * torch.eye(len(scatter), dtype=scatter.dtype)
    weight = torch.linalg.solve(scatter + widened, (means - centre).T).T
    return weight, -(weight * (means + centre)).sum(1) / 2
