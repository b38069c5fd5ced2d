"""Which frames the release's samples show (spec 7.7): captioned ones, wordless ones at another speed, dances, footage.

The release has AMASS twice: as motion without a word before moving cameras, of 80 to 179 frames stretched or squeezed
to 120, and as HumanML3D, with a caption and at its own speed. Here every set may give both kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..corpus import Corpus
from ..flat import FlatTable, draw_flat
from ..mixture import Shares
from ..songs import SongTable, draw_dances, draw_tracks
from ..windows import MAX_TEXTS, WINDOW, Sampler, Windows, unheard

Array = np.ndarray
SHORTEST, LONGEST = 80, 179  # frames of a wordless window before it is resampled


@dataclass(frozen=True)
class Drawn:
    """Windows, and of how many frames of the corpus each is made, ``raw`` (n,): as many as it has, or resampled."""

    windows: Windows
    raw: Array

    def part(self, share: slice) -> Drawn:
        """Some of them."""
        return Drawn(self.windows.part(share), self.raw[share])


def draw_windows(
    sampler: Sampler,
    shares: Shares,
    songs: SongTable | None,
    flat: FlatTable | None,
    rng: np.random.Generator,
    n: int,
) -> Drawn:
    """n windows. ``shares`` says how many are wordless and how many dances; ``flat`` ones come by their places."""
    corpus = sampler.corpus
    drawn = sampler.draw(rng, n)
    dances = shares.dances if songs is not None and songs.dance.any() else 0.0
    kind = rng.random(n)
    danced, wordless = kind < dances, (kind >= dances) & (kind < dances + shares.wordless)
    raw = np.zeros(n, dtype=np.int64)
    if wordless.any():
        windows, raw[wordless] = draw_wordless(corpus, rng, int(wordless.sum()))
        drawn = drawn.replaced(np.flatnonzero(wordless), windows)
    if songs is not None and danced.any():
        drawn = drawn.replaced(np.flatnonzero(danced), draw_dances(songs, corpus.length, rng, int(danced.sum())))
        drawn = replace(drawn, track=np.where(danced, draw_tracks(songs, drawn, rng), -1))
    if flat is not None and shares.flat:
        rows = np.flatnonzero(Shares(flat=shares.flat).roles(n)[:, 0])
        drawn = drawn.replaced(rows, draw_flat(flat, corpus, rng, len(rows)))
        raw[rows] = 0
    return Drawn(drawn, np.where(raw > 0, raw, drawn.length))


def draw_wordless(corpus: Corpus, rng: np.random.Generator, n: int) -> tuple[Windows, Array]:
    """n windows without a sentence and the frames (n,) of the corpus that each is made of: clips by how many windows
    fill them, 80 to 179 frames of each, or as many as it has."""
    bound = np.cumsum(np.maximum(corpus.length // WINDOW, 1), dtype=np.float64)
    clip = np.searchsorted(bound, rng.random(n) * bound[-1], side="right")
    raw = np.minimum(rng.integers(SHORTEST, LONGEST + 1, n), corpus.length[clip])
    first = corpus.start[clip] + (rng.random(n) * (corpus.length[clip] - raw + 1)).astype(np.int64)
    nowhere = np.zeros((n, MAX_TEXTS), dtype=np.int64)
    return Windows(clip, first, np.full(n, WINDOW), nowhere - 1, nowhere, nowhere, *unheard(rng, n)), raw
