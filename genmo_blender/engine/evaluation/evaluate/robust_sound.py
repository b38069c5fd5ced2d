"""How dances bear songs that are noisy, muffled, overdriven or full of gaps; the clean song's beats still count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ....sound.music import CONTEXT, RATE, piece_features
from ...conditions.sound_file import Sound, read_sound
from ...solve import whole_tokens
from ...training.songs import song_files
from ..corruption import muffled, noisy, overdriven, with_gaps
from ..music import Excerpt, alignment_matrix, amount_of_motion, excerpts
from ..rule_checks import FPS
from .context import Context
from .music import FRAMES, dances
from .section import Figure, Line, Plot

Array = np.ndarray
SALT = 7
NEAR = 2
"""Frames between a beat that is found and a true one that count as the same: 70 ms, as beat trackers are judged."""
OTHER_SEED = 1000
CLEAN, SHUFFLED, SEED, SONG = "the clean song", "shuffled songs", "another seed", "another song"
Damage = Callable[[Sound, float, np.random.Generator], Sound]


@dataclass(frozen=True)
class Kind:
    """One way to damage a song: ``levels`` from little to much, ``middle`` the one that has figures of its own."""

    name: str
    x: str
    levels: tuple[float, ...]
    middle: float
    words: str
    damage: Damage
    clean: float | None = None
    """Where the clean song lies on x; None: nowhere."""


KINDS = (
    Kind(
        "noise", "noise over the music, dB", (-20.0, -10.0, 0.0, 10.0, 20.0), 0.0, "noise as loud as the music", noisy,
    ),
    Kind(
        "low-pass", "octaves cut from the top (of 7680 Hz)", (1.0, 2.0, 3.0, 4.0, 5.0), 3.0, "nothing above 960 Hz",
        lambda sound, octaves, _: muffled(sound, RATE / 2 / 2.0**octaves), 0.0,
    ),
    Kind(
        "clipping", "recorded too loud by, dB", (6.0, 12.0, 18.0, 24.0, 30.0), 18.0, "recorded 18 dB too loud",
        lambda sound, decibels, _: overdriven(sound, decibels), 0.0,
    ),
    Kind("gaps", "share that is silent", (0.1, 0.2, 0.4, 0.6, 0.8), 0.4, "40 % silent", with_gaps, 0.0),
)  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """Means over dances: ``beats`` F-measure of the beats that the tracker still finds, 0..1; ``alignment`` of the
    dances with the clean song's beats; ``amount`` of motion, m/s; ``moved`` metres between the joints of the dance and
    of the one to the clean song, same seed, seen from the pelvis."""

    beats: float
    alignment: float
    amount: float
    moved: float


@dataclass(frozen=True)
class Songs:
    """``damaged`` by name of the kind and level. ``shuffled``: alignment of the clean dances with each other's songs;
    ``seed`` and ``song``: dances of other noise, and to another song."""

    dances: int
    frames: int
    clean: Heard
    shuffled: float
    seed: Heard
    song: Heard
    damaged: dict[tuple[str, float], Heard]


def tried(context: Context, songs: Path) -> Songs:
    """Dance to every damaged song."""
    frames = whole_tokens(context.pipeline.model, FRAMES)
    files = song_files(songs, "val")
    clean = excerpts(files, frames, context.effort.damaged_excerpts)
    by_name = {path.name: path for path in files}
    plain = dances(context, clean, frames)[0]

    def judged(motions: Sequence[Array], heard: Sequence[Excerpt]) -> Heard:
        own = np.diagonal(alignment_matrix(motions, [e.beats for e in clean]))
        return Heard(
            float(np.mean([beats_found(a.beats, b.beats) for a, b in zip(heard, clean, strict=True)])),
            float(own.mean()),
            float(np.mean([amount_of_motion(m) for m in motions])),
            float(np.mean([moved(a, b) for a, b in zip(motions, plain, strict=True)])),
        )

    matrix = alignment_matrix(plain, [e.beats for e in clean])
    elsewhere = ~np.eye(len(clean), dtype=bool)
    first = context.effort.damaged_excerpts
    shifted = clean[first:] + clean[:first]
    damaged = {}
    for number, kind in enumerate(KINDS):
        for level in sorted({*kind.levels[:: context.effort.levels], kind.middle}):
            context.say(f"{len(clean)} dances, {kind.name} {level:g}")
            heard = [_damaged(by_name[e.song], e, kind, level, [context.seed, SALT, number], frames) for e in clean]
            damaged[kind.name, level] = judged(dances(context, heard, frames)[0], heard)
    others = dances(context, clean, frames, OTHER_SEED)[0]
    elsewhere_heard = dances(context, shifted, frames)[0]
    return Songs(
        len(clean), frames, judged(plain, clean), float(matrix[elsewhere].mean()),
        judged(others, clean), judged(elsewhere_heard, shifted),
        damaged,
    )  # fmt: skip


def _damaged(path: Path, piece: Excerpt, kind: Kind, level: float, seed: Sequence[int], frames: int) -> Excerpt:
    """The same piece of a damaged song; what the tracker hears around it is damaged as well."""
    end = piece.start + frames / FPS
    sound = kind.damage(read_sound(path, end + CONTEXT), level, np.random.default_rng(seed))
    return replace(piece, features=piece_features(sound, path.name, piece.start, end, frames))


def beats_found(found: Array, true: Array) -> float:
    """F-measure 0..1 of beats, frames, within `NEAR`; 1 where there is none and none was found."""
    if not len(found) or not len(true):
        return float(len(found) == len(true))
    near = np.abs(np.subtract.outer(found, true)) <= NEAR
    precision, recall = float(near.any(1).mean()), float(near.any(0).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def moved(a: Array, b: Array) -> float:
    """Mean distance, metres, of the joints (T, 22, 3) of two motions, each seen from its pelvis."""
    return float(np.linalg.norm((a - a[:, :1]) - (b - b[:, :1]), axis=-1)[:, 1:].mean())


def figures(found: Songs) -> list[Figure]:
    """What one level of each kind does."""
    out = []
    for kind in KINDS:
        at, clean = found.damaged[kind.name, kind.middle], found.clean
        apart = {SEED: 100 * found.seed.moved, SONG: 100 * found.song.moved}
        out += [
            Figure(
                f"{kind.words}: beats still found", 100 * at.beats, "%", "higher", None, {SONG: 100 * found.song.beats}
            ),
            Figure(
                f"{kind.words}: beat alignment", at.alignment, "", "higher", None,
                {CLEAN: clean.alignment, SHUFFLED: found.shuffled, SEED: found.seed.alignment},
            ),
            Figure(f"{kind.words}: amount of motion", at.amount, "m/s", "", None, {CLEAN: clean.amount}),
            Figure(f"{kind.words}: distance from the clean dance", 100 * at.moved, "cm", "lower", None, apart),
        ]  # fmt: skip
    return out


def plots(found: Songs) -> tuple[Plot, ...]:
    """One for each kind, everything in per cent of what it is with the clean song, or with another one."""
    out = []
    for kind in KINDS:
        points = {level: h for (name, level), h in found.damaged.items() if name == kind.name}
        if kind.clean is not None:
            points[kind.clean] = found.clean
        levels = sorted(points)

        chance = 100 * found.shuffled / found.clean.alignment if found.clean.alignment > 0 else float("nan")
        lines = (
            Line("beats found", _curve(points, "beats", 1.0)),
            Line("beat alignment", _curve(points, "alignment", found.clean.alignment)),
            Line("amount", _curve(points, "amount", found.clean.amount)),
            Line("way to another's", _curve(points, "moved", found.song.moved)),
            Line("alignment, shuffled", tuple((x, chance) for x in (levels[0], levels[-1])), True),
        )
        out.append(Plot(f"Dances to songs with {kind.name}", kind.x, "% of clean", lines))
    return tuple(out)


def _curve(points: dict[float, Heard], name: str, whole: float) -> tuple[tuple[float, float], ...]:
    """Per cent of ``whole``; nothing of what is nothing."""
    return tuple((x, 100 * getattr(points[x], name) / whole) for x in sorted(points)) if whole > 0 else ()
