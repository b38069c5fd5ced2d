"""Dances against their songs: beat alignment with a permutation test, foot contact, amount of motion (spec 9).

Beat alignment is EDGE's (Tseng et al. 2023): for each music beat the nearest motion beat, a Gaussian of 3 frames. It
counts beats of the music that are danced; a motion with many slow moments scores without hearing anything, therefore
the same dances are scored against each other's songs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...protocol.failures import RequestFailure
from ...sound import music
from ..conditions.sound_file import read_sound
from .music_metrics import beat_alignment, physical_foot_contact

Array = np.ndarray
FPS = 30.0
EDGE_BEAT_ALIGNMENT = 0.2334
"""EDGE's figure on AIST++, same definition, other music and dancers: for orientation beside ours."""
ROUNDS = 9999


def amount_of_motion(joints: Array, fps: float = FPS) -> float:
    """Mean speed (m/s) of the joints (T, J, 3) seen from the pelvis, axes of the world; not a number for one frame."""
    around = np.asarray(joints, dtype=np.float64)
    around = around[:, 1:] - around[:, :1]
    speed = np.linalg.norm(np.diff(around, axis=0), axis=-1) * fps
    return float(speed.mean()) if len(speed) else float("nan")


@dataclass(frozen=True)
class Excerpt:
    """A piece of a song to dance to: ``features`` (frames, 35) raw, from ``start`` seconds of the file ``song``."""

    song: str
    start: float
    features: Array

    @property
    def beats(self) -> Array:
        """Frames (K,) of its beats."""
        return np.flatnonzero(self.features[:, music.BEAT])


def excerpts(songs: Sequence[Path], frames: int, each: int) -> list[Excerpt]:
    """``each`` pieces of every song, spread over its length; their beats fall on different frames.

    Raises StorageFailure for an unreadable file, RequestFailure for a song that is shorter than ``frames``.
    """
    out = []
    for path in songs:
        left = read_sound(path).seconds - frames / FPS
        if left < 0:
            raise RequestFailure("song_too_short", f"{path.name} is too short for {frames} frames.", "Leave it out.")
        for start in np.linspace(0.0, left, each):
            features = music.file_features(path, float(start), float(start) + frames / FPS, frames, read_sound)
            out.append(Excerpt(path.name, float(start), features))
    return out


@dataclass(frozen=True)
class Alignment:
    """``score`` of the dances with their own songs, ``shuffled`` the mean with each other's, ``p`` how often a
    shuffle scores as high; ``dances`` how many."""

    score: float
    shuffled: float
    p: float
    dances: int


def alignment_matrix(motions: Sequence[Array], beats: Sequence[Array]) -> Array:
    """(n, n): beat alignment of motion i, joints (T, J, 3), with the music beats j, frames (K,).

    Beats after the end of a motion do not count for it, so that a long song is no handicap.
    """
    out = np.zeros((len(motions), len(beats)))
    for i, motion in enumerate(motions):
        joints = torch.from_numpy(np.asarray(motion, dtype=np.float64))
        for j, song in enumerate(beats):
            heard = torch.from_numpy(np.asarray(song)[np.asarray(song) < len(joints)])
            out[i, j] = float(beat_alignment(joints, heard))
    return out


def permutation_test(matrix: Array, rng: np.random.Generator, rounds: int = ROUNDS) -> Alignment:
    """Whether dances fit their own songs better than each other's: `alignment_matrix` with own pairs on its diagonal.

    Songs may occur more than once (with another beginning each time, or the shuffles tell little). Raises ValueError
    for fewer than two dances.
    """
    n = len(matrix)
    if n < 2 or matrix.shape != (n, n):
        raise ValueError("a permutation test needs a square matrix of two or more dances")
    rows = np.arange(n)
    observed = float(matrix[rows, rows].mean())
    shuffled = np.array([matrix[rows, rng.permutation(n)].mean() for _ in range(rounds)])
    # A shuffle that is the own pairing again must count, whatever the order of summing made of its last digit.
    p = (1 + int((shuffled >= observed - 1e-12).sum())) / (1 + rounds)
    return Alignment(observed, float(shuffled.mean()), float(p), n)


@dataclass(frozen=True)
class DanceReport:
    """What one set of dances scores. ``foot_contact`` PFC (lower is better), ``amount`` m/s, both means over dances."""

    alignment: Alignment
    foot_contact: float
    amount: float


def dance_report(motions: Sequence[Array], beats: Sequence[Array], rng: np.random.Generator) -> DanceReport:
    """Score dances, joints (T, 22, 3) of at least four frames each, with the music beats (frames) of each one's song.

    Raises ValueError for fewer than two dances, or where there are not as many songs.
    """
    if len(motions) != len(beats):
        raise ValueError("there must be as many songs as dances")
    contact = [float(physical_foot_contact(torch.from_numpy(np.asarray(m, dtype=np.float64)))) for m in motions]
    return DanceReport(
        permutation_test(alignment_matrix(motions, beats), rng),
        float(np.mean(contact)),
        float(np.mean([amount_of_motion(m) for m in motions])),
    )
