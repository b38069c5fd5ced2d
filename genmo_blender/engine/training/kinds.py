"""The kinds of sentences in a corpus, found once from how the text encoder places them (network: `SentenceKinds`).

All wordings of what means the same, on the same side, are one kind. In the encoder's space the wordings of a kind
scatter more than left and right differ, so a network that has to find the difference by itself needs very many windows.
All wordings are known, so two small classifiers find it in seconds: what is done, and on which side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from ..network.sentence import NEVER, SentenceEmbedder, SentenceKinds, mean_token
from .batches import TextBatch
from .corpus import Corpus
from .draws import Draws
from .paraphrases import first_side, mirror_words, wording
from .windows import MAX_TEXTS

Array = np.ndarray
EPOCHS, FEWEST_STEPS, BATCH, RATE = 15, 300, 256, 3e-3
RIDGE = 0.3
"""Of the mean scatter: what is added to the wordings' scatter about their kinds before it is evened out, since few
sentences do not span 384."""
FORGOTTEN = 0.5
"""Part of the hidden units that is dropped in training. Set, with the sharpness, by kept-back wordings (hearing.py)."""
SHARPNESS = 0.8
"""What multiplies the log odds of what is done, since a classifier is too sure of what it never heard."""
FARTHEST = 1.5


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


def sides_of(corpus: Corpus) -> Array:
    """(S,) the side that each of the corpus's sentences names first: 1 left, -1 right, 0 none."""
    return np.array([first_side(sentence) for sentence in corpus.sentences])


def fill_kinds(embedder: SentenceEmbedder, features: Tensor, kind: Array, twin: Array, side: Array) -> None:
    """Find the embedder's kinds from encoded sentences (S, N, C), their kinds (S,), the rows (S,) of their mirrored
    sentences and the sides (S,) they name.

    Where there are more than it has room for, those with the fewest wordings are left out.
    """
    assert embedder.kinds is not None
    room = embedder.kinds.side_of.numel()
    number = torch.from_numpy(kind)
    other = torch.arange(max(room, int(number.max()) + 1)).index_copy(0, number, number[torch.from_numpy(twin)])
    kept = number < room
    features, number, named = features.cpu()[kept], number[kept], torch.from_numpy(side)[kept].float()
    other = torch.where(other[:room] < room, other[:room], torch.arange(room))
    side_of = torch.zeros(room).index_add_(0, number, named).sign() * (other != torch.arange(room))
    with torch.random.fork_rng([]), torch.enable_grad():
        torch.manual_seed(0)
        found = SentenceKinds(features.shape[-1], room).requires_grad_(True)
        _learn_what_is_done(found, mean_token(features.float()), torch.minimum(number, other[number]))
        _learn_sides(found, features, named)
    with torch.no_grad():
        alike = torch.minimum(torch.arange(room), other)
        found.fc2.weight.copy_(found.fc2.weight[alike])
        found.fc2.bias.copy_(found.fc2.bias[alike])
        found.fc2.bias[torch.bincount(number, minlength=room) == 0] = NEVER
        found.side_of.copy_(side_of)
    embedder.kinds.load_state_dict(found.state_dict())


def _learn_what_is_done(found: SentenceKinds, sentences: Tensor, number: Tensor) -> None:
    """Fit the classifier of mean tokens (S, C); each kind counts by the square root of its number of wordings."""
    centre, evened = sentences.mean(0), _evening(sentences - _means(sentences, number)[number])
    evened = evened / ((sentences - centre) @ evened).std().clamp(min=1e-6)
    placed = (sentences - centre) @ evened
    weight = 1.0 / torch.bincount(number)[number].float().sqrt()
    weight = weight * (len(weight) / weight.sum())
    nn.init.normal_(found.fc2.weight, std=0.02)
    for rows in _steps([*found.fc1.parameters(), *found.fc2.parameters()], len(number)):
        hidden = nn.functional.dropout(nn.functional.gelu(found.fc1(placed[rows])), FORGOTTEN)
        loss = nn.functional.cross_entropy(found.fc2(hidden), number[rows], reduction="none")
        (loss * weight[rows]).mean().backward()
    with torch.no_grad():
        found.fc1.weight.copy_(found.fc1.weight @ evened)
        found.fc1.bias.sub_(found.fc1.weight @ centre)
        for parameter in found.fc2.parameters():
            parameter.mul_(SHARPNESS)


def _evening(apart: Tensor) -> Tensor:
    """(C, C) symmetric: what makes the scatter of differences (S, C) nearly the same in all directions."""
    scatter = (apart.T @ apart / len(apart)).double()
    widened = scatter + RIDGE * scatter.diagonal().mean().clamp(min=1e-6) * torch.eye(len(scatter), dtype=torch.float64)
    size, direction = torch.linalg.eigh(widened)
    return (direction * size.rsqrt() @ direction.T).float()


def _learn_sides(found: SentenceKinds, features: Tensor, named: Tensor) -> None:
    """Fit which tokens speak for which side to the sentences (S, N, C) that name one."""
    sided = torch.nonzero(named)[:, 0]
    if not len(sided):
        return
    for rows in _steps(list(found.side.parameters()), len(sided)):
        row = sided[rows]
        odds = found.leftness(features[row].float())
        nn.functional.softplus(-named[row] * odds).mean().backward()


def _steps(parameters: list[nn.Parameter], sentences: int) -> Iterator[Tensor]:
    """Rows (B,) to compute gradients for, and a step of the parameters after each."""
    steps = max(FEWEST_STEPS, EPOCHS * math.ceil(sentences / BATCH))
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
    for _ in range(steps):
        optimiser.zero_grad()
        yield torch.randint(sentences, (BATCH,))
        optimiser.step()
        schedule.step()


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
