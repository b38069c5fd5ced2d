"""Frames instead of seconds: what is said of a request names moments in its own seconds, an animator counts frames.

Moments are told with two decimals (``at 1.30 s``, ``at 1.30–3.30 s``); lengths of time are not, and stay seconds.
"""

from __future__ import annotations

import re

from ..protocol.failures import RequestFailure
from ..protocol.requests import GenerateRequest, validate

_MOMENT = re.compile(r"(\d+\.\d\d)(?:–(\d+\.\d\d))? s\b")


def in_frames(text: str, begins: float, fps: float) -> str:
    """A sentence with frames of the scene, where the request's time 0 is the frame ``begins``."""

    def told(found: re.Match[str]) -> str:
        first, last = (None if s is None else f"{begins + float(s) * fps:.0f}" for s in found.groups())
        return f"frame {first}" if last is None else f"frames {first}–{last}"

    return _MOMENT.sub(told, text)


def check(request: GenerateRequest, begins: float, fps: float) -> None:
    """`validate`, with frames in the sentence. Raises RequestFailure."""
    try:
        validate(request)
    except RequestFailure as failure:
        raise RequestFailure(failure.code, in_frames(failure.sentence, begins, fps), failure.remedy) from failure
