"""What goes wrong with a song or a prompt before the model hears it, by how much.

All damage of a kind is nested: what is lost at one level is lost at the next as well, and the same random numbers are
used at every level, so that a curve shows the level and not the draw.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..conditions.sound_file import Sound

Array = np.ndarray
GAP = 0.25
"""Seconds that drop out at once."""
CUT_ORDER = 4
"""Of the low-pass: its power is halved at the cut-off and falls by 24 dB an octave above."""
MISTAKES = ("swap", "drop", "double", "other")


def noisy(sound: Sound, decibels: float, rng: np.random.Generator) -> Sound:
    """With white noise ``decibels`` louder (negative: softer) than the sound on the average; as loud as before."""
    noise = rng.standard_normal(len(sound.samples))
    level = _loudness(sound.samples)
    mixed = sound.samples + noise * level * 10.0 ** (decibels / 20.0)
    after = _loudness(mixed)
    return _with(sound, mixed * (level / after if after > 0 else 1.0))


def muffled(sound: Sound, hertz: float) -> Sound:
    """Without what lies above ``hertz``: Butterworth's amplitude over the whole sound, no shift in time."""
    spectrum = np.fft.rfft(np.asarray(sound.samples, dtype=np.float64))
    frequency = np.fft.rfftfreq(len(sound.samples), 1.0 / sound.rate)
    spectrum /= np.sqrt(1.0 + (frequency / hertz) ** (2 * CUT_ORDER))
    return _with(sound, np.fft.irfft(spectrum, len(sound.samples)))


def overdriven(sound: Sound, decibels: float) -> Sound:
    """Recorded ``decibels`` too loud: what goes beyond the loudest sample is cut, and the rest played back as loud."""
    peak = float(np.abs(sound.samples).max(initial=0.0))
    gain = 10.0 ** (decibels / 20.0)
    return _with(sound, np.clip(sound.samples * gain, -peak, peak) / gain)


def with_gaps(sound: Sound, share: float, rng: np.random.Generator) -> Sound:
    """Silent in ``share`` of its quarters of a second."""
    size = max(1, round(GAP * sound.rate))
    lost = rng.random(-(-len(sound.samples) // size)) < share
    return _with(sound, np.where(np.repeat(lost, size)[: len(sound.samples)], 0.0, sound.samples))


def _loudness(samples: Array) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _with(sound: Sound, samples: Array) -> Sound:
    return replace(sound, samples=np.asarray(samples, dtype=np.float32))


def first_words(text: str, share: float) -> str:
    """The beginning of a prompt: ``share`` of its words, rounded; all of 1, none of 0, else at least one."""
    words = text.split()
    return " ".join(words[: _kept(len(words), share)])


def last_words(text: str, share: float) -> str:
    """The end of a prompt, likewise."""
    words = text.split()
    return " ".join(words[len(words) - _kept(len(words), share) :])


def _kept(words: int, share: float) -> int:
    return 0 if share <= 0 else max(1, round(share * words))


def mistyped(text: str, share: float, rng: np.random.Generator) -> str:
    """A prompt with ``share`` of its letters mistyped: swapped with the next one, left out, doubled, or another."""
    draws, kinds = rng.random(len(text)), rng.integers(len(MISTAKES), size=len(text))
    others = rng.integers(26, size=len(text))
    out: list[str] = []
    taken = False
    for i, letter in enumerate(text):
        if taken or draws[i] >= share or not letter.isalpha():
            out.append("" if taken else letter)
            taken = False
            continue
        kind = MISTAKES[kinds[i]]
        following = text[i + 1 : i + 2]
        if kind == "swap" and following.isalpha():
            out.append(following + letter)
            taken = True
        elif kind == "drop":
            continue
        elif kind == "double":
            out.append(2 * letter)
        else:
            out.append(chr(ord("a") + int(others[i])))
    return "".join(out).strip() or text[:1]
