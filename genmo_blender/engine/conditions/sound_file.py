"""Sound files of every kind -> samples: plain wav by `sound/wav.py`, every other format by PyAV (components.md 5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...protocol.failures import EngineFailure
from ...sound.wav import Sound, checked, damaged, existing, no_sound, wave_of

Array = np.ndarray


def read_sound(path: Path, until: float = np.inf) -> Sound:
    """The first sound stream of a file, from its beginning to ``until`` seconds at least.

    Raises StorageFailure for a file that is missing, damaged or holds no sound, EngineFailure where PyAV is needed and
    not installed.
    """
    sound = wave_of(existing(path), until)
    return checked(_read_any(path, until) if sound is None else sound, path)


def _read_any(path: Path, until: float) -> Sound:
    try:
        import av
    except ImportError as error:
        raise EngineFailure(
            "no_sound_decoder",
            f"The engine cannot read {path.name}: the package that decodes sound is not installed.",
            "Set up the engine again, or save the sound as WAV.",
        ) from error
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise no_sound(path)
            return _decode(container, until, av.AudioResampler)
    except (av.FFmpegError, ValueError) as error:  # the latter where the sound changes its form midway
        raise damaged(path, getattr(error, "strerror", None) or error) from error


def _decode(container: Any, until: float, resampler_class: Any) -> Sound:
    """The first sound stream; one that begins later than the file (a film's) has silence before it."""
    stream = container.streams.audio[0]
    resampler = resampler_class(format="fltp", layout=stream.layout)
    rate: int = stream.rate
    pieces: list[Array] = []
    begin = (container.start_time or 0) / 1e6  # of mp3 this is the coder's delay, which is cut off already
    start = begin
    for frame in container.decode(stream):
        if not pieces and frame.time is not None:
            start = frame.time
        if frame.time is not None and frame.time - begin >= until:
            break
        pieces += [np.asarray(f.to_ndarray()).mean(axis=0, dtype=np.float32) for f in resampler.resample(frame)]
    if not pieces:
        return Sound(np.zeros(0, dtype=np.float32), rate)
    lead = round((start - begin) * rate)
    silence = np.zeros(max(lead, 0), dtype=np.float32)
    return Sound(np.concatenate([silence, *pieces])[max(-lead, 0) :], rate)
