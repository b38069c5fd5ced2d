"""What whole sentences add to the sum of conditions; ours, not the release's.

A small network on little data follows its prompts much sooner when it need not first learn to find the words by
attention.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

KIND_WIDTH = 256
NEVER = -1000.0  # log odds of a kind that does not exist


def mean_token(features: Tensor) -> Tensor:
    """Texts (..., N, C), padding tokens zero, to the mean of their tokens (..., C); the null text stays zero."""
    words = (features != 0).any(-1, keepdim=True).sum(-2).clamp(min=1)
    return features.sum(-2) / words


class SentenceKinds(nn.Module):
    """Which of a number of kinds a sentence is of; found in the captions before training and kept (training/kinds.py).

    What is done is read from the mean token, by a network that knows nothing of sides. On which side, a word or two
    decide however long the sentence is, so each token speaks for left and for right, and the loudest are heard.
    ``side_of`` (K,) is 1 for kinds to the left, -1 for those to the right and 0 for those without a side.
    """

    def __init__(self, text_dim: int, kinds: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(text_dim, KIND_WIDTH)
        self.fc2 = nn.Linear(KIND_WIDTH, kinds)
        self.side = nn.Linear(text_dim, 2)
        self.side_of = nn.Parameter(torch.zeros(kinds))
        nn.init.zeros_(self.fc2.weight)
        nn.init.zeros_(self.fc2.bias)
        self.requires_grad_(False)

    @property
    def known(self) -> bool:
        """Whether the kinds were found."""
        return bool(self.fc2.weight.any())

    def done(self, sentence: Tensor) -> Tensor:
        """Log odds (..., K) of what is done, alike for both sides, from mean tokens (..., C)."""
        odds: Tensor = self.fc2(nn.functional.gelu(self.fc1(sentence)))
        return odds

    def leftness(self, features: Tensor) -> Tensor:
        """Log odds (...) of left against right, from texts (..., N, C), padding tokens zero."""
        silent = ~features.ne(0).any(-1, keepdim=True)
        left, right = self.side(features).masked_fill(silent, NEVER).logsumexp(-2).unbind(-1)
        return left - right

    def forward(self, features: Tensor) -> Tensor:
        """Log odds (..., K) of the kinds, from texts (..., N, C), padding tokens zero."""
        features = features.float()
        side = nn.functional.logsigmoid(self.side_of * self.leftness(features)[..., None])
        return self.done(mean_token(features)) + side * (self.side_of != 0)


class SentenceEmbedder(nn.Module):
    """What whole sentences add to the sum of conditions, each at the frames where it holds.

    An MLP of the mean token, and the mean of learned `values` of the `kinds` of sentences it may be, by their odds, so
    that "left" is as far from "right" as from "jump". Both start as zero, and the null text, all zeros, adds nothing.
    """

    def __init__(self, text_dim: int, width: int, kinds: int = 0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(text_dim, 2 * width, bias=False)
        self.fc2 = nn.Linear(2 * width, width, bias=False)
        nn.init.zeros_(self.fc2.weight)
        self.kinds = SentenceKinds(text_dim, kinds) if kinds else None
        if self.kinds is not None:
            self.values = nn.Linear(kinds, width, bias=False)
            nn.init.zeros_(self.values.weight)

    def forward(self, features: Tensor, weights: Tensor) -> Tensor:
        """`features` (B, K, N, C), padding tokens zero; `weights` (B, K, L); to (B, L, D)."""
        sentence = mean_token(features)
        embedded = self.fc2(nn.functional.gelu(self.fc1(sentence)))
        if self.kinds is not None:
            spoken = sentence.ne(0).any(-1, keepdim=True)
            odds = self.kinds(features).softmax(-1) * spoken
            embedded = embedded + self.values(odds.to(embedded.dtype))
        return weights.to(embedded.dtype).transpose(1, 2) @ embedded
