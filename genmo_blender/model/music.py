"""Music of a request -> what the network hears at each frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..protocol.requests import MODEL_FPS, GenerateRequest
from ..sound.music import BEAT, CHANNELS, file_features, standardised
from ..sound.wav import Sound

Array = np.ndarray
Reader = Callable[[Path, float], Sound]


def heard(request: GenerateRequest, frames: int, read: Reader, raw: bool = False) -> tuple[Array, Array]:
    """Features (``frames``, 35) float32 and where there is music (``frames``,) bool.

    ``read`` reads a sound file up to some second; ``raw`` for the official checkpoints, which take features as they
    are. A song that plays until the range's end plays on for the frames of its last token. Raises StorageFailure or
    RequestFailure for a sound that cannot be heard.
    """
    features, present = np.zeros((frames, CHANNELS), dtype=np.float32), np.zeros(frames, dtype=bool)
    for first, end, piece in _pieces(request, frames, read):
        features[first:end] = piece if raw else standardised(piece)
        present[first:end] = True
    return features, present


def beats(request: GenerateRequest, frames: int, read: Reader) -> Array:
    """Those of ``frames`` (K,) at which the request's music has beats. Raises as `heard`."""
    found = [first + np.flatnonzero(piece[:, BEAT]) for first, _, piece in _pieces(request, frames, read)]
    return np.unique(np.concatenate([np.zeros(0, dtype=int), *found]))


def _pieces(request: GenerateRequest, frames: int, read: Reader) -> Iterator[tuple[int, int, Array]]:
    """First and last frame, and raw features, of each span of music."""
    paths = {a.sha256: Path(a.path) for a in request.attachments}
    for span in request.music:
        first = max(round(span.start * MODEL_FPS), 0)
        end = min(round(span.end * MODEL_FPS), request.frames)
        if end >= request.frames - 1:
            end = frames
        if end <= first:
            continue  # shorter than a frame
        begin = max(span.sound_start + (first / MODEL_FPS - span.start) * span.speed, 0.0)
        until = begin + (end - first) / MODEL_FPS * span.speed
        yield first, end, _piece(span.sound, paths[span.sound], begin, until, end - first, read)


@lru_cache(maxsize=16)
def _piece(_sha256: str, path: Path, begin: float, until: float, frames: int, read: Reader) -> Array:
    """`file_features`, once for the network, for the beats and for the next takes to the same song."""
    return file_features(path, begin, until, frames, read)
