"""Text spans in seconds -> the weight of each text on each frame (spec 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..protocol.requests import MODEL_FPS, TextSpan

Array = np.ndarray


def frame_weights(spans: Sequence[TextSpan], frames: int) -> Array:
    """(K, L): ``strength`` inside a span, ramps at its ends, 0 outside. Frame k lies at k / 30 s.

    A span holds [start, end), and the last frame too where it reaches that far; without fades these are the release's
    windows.
    """
    time = np.arange(frames, dtype=np.float64) / MODEL_FPS
    return np.array([_weight(span, time) for span in spans], dtype=np.float32).reshape(len(spans), frames)


def _weight(span: TextSpan, time: Array) -> Array:
    inside = (time >= span.start - 1e-6) & ((time < span.end - 1e-6) | (span.end >= time[-1] - 1e-6))
    ramp = np.ones_like(time)
    if span.fade_in > 0:
        ramp = np.minimum(ramp, (time - span.start) / span.fade_in)
    if span.fade_out > 0:
        ramp = np.minimum(ramp, (span.end - time) / span.fade_out)
    return span.strength * np.clip(ramp, 0.0, 1.0) * inside
