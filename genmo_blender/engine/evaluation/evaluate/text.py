"""Whether motions do what is asked in words: prompt rules, and the text-motion evaluator on unseen captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..captioned import Window, by_caption, one_each
from ..distributions import Spread, diversity, frechet, kernel_distance
from ..matching.command import own_score
from ..matching.network import embed_motions, embed_texts
from ..retrieval import TOP, Retrieval, draw_captions, retrieval
from .context import Context
from .rule_figures import rule_figures
from .section import MEAN_POSE, NEAREST, RANDOM, REAL, Bar, Figure, Section

Array = np.ndarray
SALT = 1
SPLITS = 20
"""Random halves over which Fréchet distances, and all distances of real motion from itself, are averaged."""
GENERATED = "generated"


@dataclass(frozen=True)
class Embedded:
    """Embeddings of motions: one for each captioned window, in their order, and by caption."""

    rows: Array
    by_caption: Mapping[str, Sequence[Array]]


def measure(context: Context) -> Section:
    """The section ``text``."""
    figures = [*rule_figures(context), *_matched(context)]
    windows = context.windows
    notes = (
        "Prompt rules: the frozen prompts of `build.py engine -- rules`. Real motion is what of each action's real "
        "clips passes its rule; the others are training clips of the prompt's length.",
        f"R-precision, MM-distance, KID, FID and diversity: {len(windows)} windows of at most four seconds of the "
        f"validation split in which {len(by_caption(windows))} distinct captions hold, and a raw take of the same "
        "length from one caption for each window. KID over 100 subsets; FID over random halves, all of one size; real "
        "motion against itself over complementary halves. Intervals are 95 % intervals of the mean over draws.",
        "The evaluator is our own (docs/developers/evaluation.md), trained on the training split alone. On "
        + own_score(context.evaluator[0], context.held_out, context.seed),
    )
    return Section("text", "Text", tuple(figures), notes)


def _matched(context: Context) -> list[Figure]:
    windows, rng = context.windows, context.rng(SALT + 100)
    captions = by_caption(windows)
    sets = {REAL: _real(context), **_motions(context, captions)}
    evaluator, _ = context.evaluator
    texts = dict(zip(captions, embed_texts(evaluator, list(captions), context.encoder), strict=True))
    draws = draw_captions(list(captions), rng, context.effort.draws)
    found = {
        name: retrieval(texts, s.by_caption, draws, np.random.default_rng([context.seed, SALT + 200]))
        for name, s in sets.items()
    }
    return [*_precision(found), *_distances(sets, context)]


def _real(context: Context) -> Embedded:
    rows = embed_motions(context.evaluator[0], [w.joints for w in context.windows])
    return Embedded(rows, {c: [rows[i] for i in at] for c, at in by_caption(context.windows).items()})


def _motions(context: Context, captions: Mapping[str, Sequence[int]]) -> dict[str, Embedded]:
    """Generated motion and the baselines for the captions of the windows."""
    base, rng = context.baselines, context.rng(SALT + 300)
    nearest = dict(zip(captions, base.nearest_caption(list(captions)), strict=True))
    wanted = wanted_takes(context.windows)
    context.say(f"{len(wanted)} takes of held-out captions")
    seeds = iter(range(1 + context.seed, 1 + context.seed + len(wanted)))
    makers: dict[str, Callable[[str, int], Array]] = {
        GENERATED: lambda text, frames: context.generate(text, frames, next(seeds)),
        MEAN_POSE: lambda text, frames: base.mean_pose(frames),
        RANDOM: lambda text, frames: base.random(frames, rng),
        NEAREST: lambda text, frames: base.of_caption(nearest[text], frames, rng),
    }
    out = {}
    for name, make in makers.items():
        rows = embed_motions(context.evaluator[0], [make(text, frames) for text, frames in wanted])
        by_text: dict[str, list[Array]] = {}
        for (text, _), row in zip(wanted, rows, strict=True):
            by_text.setdefault(text, []).append(row)
        out[name] = Embedded(rows[: len(context.windows)], by_text)
    return out


def wanted_takes(windows: Sequence[Window]) -> list[tuple[str, int]]:
    """Caption and frames of each take: one for each window, then the captions that no window stands for."""
    chosen = one_each(windows)
    takes = [(text, w.frames) for text, w in zip(chosen, windows, strict=True)]
    rest = {text: at[0] for text, at in by_caption(windows).items() if text not in set(chosen)}
    return takes + [(text, windows[i].frames) for text, i in rest.items()]


def _precision(found: Mapping[str, Retrieval]) -> list[Figure]:
    ours, others = found[GENERATED], {n: r for n, r in found.items() if n != GENERATED}
    figures = []
    for k in range(TOP):
        baselines = {n: 100 * r.precision[k].mean for n, r in others.items()}
        low, high = ours.precision[k].interval
        bar = Bar(">", baselines[RANDOM], "the random clip's") if k == TOP - 1 else None
        mean = 100 * ours.precision[k].mean
        figures.append(Figure(f"R@{k + 1}", mean, "%", "higher", (100 * low, 100 * high), baselines, bar))
    top = [r.hits[:, -1] for r in (ours, found[REAL])]
    ratio = Spread.over(100 * top[0] / np.mean(top[1]))
    shares = {n: 100 * float(r.hits[:, -1].mean() / np.mean(top[1])) for n, r in others.items()}
    figures.append(
        Figure("R@3 as a share of real motion's", ratio.mean, "%", "higher", ratio.interval, shares, Bar(">=", 80.0))
    )
    distances = {n: r.distance.mean for n, r in others.items()}
    figures.append(Figure("MM-distance", ours.distance.mean, "", "lower", ours.distance.interval, distances))
    return figures


def _distances(sets: Mapping[str, Embedded], context: Context) -> list[Figure]:
    real = sets[REAL].rows

    def rng() -> np.random.Generator:
        return context.rng(SALT + 400)  # the same draws for all

    kid = {n: kernel_distance(real, s.rows, rng()) for n, s in sets.items() if n != REAL}
    fid = {n: halved_frechet(real, s.rows, rng()) for n, s in sets.items()}
    own_kid = np.mean([kernel_distance(a, b, g, 5).mean for a, b, g in _halves(real, rng())])
    baselines = {REAL: float(own_kid), **{n: k.mean for n, k in kid.items() if n != GENERATED}}
    limit = Bar("<=", 0.25 * baselines[MEAN_POSE], "25 % of the mean pose's")
    ours = kid[GENERATED]
    spread = {n: diversity(s.rows) for n, s in sets.items()}
    return [
        Figure("KID", ours.mean, "", "lower", ours.interval, baselines, limit),
        Figure("FID", fid[GENERATED], "", "lower", None, {n: v for n, v in fid.items() if n != GENERATED}),
        Figure("diversity", spread[GENERATED], "", "", None, {n: v for n, v in spread.items() if n != GENERATED}),
    ]


def _halves(rows: Array, rng: np.random.Generator) -> list[tuple[Array, Array, np.random.Generator]]:
    half = len(rows) // 2
    orders = [rng.permutation(len(rows)) for _ in range(SPLITS)]
    return [(rows[o[:half]], rows[o[half : 2 * half]], rng) for o in orders]


def halved_frechet(real: Array, rows: Array, rng: np.random.Generator) -> float:
    """Mean Fréchet distance of a random half of ``real`` (N, D) from as many of ``rows`` (N, D), taken where the other
    half of ``real`` lies: of ``real`` itself its complementary halves, so that all sets have one size."""
    half = len(real) // 2
    found = []
    for _ in range(SPLITS):
        order = rng.permutation(len(real))
        found.append(frechet(real[order[:half]], rows[order[half : 2 * half]]))
    return float(np.mean(found))
