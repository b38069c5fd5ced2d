"""Onset strength, onset peaks, tempo and beats at 30 frames a second, in numpy.

Re-made after the published description of what the AIST++ baselines call (components.md 6): spectral flux of a mel
spectrogram in dB; peaks over a local mean; tempo by the mean autocorrelation under a log-normal prior; beats by dynamic
programming (Ellis 2007, "Beat Tracking by Dynamic Programming").
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
FPS = 30.0
START_BPM = 120.0
TIGHTNESS = 100.0
FASTEST_BPM = 320.0
_TEMPO_FRAMES = 240  # 8 s, the span of one autocorrelation
_FLUX_DELAY = 3  # one for the difference, two because a window of 2048 samples sees a sound two hops ahead
_PEAK_BEFORE, _PEAK_AFTER, _PEAK_HEIGHT = 3, 4, 0.07
_TINY = np.finfo(np.float32).tiny


def onset_strength(decibels: Array) -> Array:
    """Mean rise over the mels: (T, M) dB -> (T,), delayed by two frames so that it peaks where a sound begins."""
    rise = np.maximum(np.diff(decibels, axis=0), 0.0).mean(axis=1)
    return np.concatenate([np.zeros(_FLUX_DELAY), rise])[: len(decibels)]


def onset_peaks(strength: Array) -> Array:
    """Frames (P,) whose strength, scaled to 0..1, stands out of the mean of three frames before to three after."""
    scaled = strength - strength.min()
    if not scaled.max() > 0:
        return np.zeros(0, dtype=int)
    scaled = scaled / scaled.max()
    total = np.concatenate([[0.0], np.cumsum(scaled)])
    frame = np.arange(len(scaled))
    first, last = np.maximum(frame - _PEAK_BEFORE, 0), np.minimum(frame + _PEAK_AFTER, len(scaled))
    mean = (total[last] - total[first]) / (last - first)
    return np.flatnonzero(scaled >= mean + _PEAK_HEIGHT)


def tempo(strength: Array, start_bpm: float = START_BPM) -> float:
    """Beats a minute, the likeliest lag of the autocorrelation under a prior of one octave about ``start_bpm``."""
    half = _TEMPO_FRAMES // 2
    padded = np.pad(strength, half, mode="linear_ramp", end_values=0.0)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_TEMPO_FRAMES) / _TEMPO_FRAMES)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _TEMPO_FRAMES)[: len(strength)] * window
    spectrum = np.fft.rfft(frames, 2 * _TEMPO_FRAMES, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :_TEMPO_FRAMES]
    peak = np.abs(correlation).max(axis=1, keepdims=True)
    mean = (correlation / np.where(peak > _TINY, peak, 1.0)).mean(axis=0)
    lag = np.arange(1, _TEMPO_FRAMES)
    bpm = 60.0 * FPS / lag
    prior = np.where(bpm < FASTEST_BPM, -0.5 * np.log2(bpm / start_bpm) ** 2, -np.inf)
    return float(bpm[np.argmax(np.log1p(1e6 * np.maximum(mean[1:], 0.0)) + prior)])


def beats(strength: Array, start_bpm: float = START_BPM, tightness: float = TIGHTNESS) -> Array:
    """Beat frames (K,) of an onset strength (T,); none where nothing sounds."""
    if not np.any(strength > 0):
        return np.zeros(0, dtype=int)
    period = round(60.0 * FPS / tempo(strength, start_bpm))
    score = local_score(strength, period)
    return _trimmed(beats_of_period(score, period, tightness), score)


def local_score(strength: Array, period: int) -> Array:
    """The strength in units of its spread, under a Gaussian narrower than a beat (period / 32 frames)."""
    spread = float(np.std(strength, ddof=1)) if len(strength) > 1 else 0.0
    window = np.exp(-0.5 * (np.arange(-period, period + 1) * 32.0 / period) ** 2)
    full = np.convolve(strength / (spread + _TINY), window)
    return full[period : period + len(strength)]


def beats_of_period(score: Array, period: int, tightness: float) -> Array:
    """The chain of frames (K,) with the highest sum of scores and of interval costs, ``period`` in frames."""
    steps = np.arange(-2 * period, -round(period / 2) + 1)
    cost = -tightness * np.log(-steps / period) ** 2
    total, link = np.zeros(len(score)), np.full(len(score), -1)
    started, quiet = False, 0.01 * score.max()
    for frame in range(len(score)):
        previous = frame + steps[steps >= -frame]
        total[frame] = score[frame]
        if not len(previous):
            continue
        candidates = cost[-len(previous) :] + total[previous]
        best = int(np.argmax(candidates))
        total[frame] += candidates[best]
        # No beat in the silence before the first sound.
        started = started or score[frame] >= quiet
        if started:
            link[frame] = previous[best]
    chain = [_last_beat(total)]
    while link[chain[-1]] >= 0:
        chain.append(int(link[chain[-1]]))
    return np.array(chain[::-1])


def clock(found: Array, strength: Array) -> Array:
    """Where each frame is between beats: (K,) frames and the onset strength (T,) -> (T, 3).

    Cosine (1 on a beat, -1 half-way) and sine of the phase, and the cosine times the strength of the nearest beat over
    the beats' mean, less one, at most 1. Before the first beat and after the last the beats go on at the same pace;
    with fewer than two beats everything is zero.
    """
    out = np.zeros((len(strength), 3), dtype=np.float32)
    if len(found) < 2:
        return out
    frame = np.arange(len(strength))
    last = np.clip(np.searchsorted(found, frame, side="right") - 1, 0, len(found) - 2)
    phase = (frame - found[last]) / np.diff(found)[last]
    out[:, 0], out[:, 1] = np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)
    padded = np.pad(strength, 1)
    height = np.stack([padded[found + k] for k in range(3)]).max(axis=0)
    stress = np.clip(height / max(float(height.mean()), _TINY) - 1.0, -1.0, 1.0)
    nearest = np.clip(last + (phase > 0.5), 0, len(found) - 1)
    out[:, 2] = out[:, 0] * stress[nearest]
    return out


def _last_beat(total: Array) -> int:
    """The last local maximum of the sum that is more than half of their median."""
    ahead = np.concatenate([total[1:], total[-1:]])
    behind = np.concatenate([total[:1], total[:-1]])
    peaks = np.flatnonzero((total > behind) & (total >= ahead))
    if not len(peaks):
        return int(np.argmax(total))
    high = peaks[2 * total[peaks] >= np.median(total[peaks])]
    return int(high[-1]) if len(high) else int(peaks[-1])


def _trimmed(found: Array, score: Array) -> Array:
    """Without beats in the quiet at both ends: frames under half of the root mean square of the beats' scores."""
    smooth = np.convolve(score[found], [0.0, 0.5, 1.0, 0.5, 0.0])[2:]
    loud = np.flatnonzero(score > 0.5 * np.sqrt(np.mean(smooth**2)))
    return found[(found >= loud[0]) & (found <= loud[-1])] if len(loud) else found[:0]
