"""Sound files -> samples. Plain wav by the standard library, every other format by PyAV (components.md 5).

Resampling cuts or extends the spectrum of the whole piece: exact for what lies under both half rates.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...protocol.failures import EngineFailure, StorageFailure

Array = np.ndarray
_SILENCE = 2048  # samples between the end and the beginning, which the transform sees as neighbours
_LARGEST_STEP = 5000


@dataclass(frozen=True)
class Sound:
    """Mono ``samples`` (N,) float32 in -1..1 at ``rate`` Hz; the mean of all channels."""

    samples: Array
    rate: int

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / self.rate


def read_sound(path: Path, until: float = np.inf) -> Sound:
    """The first sound stream of a file, from its beginning to ``until`` seconds at least.

    Raises StorageFailure for a file that is missing, damaged or holds no sound, EngineFailure where PyAV is needed and
    not installed.
    """
    if not path.is_file():
        raise StorageFailure("no_sound_file", f"There is no sound file {path}.", "Choose the file again.")
    sound = _read_wave(path, until)
    if sound is None:
        sound = _read_any(path, until)
    if not len(sound.samples):
        raise _no_sound(path)
    if not np.isfinite(sound.samples).all():
        raise _damaged(path, "it holds values that are no numbers")
    return sound


def _no_sound(path: Path) -> StorageFailure:
    return StorageFailure("no_sound", f"There is no sound in {path.name}.", "Choose a file with an audio track.")


def _damaged(path: Path, why: object) -> StorageFailure:
    return StorageFailure(
        "sound_unreadable", f"{path.name} cannot be read as sound ({why}).", "Save it again as WAV and choose that."
    )


def _read_wave(path: Path, until: float) -> Sound | None:
    """Whole-number PCM; None for other files, and for the kinds of wav that the standard library does not know."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(int(min(file.getnframes(), until * rate)))
    except (wave.Error, EOFError):
        return None
    if rate <= 0:
        raise _damaged(path, "its sampling rate is zero")
    raw = np.frombuffer(data[: len(data) // (width * channels) * width * channels], dtype=np.uint8)
    if width == 1:
        values = (raw.astype(np.float32) - 128.0) / 128.0
    else:
        # The sample's bytes become the upper ones of 32 bits, little end first.
        wide = np.zeros((len(raw) // width, 4), dtype=np.uint8)
        wide[:, 4 - width :] = raw.reshape(-1, width)
        values = wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    return Sound(values.reshape(-1, channels).mean(axis=1, dtype=np.float32), rate)


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
                raise _no_sound(path)
            return _decode(container, until, av.AudioResampler)
    except (av.FFmpegError, ValueError) as error:  # the latter where the sound changes its form midway
        raise _damaged(path, getattr(error, "strerror", None) or error) from error


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


def resampled(samples: Array, ratio: float) -> Array:
    """``ratio`` times as many samples of the same sound: (N,) -> (round(N ratio),) float64."""
    wanted = round(len(samples) * ratio)
    if ratio == 1.0 or not len(samples):
        return np.asarray(samples, dtype=np.float64)
    # A length that both rates divide, and that is a product of small primes.
    step = Fraction(ratio).limit_denominator(_LARGEST_STEP)
    blocks = _smooth_length(-(-(len(samples) + _SILENCE) // step.denominator))
    before, after = blocks * step.denominator, blocks * step.numerator
    spectrum = np.fft.rfft(np.asarray(samples, dtype=np.float64), before)
    kept = np.zeros(after // 2 + 1, dtype=complex)
    common = min(len(kept), len(spectrum))
    kept[:common] = spectrum[:common]
    return np.fft.irfft(kept, after)[:wanted] * (after / before)


def _smooth_length(least: int) -> int:
    """The next product of twos, threes and fives, lengths at which a transform is fast."""
    best = 1 << (least - 1).bit_length()
    three = 1
    while three < best:
        five = three
        while five < best:
            two = five
            while two < least:
                two *= 2
            best = min(best, two)
            five *= 5
        three *= 3
    return best
