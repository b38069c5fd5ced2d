"""How well the music of a training table fits its dances: beat alignment and the offsets between beats.

    python -m genmo_blender.engine.training.pairing --data FILE.pack.npz --songs FILE.songs.npz

Windows of dances lie side by side, as long as in training. Beats are taken as the table marks them, as our tracker
hears them in the track's own onsets (what a song has at work), and as those marked beats whose onset is stronger than
the window's middle one. Alignment is that of `evaluation.music_metrics`; shuffled: each window with another's song.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...protocol.failures import GenmoFailure
from ...sound import music, music_beats
from ..evaluation.music_metrics import alignment_of_beats, motion_beats
from .command import CACHE
from .pack import prepared
from .samples import Clip
from .songs import OWN, SongTable, song_table
from .songs import load as load_songs
from .windows import WINDOW

Array = np.ndarray
MARKED, HEARD, STRONG = "marked", "heard", "strong"
ROUNDS = 10
FAR = 8
"""Frames to which offsets are told apart."""


@dataclass(frozen=True)
class Pair:
    """A window of a dance with one of its tracks: the motion's beats (M,) and the music's beats (K,) of each kind,
    frames of the window; ``own`` tells music of ours from a real song."""

    motion: Array
    beats: dict[str, Array]
    own: bool


def pairs(clips: Sequence[Clip], table: SongTable) -> list[Pair]:
    """All whole windows of the dances, side by side, with each of their tracks."""
    out = []
    for i in np.flatnonzero(table.dance):
        clip, joints = clips[i], torch.from_numpy(clips[i].joints())
        tracks = range(table.offset[i], table.offset[i + 1])
        for number, track in enumerate(tracks):
            rows = table.features[table.first[track] : table.first[track] + clip.frames].float().numpy()
            flags, onset = rows[:, music.BEAT] > 0, rows[:, music.ONSET]
            heard = music_beats.beats(np.maximum(onset, 0.0))
            own = not clip.music and number >= len(tracks) - OWN
            for a in range(0, clip.frames - WINDOW + 1, WINDOW):
                motion = motion_beats(joints[a : a + WINDOW]).numpy()
                marked = np.flatnonzero(flags[a : a + WINDOW])
                beats = {
                    MARKED: marked,
                    HEARD: heard[(heard >= a) & (heard < a + WINDOW)] - a,
                    STRONG: _strong(marked, onset[a : a + WINDOW]),
                }
                out.append(Pair(motion, beats, own))
    return out


def _strong(beats: Array, onset: Array) -> Array:
    """The beats whose onset, the highest of the frame and its neighbours, is above the middle one of all beats."""
    padded = np.pad(onset, 1)
    strength = np.stack([padded[beats + k] for k in range(3)]).max(axis=0)
    return beats[strength > np.median(strength)] if len(beats) else beats


@dataclass(frozen=True)
class Fit:
    """``score`` with own songs and ``shuffled``; ``offsets`` (2 FAR + 1,) the share of motion beats whose nearest music
    beat comes -FAR .. FAR frames after them; ``count`` music beats of a window."""

    score: float
    shuffled: float
    offsets: Array
    count: float


def fit(chosen: Sequence[Pair], kind: str, rng: np.random.Generator) -> Fit:
    """How well windows fit their songs, by one kind of beats. Raises ValueError for fewer than two windows."""
    if len(chosen) < 2:
        raise ValueError("songs can be shuffled between two or more windows")
    own = np.mean([_score(pair.motion, pair.beats[kind]) for pair in chosen])
    others = [chosen[j].beats[kind] for _ in range(ROUNDS) for j in rng.permutation(len(chosen))]
    shuffled = np.mean([_score(chosen[i % len(chosen)].motion, beats) for i, beats in enumerate(others)])
    near = [
        (beats := pair.beats[kind])[np.abs(pair.motion[:, None] - beats).argmin(axis=1)] - pair.motion
        for pair in chosen
        if len(pair.motion) and len(pair.beats[kind])
    ]
    offsets = np.concatenate(near) if near else np.zeros(0)
    histogram = np.array([(offsets == k).sum() for k in range(-FAR, FAR + 1)]) / max(1, len(offsets))
    return Fit(float(own), float(shuffled), histogram, float(np.mean([len(pair.beats[kind]) for pair in chosen])))


def _score(motion: Array, beats: Array) -> float:
    return float(alignment_of_beats(torch.from_numpy(motion), torch.from_numpy(beats)))


def report(found: Sequence[Pair], rng: np.random.Generator) -> list[str]:
    """Lines of the table."""
    lines = [f"{'music':6} {'beats':7} {'windows':>7} {'a window':>8} {'own':>6} {'shuffled':>8}  offsets in %"]
    lines[0] += f", {-FAR} to {FAR} frames after the motion's beat"
    for own in (False, True):
        chosen = [pair for pair in found if pair.own == own]
        for kind in (MARKED, HEARD, STRONG) if len(chosen) > 1 else ():
            told = fit(chosen, kind, rng)
            offsets = " ".join(f"{100 * share:.0f}" for share in told.offsets)
            lines.append(
                f"{'ours' if own else 'real':6} {kind:7} {len(chosen):7d} {told.count:8.1f} {told.score:6.3f} "
                f"{told.shuffled:8.3f}  {offsets}"
            )
    gaps = np.concatenate([np.diff(pair.motion) for pair in found])
    if len(gaps):
        low, middle, high = np.percentile(gaps, [10, 50, 90])
        lines.append(f"the motion's beats come every {middle:.0f} frames ({low:.0f} to {high:.0f})")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a packed file or of folders of motion and songs; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of motion, or a packed file")
    parser.add_argument("--songs", type=Path, required=True, help="a folder of songs, or a packed table")
    given = parser.parse_args(arguments)
    try:
        clips = prepared(given.data, CACHE).train
        table = song_table(clips, given.songs, "train", CACHE) if given.songs.is_dir() else load_songs(given.songs)
    except GenmoFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    print("\n".join(report(pairs(clips, table), np.random.default_rng(0))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
