"""Text spans in seconds -> the weight of each text on each frame (spec 3.4; strength and fades: product.md 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...protocol.requests import MODEL_FPS, TextSpan


def frame_weights(spans: Sequence[TextSpan], frames: int) -> Tensor:
    """(K, L): ``strength`` inside a span, ramps at its ends, 0 outside. Frame k lies at k / 30 s.

    A span holds [start, end), and the last frame too where it reaches that far; without fades these are the release's
    windows.
    """
    time = torch.arange(frames, dtype=torch.float64) / MODEL_FPS
    rows = [_weight(span, time) for span in spans]
    return torch.stack(rows).float() if rows else torch.zeros(0, frames)


def _weight(span: TextSpan, time: Tensor) -> Tensor:
    inside = (time >= span.start - 1e-6) & ((time < span.end - 1e-6) | (span.end >= time[-1] - 1e-6))
    ramp = torch.ones_like(time)
    if span.fade_in > 0:
        ramp = torch.minimum(ramp, (time - span.start) / span.fade_in)
    if span.fade_out > 0:
        ramp = torch.minimum(ramp, (span.end - time) / span.fade_out)
    return span.strength * ramp.clamp(0.0, 1.0) * inside
