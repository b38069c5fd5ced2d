"""Drawing training windows: which frames, which sentences over which of them (mini_model.md, "Recipe", text).

A strip in Blender covers its whole range and abuts its neighbour, while a measured caption covers just the action; so
half of the captions keep their own range and the others are stretched to the window or to the middle of the gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .corpus import Corpus, usable_captions

WINDOW = 120
MAX_TEXTS = 3
UNCONDITIONAL = 0.1
TIMED = 0.6
STRETCH = 0.4
MULTI = 0.5
LAYERED = 0.25


@dataclass(frozen=True)
class Span:
    """Sentence row ``sentence`` over window frames [start, end)."""

    sentence: int
    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Rows ``first`` .. ``first + length`` of the corpus's first half, and its texts."""

    first: int
    length: int
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class _Occurrence:
    clip: int
    start: int
    end: int
    text: int


class WindowSampler:
    """Draws windows with a generator of its own; classes (distinct sentences) by the square root of their frequency."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        row = {text: i for i, text in enumerate(corpus.texts)}
        self._timed: dict[int, list[_Occurrence]] = {}
        self._whole: dict[int, list[_Occurrence]] = {}
        self._by_clip: list[list[_Occurrence]] = []
        for i, clip in enumerate(corpus.clips):
            mine = []
            for c in usable_captions(clip):
                occurrence = _Occurrence(i, c.start, min(c.end, clip.frames), row[c.text])
                target = self._timed if c.kind == "motion" else self._whole
                target.setdefault(occurrence.text, []).append(occurrence)
                if c.kind == "motion":
                    mine.append(occurrence)
            self._by_clip.append(mine)
        self._timed_p = _root_weights([len(v) for v in self._timed.values()])
        self._whole_p = _root_weights([sum(o.end - o.start for o in v) / WINDOW for v in self._whole.values()])
        self._clip_p = corpus.length / corpus.length.sum()

    def draw(self, rng: np.random.Generator) -> Window:
        """One window."""
        kind = rng.random()
        if kind < UNCONDITIONAL or not (self._timed or self._whole):
            clip = int(rng.choice(len(self._clip_p), p=self._clip_p))
            first, length = self._crop(clip, None, rng)
            return self._window(clip, first, length, [])
        timed = bool(self._timed) and (rng.random() < TIMED or not self._whole)
        focus = self._focus(self._timed, self._timed_p, rng) if timed else self._focus(self._whole, self._whole_p, rng)
        first, length = self._crop(focus.clip, focus, rng)
        spans = self._timed_spans(focus, first, length, rng) if timed else self._whole_spans(focus, first, length, rng)
        return self._window(focus.clip, first, length, spans)

    @staticmethod
    def _focus(table: dict[int, list[_Occurrence]], weights: np.ndarray, rng: np.random.Generator) -> _Occurrence:
        occurrences = list(table.values())[int(rng.choice(len(weights), p=weights))]
        return occurrences[int(rng.integers(len(occurrences)))]

    def _crop(self, clip: int, focus: _Occurrence | None, rng: np.random.Generator) -> tuple[int, int]:
        """First frame and length of a window in the clip; a focus shorter than the window lies wholly inside it."""
        total = int(self.corpus.length[clip])
        length = min(total, WINDOW)
        low, high = 0, total - length
        if focus is not None:
            inside = (max(focus.end - length, 0), min(focus.start, total - length))
            within = (focus.start, min(focus.end, total) - length)
            low, high = inside if inside[0] <= inside[1] else (max(within[0], 0), max(within[1], 0))
            low, high = min(low, total - length), min(max(low, high), total - length)
        return int(rng.integers(low, high + 1)), length

    def _timed_spans(self, focus: _Occurrence, first: int, length: int, rng: np.random.Generator) -> list[tuple]:
        chosen = [focus]
        if rng.random() < MULTI:
            others = [o for o in self._by_clip[focus.clip] if o is not focus]
            for other in (others[i] for i in rng.permutation(len(others))):
                visible = min(other.end, first + length) - max(other.start, first)
                apart = all(_overlap(other, c) < 0.3 * min(other.end - other.start, c.end - c.start) for c in chosen)
                if visible >= 15 and apart and len(chosen) < MAX_TEXTS:
                    chosen.append(other)
        chosen.sort(key=lambda o: (o.start, o.end))
        edges = [[max(o.start - first, 0), min(o.end - first, length)] for o in chosen]
        if rng.random() < STRETCH:
            edges[0][0], edges[-1][1] = 0, length
            for before, after in zip(edges, edges[1:], strict=False):
                middle = (before[1] + after[0]) // 2
                before[1], after[0] = middle, middle
        else:
            jitter = rng.integers(-6, 10, size=(len(edges), 2))
            edges = [[max(a - j, 0), min(b + k, length)] for (a, b), (j, k) in zip(edges, jitter, strict=True)]
        return [(o.text, a, b) for o, (a, b) in zip(chosen, edges, strict=True) if b - a >= 8]

    def _whole_spans(self, focus: _Occurrence, first: int, length: int, rng: np.random.Generator) -> list[tuple]:
        spans = [(focus.text, 0, length)]
        if rng.random() < LAYERED:
            near = [o for o in self._by_clip[focus.clip] if min(o.end, first + length) - max(o.start, first) >= 20]
            if near:
                other = near[int(rng.integers(len(near)))]
                spans.append((other.text, max(other.start - first, 0), min(other.end - first, length)))
        return spans

    def _window(self, clip: int, first: int, length: int, spans: list[tuple]) -> Window:
        return Window(int(self.corpus.start[clip]) + first, length, tuple(Span(*s) for s in spans))


def _overlap(a: _Occurrence, b: _Occurrence) -> int:
    return min(a.end, b.end) - max(a.start, b.start)


def _root_weights(counts: list[float]) -> np.ndarray:
    weights = np.sqrt(np.maximum(np.array(counts, dtype=np.float64), 1e-9))
    return weights / weights.sum() if len(weights) else weights
