"""Wav files -> samples, by the standard library, and sounds at another rate.

Resampling cuts or extends the spectrum of the whole piece: exact for what lies under both half rates.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..protocol.failures import StorageFailure

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


def read_wave(path: Path, until: float = np.inf) -> Sound:
    """A wav file from its beginning to ``until`` seconds. Raises StorageFailure for a file that is missing, damaged,
    without sound or of another kind, which only an engine with a decoder reads."""
    sound = wave_of(existing(path), until)
    if sound is None:
        raise StorageFailure(
            "only_wave",
            f"{path.name} cannot be read by the built-in engine, which knows only plain WAV.",
            "Save the sound as 16-bit WAV and choose that, or set up the engine, which reads all kinds.",
        )
    return checked(sound, path)


def existing(path: Path) -> Path:
    """The path itself. Raises StorageFailure where there is no file."""
    if not path.is_file():
        raise StorageFailure("no_sound_file", f"There is no sound file {path}.", "Choose the file again.")
    return path


def checked(sound: Sound, path: Path) -> Sound:
    """A sound that has samples, all of them numbers. Raises StorageFailure for others."""
    if not len(sound.samples):
        raise no_sound(path)
    if not np.isfinite(sound.samples).all():
        raise damaged(path, "it holds values that are no numbers")
    return sound


def no_sound(path: Path) -> StorageFailure:
    """For a file without a sound stream, or with an empty one."""
    return StorageFailure("no_sound", f"There is no sound in {path.name}.", "Choose a file with an audio track.")


def damaged(path: Path, why: object) -> StorageFailure:
    """For a file that breaks off or is no sound."""
    return StorageFailure(
        "sound_unreadable", f"{path.name} cannot be read as sound ({why}).", "Save it again as WAV and choose that."
    )


def wave_of(path: Path, until: float) -> Sound | None:
    """Whole-number PCM; None for other files, and for the kinds of wav that the standard library does not know."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(int(min(file.getnframes(), until * rate)))
    except (wave.Error, EOFError):
        return None
    if rate <= 0:
        raise damaged(path, "its sampling rate is zero")
    raw = np.frombuffer(data[: len(data) // (width * channels) * width * channels], dtype=np.uint8)
    if width == 1:
        values = (raw.astype(np.float32) - 128.0) / 128.0
    else:
        # The sample's bytes become the upper ones of 32 bits, little end first.
        wide = np.zeros((len(raw) // width, 4), dtype=np.uint8)
        wide[:, 4 - width :] = raw.reshape(-1, width)
        values = wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    return Sound(values.reshape(-1, channels).mean(axis=1, dtype=np.float32), rate)


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
