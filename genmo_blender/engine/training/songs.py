"""Rhythmic motion paired with songs, so that the motion's beats fall on beats of the music.

The motion comes without its music, so the pairing is ours: a pulse is laid through the motion's own beats
(`motion_rhythm`), then real songs are retimed to it beat by beat, or music of our own is played on it (`own_music`).
Retiming stretches the song's feature rows between two beats to the motion's interval: pitch and timbre stay, as after a
good time stretch, and each onset keeps its height. Gain and key are turned at random, for they mean nothing to a dance.

A motion slows down on one beat of two or three, so a beat alone says little about it. Which beat it is can be heard: a
real song begins where its stronger beats are those that are danced, and our own music is played that way.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from ...protocol.failures import StorageFailure
from ...sound import music
from ...sound.wav import resampled
from ..conditions.sound_file import read_sound
from .motion_rhythm import Rhythm, pulse, rhythm_of
from .own_music import render
from .samples import Clip
from .windows import MAX_TEXTS, WINDOW, Windows, unheard

Array = np.ndarray
HELD_OUT = frozenset({"trumpet_90bpm", "vibe_ace", "mix_97bpm"})
SUFFIXES = frozenset({".wav", ".ogg", ".mp3", ".flac", ".m4a"})
REAL, OWN = 2, 2
"""Tracks of each clip with real songs and with music of our own."""
REAL_OF_DANCE = 3
"""Tracks of a dance with real songs: these alone are danced to without a word, and the table is to stay small."""
OWN_PERIODS = (13, 26)  # frames, 138 to 69 beats a minute
STRETCH = (0.95, 1.5)
"""Of a real song's interval between beats; long, since the motions of the data slow down about once in a second."""
DANCED = 2
"""Frames between a beat and one of the motion's that make it a beat which is danced."""
STARTS = 4
"""A real song begins at one of so many of its beats, those whose strong beats are danced the most."""
GAIN_DB = (-12.0, 6.0)
HEARD_AFTER = 1
"""Frames from a sound to the beat that a tracker marks for it; the tracks of real songs have the same delay."""
MEND = "Put it back, or give --songs the table that was packed with the data."
_VERSION = "6"  # of this file's recipe, part of the cache's name


@dataclass(frozen=True)
class SongTable:
    """Tracks of standardised features, one row for each frame of the clip that a track was made for.

    ``features`` (R, 35) float16; ``first`` (tracks,) a track's first row; ``offset`` (clips + 1,) each clip's tracks;
    ``start`` (clips,) a clip's first row in the corpus; ``dance`` (clips,) whether music alone may call for it.
    """

    features: Tensor
    first: Array
    offset: Array
    start: Array
    dance: Array

    def to(self, device: torch.device | str) -> SongTable:
        """The same with its features on a device."""
        return replace(self, features=self.features.to(device))


@dataclass(frozen=True)
class Song:
    """``features`` (T, 35) raw and ``beats`` (K,) frames of one song."""

    features: Array
    beats: Array


def song_files(folder: Path, split: str) -> list[Path]:
    """The songs of a folder: those of `HELD_OUT` for split "val", else the others. Raises StorageFailure for none."""
    found = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in SUFFIXES]
    chosen = [p for p in found if (p.stem in HELD_OUT) == (split == "val")]
    if not chosen:
        raise StorageFailure("no_songs", f"{folder} holds no songs for “{split}”.", "Give a folder of sound files.")
    return chosen


def load_song(path: Path) -> Song:
    """A whole song's raw features. Raises StorageFailure for a file without at least two beats."""
    sound = read_sound(path)
    features = music.music_features(resampled(sound.samples, music.RATE / sound.rate))
    beats = np.flatnonzero(features[:, music.BEAT])
    if len(beats) < 2:
        raise StorageFailure("song_without_beat", f"No beat is heard in {path.name}.", "Leave it out of the songs.")
    return Song(features, beats)


def song_table(
    clips: Sequence[Clip], folder: Path | None, split: str, cache: Path, seed: int = 0, raw: bool = False
) -> SongTable:
    """Tracks for every rhythmic clip, in the order of the corpus made of ``clips``; kept in ``cache`` under a checksum.

    ``raw``: features as the release takes them, not standardised. Clips that were danced to a song of their own have
    that, and without a folder they alone have music. Raises StorageFailure when the folder has no songs of the split,
    or a clip's own song is not there.
    """
    files = song_files(folder, split) if folder else []
    path = cache / f"songs_{'raw_' if raw else ''}{_checksum(clips, files, seed)}.npz"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.npz")
        built = build(clips, [load_song(file) for file in files] if folder else None, seed, raw)
        save(built, fresh)
        os.replace(fresh, path)
    return load(path)


def _checksum(clips: Sequence[Clip], files: Sequence[Path], seed: int) -> str:
    digest = hashlib.sha256(f"{_VERSION} {seed}".encode())
    for clip in clips:
        digest.update(f"{clip.id} {clip.frames} {sorted(clip.tags)} {Path(clip.music).name}".encode())
        digest.update(np.ascontiguousarray(clip.transl).tobytes())
    for file in [*files, *map(Path, sorted({clip.music for clip in clips if clip.music}))]:
        if not file.is_file():
            raise StorageFailure("no_song", f"There is no song {file}, to which a clip of the data was danced.", MEND)
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def save(table: SongTable, path: Path) -> None:
    """Write a table; `load` reads it on a machine that has neither songs nor a decoder."""
    arrays = {name: getattr(table, name) for name in ("first", "offset", "start", "dance")}
    np.savez(path, features=table.features.cpu().numpy(), **arrays)


def load(path: Path) -> SongTable:
    """The table of `save`. Raises StorageFailure when it is none."""
    try:
        arrays = dict(np.load(path))
        return SongTable(torch.from_numpy(arrays.pop("features")), **arrays)
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise StorageFailure(
            "songs_unreadable",
            f"{path} is not a table of songs ({error}).",
            "Give a folder of songs, or the file that `engine pack --songs` made; one in the cache can be removed.",
        ) from error


def build(clips: Sequence[Clip], songs: Sequence[Song] | None, seed: int = 0, raw: bool = False) -> SongTable:
    """The table; each clip's tracks depend on its id and the seed alone. ``songs`` None: clips' own music alone;
    ``raw``: not standardised."""
    rows: list[Array] = []
    first, offset, dance, total = [], [0], [], 0
    for clip in clips:
        rhythm = rhythm_of(clip) if songs is not None and not clip.music else None
        found = [_danced_to(clip)] if clip.music else tracks(clip, rhythm, songs or [], seed) if rhythm else []
        for track in found:
            rows.append((track if raw else music.standardised(track)).astype(np.float16))
            first.append(total)
            total += clip.frames
        offset.append(len(first))
        dance.append(bool(clip.music) or (rhythm is not None and rhythm.dance))
    length = np.array([clip.frames for clip in clips], dtype=np.int64)
    features = np.concatenate(rows) if rows else np.zeros((0, music.CHANNELS), dtype=np.float16)
    return SongTable(
        torch.from_numpy(features),
        np.array(first, dtype=np.int64),
        np.array(offset, dtype=np.int64),
        np.cumsum(length) - length,
        np.array(dance, dtype=bool),
    )


def _danced_to(clip: Clip) -> Array:
    """Raw features (frames, 35) of the song that a clip was danced to; silence where the song has ended."""
    features = _own_song(Path(clip.music))[: clip.frames]
    return np.pad(features, [(0, clip.frames - len(features)), (0, 0)])


@lru_cache(maxsize=64)
def _own_song(path: Path) -> Array:
    sound = read_sound(path)
    return music.music_features(resampled(sound.samples, music.RATE / sound.rate))


def tracks(clip: Clip, rhythm: Rhythm, songs: Sequence[Song], seed: int) -> list[Array]:
    """Raw features (frames, 35) of this clip's songs."""
    rng = np.random.default_rng([seed, *hashlib.sha256(clip.id.encode()).digest()[:8]])
    out = []
    for i in rng.permutation(len(songs))[: REAL_OF_DANCE if rhythm.dance else REAL]:
        song = songs[i]
        period = float(np.median(np.diff(song.beats))) * rng.uniform(*STRETCH)
        beats = pulse(rhythm.beats, clip.frames, period)
        start = fitting_start(song, danced(beats, rhythm.beats), rng)
        out.append(_turned(retimed(song, beats, clip.frames, start), rng))
    for _ in range(OWN):
        beats = pulse(rhythm.beats, clip.frames, rng.uniform(*OWN_PERIODS))
        out.append(_own(beats, danced(beats, rhythm.beats), clip.frames, int(rng.integers(2**31))))
    return out


def danced(beats: Array, motion: Array) -> Array:
    """Which of the song's beats (K,) have one of the motion's (M,) at most `DANCED` frames away: (K,) bool."""
    return np.abs(np.asarray(beats)[:, None] - motion).min(axis=1) <= DANCED


def fitting_start(song: Song, hits: Array, rng: np.random.Generator) -> int:
    """The song's beat to begin at so that it is strong where ``hits`` (K,) are: one of the best `STARTS`, by chance."""
    count = len(song.beats) - 1
    onset = np.pad(song.features[:, music.ONSET], 1)
    strength = np.stack([onset[song.beats[:-1] + k] for k in range(3)]).max(axis=0)
    source = (np.arange(count)[:, None] + np.arange(len(hits) - 1)) % count
    weight = hits[:-1] - hits[:-1].mean()
    return int(rng.choice(np.argsort(-(strength[source] @ weight), kind="stable")[:STARTS]))


def retimed(song: Song, beats: Array, frames: int, start: int) -> Array:
    """The song from its beat number ``start`` on, each of its beats at the next of ``beats`` (frames, from before the
    first frame to after the last): (frames, 35). A song that ends goes on from its first beat."""
    count = len(song.beats) - 1
    source = (start + np.arange(len(beats) - 1)) % count
    segment = np.clip(np.searchsorted(beats, np.arange(frames), side="right") - 1, 0, len(source) - 1)
    width = song.beats[source + 1] - song.beats[source]
    scale = (beats[1:] - beats[:-1]) / width
    position = song.beats[source[segment]] + (np.arange(frames) - beats[segment]) / scale[segment]
    low = np.clip(np.floor(position).astype(int), 0, len(song.features) - 2)
    share = (position - low)[:, None].clip(0.0, 1.0)
    out = (1.0 - share) * song.features[low] + share * song.features[low + 1]
    out[:, [music.PEAK, music.BEAT]] = 0.0
    for i, j in enumerate(source):
        peaks = np.flatnonzero(song.features[song.beats[j] : song.beats[j + 1], music.PEAK])
        at = np.round(beats[i] + peaks * scale[i]).astype(int)
        inside = (at >= 0) & (at < frames)
        at, height = at[inside], song.features[song.beats[j] + peaks[inside], music.ONSET]
        out[at, music.PEAK] = 1.0
        out[at, music.ONSET] = np.maximum(out[at, music.ONSET], height)
    _mark(out, beats)
    return out


def _own(beats: Array, hits: Array, frames: int, seed: int) -> Array:
    """Features of our own music, its beats where they were meant and not where a tracker may hear them."""
    out = music.music_features(render(beats - HEARD_AFTER, frames, seed, hits))[:frames]
    out[:, music.BEAT] = 0.0
    _mark(out, beats)
    return out


def _mark(features: Array, beats: Array) -> None:
    at = np.round(beats).astype(int)
    features[at[(at >= 0) & (at < len(features))], music.BEAT] = 1.0


def _turned(features: Array, rng: np.random.Generator) -> Array:
    """Louder or softer, in another key."""
    out = features.copy()
    out[:, music.MFCC.start] += rng.uniform(*GAIN_DB) * np.sqrt(music.MELS)
    out[:, music.CHROMA] = np.roll(out[:, music.CHROMA], int(rng.integers(12)), axis=1)
    return out


def draw_tracks(table: SongTable, windows: Windows, rng: np.random.Generator) -> Array:
    """A track (n,) for each window, -1 for none: motion that is regular but no dance needs a sentence beside it."""
    count = np.diff(table.offset)[windows.clip]
    told = (windows.sentence >= 0).any(axis=1)
    track = table.offset[windows.clip] + (rng.random(len(windows)) * count).astype(np.int64)
    return np.where((count > 0) & (told | table.dance[windows.clip]), track, -1)


def music_of(table: SongTable, windows: Windows, track: Array) -> tuple[Tensor, Tensor]:
    """``encoded_music`` (n, WINDOW, 35) float32 as in the table and ``has_music`` (n, WINDOW) bool, zero where absent.

    A mirrored twin moves to the same music: repeat both for it.
    """
    device = table.features.device
    there = track >= 0
    begin = np.where(there, table.first[track] if len(table.first) else 0, 0)
    begin = begin + np.where(there, windows.first - table.start[windows.clip], 0)
    length = np.where(there, windows.length, 0)
    at = np.arange(WINDOW)
    has_music = torch.from_numpy(at < length[:, None]).to(device, non_blocking=True)
    rows = torch.from_numpy(np.where(at < length[:, None], begin[:, None] + at, 0)).to(device, non_blocking=True)
    if not len(table.features):
        return torch.zeros(len(windows), WINDOW, music.CHANNELS, device=device), has_music
    return table.features[rows].float() * has_music[..., None], has_music


def draw_dances(table: SongTable, length: Array, rng: np.random.Generator, n: int) -> Windows:
    """n windows of dance without a sentence, each dance by its ``length`` (clips,): what music alone asks for.

    Raises ValueError when no clip of the table is a dance.
    """
    if not table.dance.any():
        raise ValueError("the table has no dance to draw")
    bound = np.cumsum(np.where(table.dance, length, 0), dtype=np.float64)
    clip = np.searchsorted(bound, rng.random(n) * bound[-1], side="right")
    frames = np.minimum(length[clip], WINDOW)
    first = table.start[clip] + (rng.random(n) * (length[clip] - frames + 1)).astype(np.int64)
    nowhere = np.zeros((n, MAX_TEXTS), dtype=np.int64)
    return Windows(clip, first, frames, nowhere - 1, nowhere, nowhere, *unheard(rng, n))
