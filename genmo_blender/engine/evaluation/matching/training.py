"""Training the evaluator: sentences and the windows they tell pulled together, all others apart (InfoNCE)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...training.corpus import Corpus
from ...training.kinds import kinds_of
from ...training.paraphrases import mirror_words
from ...training.samples import mirrored
from ...training.windows import Windows, WindowSampler
from .network import SIZE, Evaluator
from .rows import EVERY, FRAMES, motion_rows

Array = np.ndarray
TEMPERATURE = 0.1
WARM_UP = 50
COVER = 0.5
"""Part of a window that its sentence holds over, at least."""


@dataclass(frozen=True)
class Settings:
    """How it is trained."""

    steps: int = 800
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.05
    noise: float = 0.1
    """Spread of what is added to the standardised rows, so that it does not tell clips by their noise."""


@dataclass(frozen=True)
class _Pairs:
    """n windows, each with one sentence: ``rows`` (n,) first row, ``length`` (n,) frames, ``sentence`` (n,), ``clip``
    (n,), all numbered so that a mirrored twin is another clip."""

    first: Array
    length: Array
    sentence: Array
    clip: Array


def train_evaluator(
    corpus: Corpus,
    features: Tensor,
    seed: int,
    settings: Settings | None = None,
    say: Callable[[str], None] = print,
) -> Evaluator:
    """Train on all clips of ``corpus`` and their mirrored twins; ``features`` (S, N, 384) encode its sentences. The
    same seed and number of threads give the same weights."""
    settings = settings or Settings()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(_all_rows(corpus))
    evaluator = Evaluator()
    evaluator.mean.copy_(rows.mean(0))
    evaluator.std.copy_(rows.std(0).clamp(min=1e-2))
    sampler, kind = WindowSampler(corpus), kinds_of(corpus)
    optimiser = torch.optim.AdamW(evaluator.parameters(), settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, settings.steps))
    total = 0.0
    for step in range(1, settings.steps + 1):
        pairs = _draw(sampler, corpus, rng, settings.batch)
        x, length = _windows(rows, pairs, rng)
        x = x + settings.noise * evaluator.std * torch.randn(x.shape)
        motions = evaluator.motions(x, length)
        texts = evaluator.texts(features[torch.from_numpy(pairs.sentence)])
        loss = contrast(motions, texts, _same(pairs, kind))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(evaluator.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
        if step % 100 == 0 or step == settings.steps:
            part = step % 100 or 100
            say(f"step {step}: loss {total / part:.3f}")
            total = 0.0
    return evaluator.eval()


def contrast(motions: Tensor, texts: Tensor, same: Tensor) -> Tensor:
    """Mean cross-entropy of finding each motion's text and each text's motion among B pairs (B, 64); those that
    ``same`` (B, B) marks, the pairs themselves apart, are no wrong answers and do not count."""
    near = motions @ texts.T / (SIZE * TEMPERATURE)
    near = near.masked_fill(same & ~torch.eye(len(near), dtype=torch.bool), -torch.inf)
    own = torch.arange(len(near))
    return 0.5 * (functional.cross_entropy(near, own) + functional.cross_entropy(near.T, own))


def _all_rows(corpus: Corpus) -> Array:
    """(2N, WIDTH): all clips one after the other, then their twins, in the order of the corpus."""
    twins = (mirrored(clip, mirror_words) for clip in corpus.clips)
    return np.concatenate([motion_rows(c.joints()) for c in (*corpus.clips, *twins)])


def _rate(step: int, steps: int) -> float:
    """Warm-up, then a cosine to nothing."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * min(1.0, step / steps)))


def _draw(sampler: WindowSampler, corpus: Corpus, rng: np.random.Generator, count: int) -> _Pairs:
    """``count`` windows with a sentence that holds over half of them; half of them mirrored."""
    parts: list[_Pairs] = []
    missing = count
    while missing > 0:
        found = _told(sampler.draw(rng, 2 * count))
        parts.append(_Pairs(*(x[:missing] for x in found)))
        missing -= len(parts[-1].first)
    first, length, sentence, clip = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("first", "length", "sentence", "clip")
    )
    twin = rng.random(count) < 0.5
    return _Pairs(
        np.where(twin, first + corpus.half, first),
        length,
        np.where(twin, corpus.twin[sentence], sentence),
        np.where(twin, clip + len(corpus.clips), clip),
    )


def _told(windows: Windows) -> tuple[Array, Array, Array, Array]:
    """Of each window the sentence that holds longest, where that is long enough."""
    span = np.where(windows.sentence >= 0, windows.end - windows.start, 0)
    slot = span.argmax(axis=1)
    row = np.arange(len(windows))
    kept = span[row, slot] >= np.maximum(COVER * windows.length, 1)
    columns = (windows.first, windows.length, windows.sentence[row, slot], windows.clip)
    return columns[0][kept], columns[1][kept], columns[2][kept], columns[3][kept]


def _windows(rows: Tensor, pairs: _Pairs, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """(n, 60, WIDTH) and how many rows count; which of every two frames does is drawn."""
    offset = rng.integers(0, EVERY, len(pairs.first))
    at = offset[:, None] + np.arange(0, FRAMES, EVERY)
    count = np.maximum((pairs.length - offset + EVERY - 1) // EVERY, 1)
    index = pairs.first[:, None] + np.minimum(at, pairs.length[:, None] - 1)
    return rows[torch.from_numpy(index)], torch.from_numpy(count)


def _same(pairs: _Pairs, kind: Array) -> Tensor:
    """(n, n) bool: pairs whose sentences mean the same, or whose windows share frames."""
    means = kind[pairs.sentence]
    end = pairs.first + pairs.length
    overlap = (pairs.first[:, None] < end) & (pairs.first < end[:, None]) & (pairs.clip[:, None] == pairs.clip)
    return torch.from_numpy((means[:, None] == means) | overlap)
