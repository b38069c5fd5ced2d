"""Drawing training windows: which frames, which sentences over which of them (mini_model.md, "Recipe", text).

A strip in Blender covers its whole range and abuts its neighbour, while a measured caption covers just the action; so
a quarter of the captions keep their own range and the others are stretched, some of the way or all of it, to the window
or to the middle of the gap. What goes on as long as it is asked for is not stretched, though: "walks backward" over
three seconds of which one is walked backward teaches that the rest may be anything. And hardly anything is stretched
over frames that are captioned otherwise. What is done once mostly happens in the middle of a short window: asked for a
punch at no certain time, a small network answers with some of it at all times.

All windows of a step are drawn at once, as arrays: one by one in Python they would hold up a graphics card.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Protocol

import numpy as np

from .corpus import Corpus, usable_captions
from .paraphrases import meaning

Array = np.ndarray
Rng = np.random.Generator

WINDOW = 120
MAX_TEXTS = 3
UNCONDITIONAL = 0.1
TIMED = 0.75  # of the windows with a sentence
STRETCH = 0.4  # of the windows with a timed sentence: their texts fill them
LOOSEN = 0.35  # of them: the texts reach some way towards that
SHORT = 0.5  # of them; animators' ranges are often shorter than a window
SHORTEST = 30
CENTRED = 0.8  # of the short windows about something done once: it happens in the middle of them
FREE = 0.85  # of the texts that may be stretched: whatever else is captioned there
LASTING = re.compile(
    r"\b(?:walks|runs|jogs|sprints|steps|sidesteps|moves|stands|waits|sits|lies|balances|looks|touches|waves"
    r"|holds|held|folds|crossed|puts|is|are|stretches|reaches|brings|(?:raises|lifts) .*(?:arms?|hands?)\b)"
)
"""What goes on as long as it is asked for, unless it turns."""
REACH = 0.15  # of its length, on either side
PRACTISED = re.compile(r"\b(?:punch|kicks|crouching|jumps|squats|picks up|runs forward|walks .*turns)")
"""What weights find hard, and a run that goes on from them may draw more often (`Preset.practised`)."""
MULTI = 0.6
LAYERED = 0.25
LEAST_VISIBLE = 15  # frames of a further timed sentence
LEAST_LAYERED = 20
LEAST_SPAN = 8
OVERLAP = 0.3  # of the shorter of two captions that count as one after the other
# What is told of the way that a person faces at the first frame: nothing, all, or that it is straight ahead. The last
# is what generation asks for, since a take is turned to where its character stands anyhow; on long ranges nothing is
# told beyond the first window; the others are needed where a character has to arrive facing somewhere.
UNTOLD, TOLD, AHEAD = 0, 1, 2
FACINGS = (0.25, 0.15, 0.6)


@dataclass(frozen=True)
class Windows:
    """n windows and everything random about them.

    ``clip`` (n,); ``first`` (n,) row of the corpus's first half, ``length`` (n,) frames. ``sentence`` (n, 3) rows of
    the corpus's sentences, -1 for none, real ones first; ``start``, ``end`` (n, 3) their window frames. ``yaw`` (n, 2)
    radians: the camera's, for the window and for its mirrored twin, unless ``facing`` (n,) is AHEAD. ``track`` (n,)
    of the song that is heard, -1 for none; ``role`` (n, 2): what the window and its twin are (mixture.py), 0 nothing;
    ``flat`` (n,) first row of footage without truth (flat.py), -1 where the frames are the corpus's. ``frames`` is what
    a window is filled up to; of those with a ``gap`` the poses around it are keyed.
    """

    clip: Array
    first: Array
    length: Array
    sentence: Array
    start: Array
    end: Array
    yaw: Array
    facing: Array
    track: Array
    role: Array
    flat: Array
    frames: ClassVar[int] = WINDOW
    gap: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.first)

    def part(self, share: slice) -> Windows:
        """Some of them."""
        return type(self)(*(getattr(self, f.name)[share] for f in fields(self)))

    def replaced(self, rows: Array, by: Windows) -> Windows:
        """The same with others at ``rows``."""
        columns = {f.name: getattr(self, f.name).copy() for f in fields(self)}
        for name, column in columns.items():
            column[rows] = getattr(by, name)
        return type(self)(**columns)


class Sampler(Protocol):
    """What draws windows of a corpus."""

    corpus: Corpus

    def draw(self, rng: np.random.Generator, n: int) -> Windows:
        """n of them."""
        ...


@dataclass(frozen=True)
class _Occurrences:
    """Captions of all clips, sorted by clip; ``offset`` (clips + 1) says where each clip's begin.

    ``since`` and ``until`` are the frames that a text may be stretched to, ``free`` whether it may be beyond.
    """

    clip: Array
    start: Array
    end: Array
    text: Array
    offset: Array
    since: Array
    until: Array
    free: Array

    def __len__(self) -> int:
        return len(self.clip)


@dataclass(frozen=True)
class _Classes:
    """Occurrences by what they say: ``members`` of class k from ``offset[k]``; ``bound`` cumulative weights."""

    members: Array
    offset: Array
    count: Array
    bound: Array

    def practised(self, chosen: Array, share: float) -> _Classes:
        """The same, with ``share`` of all weight on the ``chosen`` classes, unless these are all or none."""
        weight = np.diff(self.bound, prepend=0.0)
        if not chosen.any() or chosen.all():
            return self
        part = np.where(chosen, share / weight[chosen].sum(), (1 - share) / weight[~chosen].sum())
        return replace(self, bound=np.cumsum(weight * part))

    def draw(self, rng: Rng, n: int) -> Array:
        """n occurrences: a class by its weight, then any of its members."""
        k = np.searchsorted(self.bound, rng.random(n) * self.bound[-1], side="right")
        return self.members[self.offset[k] + _below(rng, self.count[k])]


class WindowSampler:
    """Draws windows with a generator of its own; classes by the square root of their frequency.

    Measured captions that mean the same are a class, and so are whole-clip captions that stand at the same clips: by
    sentences, what has been worded in many ways or recorded in one long clip would crowd out the rest. A share
    ``practised`` of the measured captions is of `PRACTISED` classes, 0: as often as comes.
    """

    kind: type[Windows] = Windows
    short = SHORT
    """Part of the windows with a measured caption; ``even``: of all lengths as many, not more of the shorter ones."""
    even = False

    def __init__(self, corpus: Corpus, practised: float = 0.0) -> None:
        self.corpus = corpus
        self._timed = _occurrences(corpus, timed=True)
        self._whole = _occurrences(corpus, timed=False)
        frames = self._whole.end - self._whole.start
        self._timed_classes = _classes(self._timed, _by_meaning(self._timed, corpus), np.ones(len(self._timed)))
        if practised:
            first = self._timed.text[self._timed_classes.members[self._timed_classes.offset]]
            chosen = np.array([bool(PRACTISED.search(corpus.texts[text])) for text in first])
            self._timed_classes = self._timed_classes.practised(chosen, practised)
        self._whole_classes = _classes(self._whole, _by_clips(self._whole), frames / WINDOW)
        self._length_bound = np.cumsum(corpus.length, dtype=np.float64)
        self._choice_count = np.array([len(c) for c in corpus.choices], dtype=np.int64)
        self._choice_offset = np.cumsum(self._choice_count) - self._choice_count
        self._choices = np.concatenate([*corpus.choices, np.zeros(1, dtype=np.int64)])

    def draw(self, rng: Rng, n: int) -> Windows:
        """n windows."""
        timed, whole = self._kinds(rng, n)
        clip = np.searchsorted(self._length_bound, rng.random(n) * self._length_bound[-1], side="right")
        begin, stop, text = np.zeros(n, int), np.zeros(n, int), np.full(n, -1)
        focus = np.full(n, -1)
        for chosen, table, classes in (
            (timed, self._timed, self._timed_classes),
            (whole, self._whole, self._whole_classes),
        ):
            if chosen.any():
                focus[chosen] = row = classes.draw(rng, int(chosen.sum()))
                clip[chosen], begin[chosen], stop[chosen] = table.clip[row], table.start[row], table.end[row]
                text[chosen] = table.text[row]
        once = np.flatnonzero(timed)[self._timed.free[focus[timed]]]
        first, length = self._crop(rng, clip, begin, stop, timed, timed | whole, once)
        texts, start, end = np.full((n, MAX_TEXTS), -1), np.zeros((n, MAX_TEXTS), int), np.zeros((n, MAX_TEXTS), int)
        if timed.any():
            texts[timed], start[timed], end[timed] = self._timed_spans(rng, focus[timed], first[timed], length[timed])
        texts[whole, 0], end[whole, 0] = text[whole], length[whole]
        self._layer(rng, np.flatnonzero(whole), clip, first, length, (texts, start, end))
        sentence, start, end = _packed(self._sentences(rng, texts), start, end)
        return self.kind(clip, self.corpus.start[clip] + first, length, sentence, start, end, *unheard(rng, n))

    def _kinds(self, rng: Rng, n: int) -> tuple[Array, Array]:
        """Which windows are about a measured caption, and which about one of the whole clip."""
        some = rng.random(n) >= UNCONDITIONAL
        share = TIMED if len(self._timed) and len(self._whole) else float(len(self._timed) > 0)
        timed = some & (rng.random(n) < share)
        return timed, some & ~timed & (len(self._whole) > 0)

    def _crop(
        self, rng: Rng, clip: Array, begin: Array, stop: Array, timed: Array, about: Array, once: Array
    ) -> tuple[Array, Array]:
        """First frame and length in the clip; a focus [begin, stop) shorter than the window lies wholly inside it, and
        in the middle of most short ones if it is done ``once`` (rows)."""
        total = self.corpus.length[clip]
        most = self.kind.frames
        length = np.minimum(total, most)
        least = np.maximum(SHORTEST, np.minimum(stop - begin, most))
        short = timed & (rng.random(len(clip)) < self.short)
        longest = most + 1 - least
        if not self.even:
            longest = np.maximum(1, np.round(rng.random(len(clip)) * longest).astype(int))
        more = _below(rng, longest)
        length = np.where(short, np.minimum(length, least + more), length)
        inside = np.maximum(stop - length, 0), np.minimum(begin, total - length)
        within = np.maximum(begin, 0), np.maximum(np.minimum(stop, total) - length, 0)
        fits = inside[0] <= inside[1]
        low, high = (np.where(fits, a, b) for a, b in zip(inside, within, strict=True))
        low, high = np.minimum(low, total - length), np.minimum(np.maximum(low, high), total - length)
        low, high = np.where(about, low, 0), np.where(about, high, total - length)
        first = low + _below(rng, high - low + 1)
        once = once[short[once] & (rng.random(len(once)) < CENTRED)]
        first[once] = np.clip((begin + stop - length)[once] // 2, low[once], high[once])
        return first, length

    def _timed_spans(self, rng: Rng, focus: Array, first: Array, length: Array) -> tuple[Array, Array, Array]:
        """Texts (m, 3) and their window frames: the focus and up to two that hardly overlap it or each other."""
        t = self._timed
        chosen = np.full((len(focus), MAX_TEXTS), -1)
        chosen[:, 0] = focus
        multi = np.flatnonzero(rng.random(len(focus)) < MULTI)
        owner, other = self._pairs(multi, t.clip[focus[multi]])
        key = rng.random(len(owner))
        begin, stop = first[owner], first[owner] + length[owner]
        kept = (_seen(t, other, begin, stop) >= LEAST_VISIBLE) & (other != focus[owner])
        for slot in range(1, MAX_TEXTS):
            kept &= _apart(t, other, chosen[owner, slot - 1])
            owner, other, key = owner[kept], other[kept], key[kept]
            _pick(owner, other, key, chosen[:, slot])
            kept = chosen[owner, slot] >= 0
        row = np.take_along_axis(chosen, _in_time(t, chosen), axis=1)
        there = row >= 0
        start = np.maximum(t.start[row] - first[:, None], 0)
        end = np.minimum(t.end[row] - first[:, None], length[:, None])
        stretched = _edges(rng, start, end, there, length)
        free = t.free[row] & (rng.random(row.shape) < FREE)
        start = np.where(free, stretched[0], np.maximum(stretched[0], np.minimum(t.since[row] - first[:, None], start)))
        end = np.where(free, stretched[1], np.minimum(stretched[1], np.maximum(t.until[row] - first[:, None], end)))
        return np.where(there & (end - start >= LEAST_SPAN), t.text[row], -1), start, end

    def _layer(
        self, rng: Rng, whole: Array, clip: Array, first: Array, length: Array, spans: tuple[Array, Array, Array]
    ) -> None:
        """Over some of the whole captions lies a timed one of the same frames, in slot 1."""
        t, (texts, start, end) = self._timed, spans
        whole = whole[rng.random(len(whole)) < LAYERED]
        owner, other = self._pairs(whole, clip[whole])
        near = _seen(t, other, first[owner], first[owner] + length[owner]) >= LEAST_LAYERED
        chosen = np.full(len(clip), -1)
        _pick(owner[near], other[near], rng.random(len(owner))[near], chosen)
        rows = np.flatnonzero(chosen >= 0)
        row = chosen[rows]
        texts[rows, 1] = t.text[row]
        start[rows, 1] = np.maximum(t.start[row] - first[rows], 0)
        end[rows, 1] = np.minimum(t.end[row] - first[rows], length[rows])

    def _pairs(self, owner: Array, clip: Array) -> tuple[Array, Array]:
        """Every timed occurrence of each owner's clip: (pairs,) owners and occurrences."""
        count = self._timed.offset[clip + 1] - self._timed.offset[clip]
        place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(owner, count), np.repeat(self._timed.offset[clip], count) + place

    def _sentences(self, rng: Rng, texts: Array) -> Array:
        """One way to say each text, -1 stays."""
        if not (texts.size and len(self._choice_count)):
            return texts
        safe = np.maximum(texts, 0)
        row = self._choices[self._choice_offset[safe] + _below(rng, self._choice_count[safe])]
        return np.where(texts >= 0, row, -1)


def unheard(rng: Rng, n: int) -> tuple[Array, Array, Array, Array, Array]:
    """``yaw``, ``facing``, ``track``, ``role`` and ``flat`` of n windows without music and footage."""
    yaw = rng.uniform(-np.pi, np.pi, size=(n, 2))
    facing = np.searchsorted(np.cumsum(FACINGS[:-1]), rng.random(n), side="right")
    return yaw, facing, np.full(n, -1), np.zeros((n, 2), dtype=np.int64), np.full(n, -1)


def _occurrences(corpus: Corpus, timed: bool) -> _Occurrences:
    row = {text: i for i, text in enumerate(corpus.texts)}
    found = [
        (i, c.start, min(c.end, clip.frames), row[c.text])
        for i, clip in enumerate(corpus.clips)
        for c in usable_captions(clip)
        if (c.kind == "motion") == timed
    ]
    clip, start, end, text = np.array(found, dtype=np.int64).reshape(-1, 4).T
    offset = np.searchsorted(clip, np.arange(len(corpus.clips) + 1))
    lasting = np.array([lasts(t) for t in corpus.texts], dtype=bool)[text]
    since, until = _reach(start, end, text, offset, lasting)
    return _Occurrences(clip, start, end, text, offset, since, until, ~lasting)


def lasts(caption: str) -> bool:
    """Whether somebody would do for as long as they are asked what the caption says."""
    return bool(LASTING.search(caption)) and "turn" not in caption


def _reach(start: Array, end: Array, text: Array, offset: Array, lasting: Array) -> tuple[Array, Array]:
    """Frames from which, and up to which, each text may be stretched: as far as nothing else is captioned, and hardly
    at all what lasts."""
    since, until = np.zeros_like(start), np.full_like(end, np.iinfo(np.int64).max)
    for a, b in zip(offset[:-1], offset[1:], strict=True):
        s, e, same = start[a:b], end[a:b], text[a:b, None] == text[a:b]
        slack = (OVERLAP * np.minimum.outer(e - s, e - s)).astype(int)
        later = (s >= e[:, None] - slack) & ~same
        sooner = (e <= s[:, None] + slack) & ~same
        until[a:b] = np.where(later, s, until[a:b, None]).min(1, initial=np.iinfo(np.int64).max)
        since[a:b] = np.where(sooner, e, 0).max(1, initial=0)
    most = np.ceil(REACH * (end - start)).astype(int)
    since = np.where(lasting, np.maximum(since, start - most), since)
    until = np.where(lasting, np.minimum(until, end + most), until)
    return np.minimum(since, start), np.maximum(until, end)


def _by_meaning(occurrences: _Occurrences, corpus: Corpus) -> Array:
    """The class of each occurrence: what its sentence means, whichever side it is about."""
    meanings = [meaning(text) for text in corpus.texts]
    number = {m: k for k, m in enumerate(sorted(set(meanings)))}
    return np.array([number[m] for m in meanings], dtype=np.int64)[occurrences.text]


def _by_clips(occurrences: _Occurrences) -> Array:
    """The class of each occurrence: the clips that its sentence stands at."""
    clips: dict[int, set[int]] = {}
    for text, clip in zip(occurrences.text.tolist(), occurrences.clip.tolist(), strict=True):
        clips.setdefault(text, set()).add(clip)
    number: dict[frozenset[int], int] = {}
    of_text = {text: number.setdefault(frozenset(where), len(number)) for text, where in clips.items()}
    return np.array([of_text[text] for text in occurrences.text.tolist()], dtype=np.int64)


def _classes(occurrences: _Occurrences, group: Array, weight: Array) -> _Classes:
    members = np.argsort(group, kind="stable")
    groups, offset, count = np.unique(group[members], return_index=True, return_counts=True)
    total = np.add.reduceat(weight[members], offset) if len(groups) else np.zeros(0)
    return _Classes(members, offset, count, np.cumsum(np.sqrt(np.maximum(total, 1e-9))))


def _below(rng: Rng, most: Array) -> Array:
    """Whole numbers from 0 to below each of ``most``."""
    return np.minimum((rng.random(most.shape) * most).astype(np.int64), most - 1)


def _seen(t: _Occurrences, row: Array, begin: Array, stop: Array) -> Array:
    return np.minimum(t.end[row], stop) - np.maximum(t.start[row], begin)


def _apart(t: _Occurrences, one: Array, other: Array) -> Array:
    shorter = np.minimum(t.end[one] - t.start[one], t.end[other] - t.start[other])
    return _seen(t, one, t.start[other], t.end[other]) < OVERLAP * shorter


def _pick(owner: Array, other: Array, key: Array, chosen: Array) -> None:
    """Put the ``other`` with the lowest key of each owner in ``chosen[owner]``."""
    order = np.lexsort((key, owner))
    owners, first = np.unique(owner[order], return_index=True)
    chosen[owners] = other[order][first]


def _in_time(t: _Occurrences, chosen: Array) -> Array:
    """Order of each row's occurrences by start, then end; the missing ones last."""
    late = int(t.end.max(initial=0)) + 1
    return np.argsort(np.where(chosen >= 0, t.start[chosen] * late + t.end[chosen], late * late), axis=1, kind="stable")


def _edges(rng: Rng, start: Array, end: Array, there: Array, length: Array) -> tuple[Array, Array]:
    """Some rows stretched so that their texts fill the window and abut, some so far as it happens, the others moved by
    a few frames: who puts a strip there knows that somebody kicks, not when the foot leaves the ground."""
    wide_start, wide_end = start.copy(), end.copy()
    wide_start[:, 0] = 0
    last = there.sum(1) - 1
    wide_end[np.arange(len(end)), last] = length
    for k in range(MAX_TEXTS - 1):
        middle = (end[:, k] + start[:, k + 1]) // 2
        wide_end[:, k] = np.where(there[:, k + 1], middle, wide_end[:, k])
        wide_start[:, k + 1] = np.where(there[:, k + 1], middle, wide_start[:, k + 1])
    jitter = rng.integers(-6, 10, size=(*start.shape, 2))
    moved_start = np.maximum(start - jitter[..., 0], 0)
    moved_end = np.minimum(end + jitter[..., 1], length[:, None])
    way = rng.random((*start.shape, 2))
    some_start = start + np.round(way[..., 0] * (wide_start - start)).astype(int)
    some_end = end + np.round(way[..., 1] * (wide_end - end)).astype(int)
    how = rng.random((len(start), 1))
    stretch, loosen = how < STRETCH, how < STRETCH + LOOSEN
    out_start = np.where(stretch, wide_start, np.where(loosen, some_start, moved_start))
    return out_start, np.where(stretch, wide_end, np.where(loosen, some_end, moved_end))


def _packed(sentence: Array, start: Array, end: Array) -> Sequence[Array]:
    """The same with every row's real texts first."""
    order = np.argsort(sentence < 0, axis=1, kind="stable")
    return [np.take_along_axis(x, order, axis=1) for x in (sentence, start, end)]
