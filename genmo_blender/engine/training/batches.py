"""Windows -> tensors: the normalised code, the joints it should move, and its texts, mirrored twins included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..representation.codec import Statistics
from .corpus import Corpus
from .windows import MAX_TEXTS, WINDOW, Window

# A level still camera seen from the gravity-view frame (spec 4.4): its x and y point the other way.
LEVEL_CAMERA = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))


@dataclass(frozen=True)
class TextBatch:
    """``features`` (B, K, N, C) float32 and ``weights`` (B, K, L): the network's text windows."""

    features: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Batch:
    """``x0`` (B, L, 151) normalised; ``valid`` (B, L) bool; ``length`` (B,); ``root`` (B, L, 3, 3) gravity-view;
    ``joints`` (B, L, 22, 3) metres from the pelvis, gravity-view; ``contacts`` (B, L, 6); ``text``."""

    x0: Tensor
    valid: Tensor
    length: Tensor
    root: Tensor
    joints: Tensor
    contacts: Tensor
    velocity: Tensor
    text: TextBatch


def collate(
    corpus: Corpus, windows: list[Window], features: Tensor, statistics: Statistics, rng: np.random.Generator
) -> Batch:
    """Every window and its mirrored twin (2 x len(windows) samples), each under a camera of its own yaw.

    ``features`` (sentences, N, C) half precision: the encoded sentence table of the corpus.
    """
    b = len(windows)
    length = torch.tensor([w.length for w in windows]).repeat(2)
    offset = torch.arange(WINDOW)
    first = torch.tensor([w.first for w in windows])
    rows = first[:, None] + torch.minimum(offset[None], length[:b, None] - 1)
    rows = torch.cat([rows, rows + corpus.half])
    yaw = torch.tensor(rng.uniform(-np.pi, np.pi, size=2 * b), dtype=torch.float32)
    turn = _about_y(yaw)[:, None]
    root = turn @ corpus.root[rows]
    velocity = corpus.velocity[rows]
    raw = torch.cat(
        [
            corpus.pose[rows],
            torch.zeros(2 * b, WINDOW, 10),
            (LEVEL_CAMERA @ root)[..., :2, :].flatten(-2),
            root[..., :2, :].flatten(-2),
            velocity,
        ],
        dim=-1,
    )
    valid = offset[None] < length[:, None]
    joints = (turn[:, :, None] @ corpus.joints[rows].unsqueeze(-1)).squeeze(-1)
    x0 = statistics.normalise(raw) * valid[..., None]
    text = _texts(corpus, windows, features, rng)
    return Batch(x0, valid, length, root, joints, corpus.contacts[rows], velocity, text)


def _about_y(angle: Tensor) -> Tensor:
    c, s, zero, one = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([c, zero, s, zero, one, zero, -s, zero, c], dim=-1).unflatten(-1, (3, 3))


def _texts(corpus: Corpus, windows: list[Window], features: Tensor, rng: np.random.Generator) -> TextBatch:
    b = len(windows)
    sentence = np.full((2 * b, MAX_TEXTS), -1)
    weights = torch.zeros(2 * b, MAX_TEXTS, WINDOW)
    for i, window in enumerate(windows):
        for k, span in enumerate(window.spans[:MAX_TEXTS]):
            choices = corpus.choices[span.sentence]
            row = choices[int(rng.integers(len(choices)))]
            sentence[i, k], sentence[b + i, k] = row, corpus.twin[row]
            weights[[i, b + i], k, span.start : span.end] = 1.0
    used = max(1, int((sentence >= 0).any(0).sum()))
    rows = torch.from_numpy(sentence[:, :used])
    chosen = features[rows.clamp(min=0)].float() * (rows >= 0)[..., None, None]
    return TextBatch(chosen, weights[:, :used])
