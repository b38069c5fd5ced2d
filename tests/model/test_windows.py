"""Where a text holds, frame by frame."""

import numpy as np

from genmo_blender.model.windows import frame_weights
from genmo_blender.protocol.requests import TextSpan


def test_fades_ramp_and_strength_scales() -> None:
    spans = (TextSpan("a", 0.0, 1.2, 2.0, fade_out=0.4), TextSpan("b", 0.8, 2.0, 1.0, fade_in=0.4))
    weights = frame_weights(spans, 61)
    assert weights.dtype == np.float32
    assert weights[0, 0] == 2.0 and weights[1, 0] == 0.0 and weights[0, 40] == 0.0
    assert np.allclose(weights[0, 24:36] / 2 + weights[1, 24:36], np.ones(12), atol=1e-6)
    assert np.all(np.diff(weights[0, 24:36]) < 0)


def test_a_span_to_the_end_of_the_range_holds_its_last_frame_and_another_stops_before_its_end() -> None:
    weights = frame_weights((TextSpan("a", 0.0, 1.0), TextSpan("b", 1.0, 2.0)), 61)
    assert weights[0, 29] == 1 and weights[0, 30] == 0
    assert weights[1, 30] == 1 and weights[1, 60] == 1


def test_no_span_is_no_row() -> None:
    assert frame_weights((), 9).shape == (0, 9)
