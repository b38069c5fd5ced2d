"""CENS chroma (Mueller and Ewert 2011) over a constant-Q transform (Brown 1991), 30 rows a second, in numpy.

252 filters, 36 an octave over seven octaves from C1, as the AIST++ features ask for (components.md 6). One transform of
the whole sound serves every filter: a Hann filter is narrow in frequency, and keeping each 512th sample of its output
is folding its band onto as many frequencies as there are rows.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
OCTAVES, PER_OCTAVE, LOWEST_HZ = 7, 36, 32.703195662574764
_RATIO = 2.0 ** (2.0 / PER_OCTAVE)
Q = (_RATIO + 1.0) / (_RATIO - 1.0)
_SIDE_LOBES = 8.0  # a Hann filter is under 7e-4 beyond so many times 1 / its length from its middle
_STEPS = (0.4, 0.2, 0.1, 0.05)
_SMOOTHING = 43


def constant_q(samples: Array, rate: int, hop: int, rows: int) -> Array:
    """Magnitudes (rows, 252) of the filters centred at each ``hop``-th sample; silence before and after the sound."""
    frequency = LOWEST_HZ * 2.0 ** (np.arange(OCTAVES * PER_OCTAVE) / PER_OCTAVE)
    length = Q * rate / frequency
    margin = int(np.ceil(length[0] / 2 / hop)) * hop
    slots = -(-max(rows * hop + margin, len(samples) + margin) // hop)
    slots += -slots % 64
    spectrum = np.fft.rfft(samples, slots * hop)
    out = np.empty((rows, len(frequency)))
    for i, (hz, taps) in enumerate(zip(frequency, length, strict=True)):
        reach = _SIDE_LOBES * rate / taps
        bins = np.arange(*(int(f / rate * slots * hop) for f in (hz - reach, hz + reach)))
        offset = (bins * rate / (slots * hop) - hz) * taps / rate
        band = spectrum[bins] * _hann_response(offset)
        folded = np.zeros(-(-len(bins) // slots) * slots, dtype=complex)
        folded[: len(bins)] = band
        # Where the band starts turns every row by a phase alone, which a magnitude does not see.
        values = np.fft.ifft(folded.reshape(-1, slots).sum(axis=0))
        out[:, i] = np.abs(values[:rows]) * np.sqrt(taps) / hop
    return out


def _hann_response(offset: Array) -> Array:
    """Spectrum of a Hann window of area 1, over distances from its middle in units of 1 / its length."""
    edge = np.abs(np.abs(offset) - 1.0) < 1e-9
    return np.where(edge, 0.5, np.sinc(offset) / np.where(edge, 1.0, 1.0 - offset**2))


def cens(magnitudes: Array) -> Array:
    """(T, 252) -> (T, 12): pitch classes from C, in four steps of loudness, smoothed over 43 frames, of length 1.

    Rows where nothing sounds are zero.
    """
    pitch = (np.arange(magnitudes.shape[1]) + 1) // 3 % 12
    chroma = np.stack([magnitudes[:, pitch == p].sum(axis=1) for p in range(12)], axis=1)
    total = chroma.sum(axis=1, keepdims=True)
    share = chroma / np.where(total > np.finfo(np.float32).tiny, total, 1.0)
    steps = 0.25 * sum((share > step).astype(float) for step in _STEPS)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_SMOOTHING) / (_SMOOTHING - 1))
    window /= window.sum()
    half = _SMOOTHING // 2
    smooth = np.stack([np.convolve(column, window)[half : half + len(column)] for column in steps.T], axis=1)
    norm = np.linalg.norm(smooth, axis=1, keepdims=True)
    return smooth / np.where(norm > np.finfo(np.float32).tiny, norm, 1.0)
