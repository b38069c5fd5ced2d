"""Prompts as they are typed on a command line: ``START-END: sentence``, in decimal seconds from the range's start."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .failures import RequestFailure
from .requests import TextSpan

_SECONDS = r"(\d+(?:\.\d*)?|\.\d+)"
_PROMPT = re.compile(rf"\s*{_SECONDS}\s*-\s*{_SECONDS}\s*:(.*)", re.DOTALL)


def parse_prompt(text: str) -> TextSpan:
    """Reads ``"0-4: a person walks forward"``. Raises RequestFailure with a sentence that quotes what was typed."""
    match = _PROMPT.fullmatch(text)
    if match is None:
        raise RequestFailure(
            "prompt_format",
            f"The prompt “{text}” has no range that can be read.",
            "Write it as START-END: sentence in seconds, for example “0-4: a person walks forward”.",
        )
    start, end, sentence = float(match[1]), float(match[2]), match[3].strip()
    if not sentence:
        raise RequestFailure("empty_prompt", f"The prompt “{text}” has no words.", "Type what the character should do.")
    if not end > start:
        raise RequestFailure(
            "empty_strip", f"The prompt “{text}” ends before it starts.", "Give it an end after its start."
        )
    return TextSpan(sentence, start, end)


def range_length(spans: Sequence[TextSpan], length: float | None = None, last_key: float | None = None) -> float:
    """Seconds of motion: ``length`` where given, otherwise the last prompt's end or the last key's time.

    Raises RequestFailure when there is neither, or when a prompt starts after the range's end.
    """
    if length is None:
        ends = [span.end for span in spans] + ([] if last_key is None else [last_key])
        if not ends:
            raise RequestFailure("no_length", "There is no prompt and no length.", "Give at least one of them.")
        return max(ends)
    if not 0.0 < length < float("inf"):
        raise RequestFailure("length", f"A length of {length:g} s is no length.", "Give seconds above 0.")
    for span in spans:
        if span.start >= length:
            raise RequestFailure(
                "prompt_outside_range",
                f"The prompt “{span.text}” starts at {span.start:g} s, after the range's end at {length:g} s.",
                "Move the prompt into the range, or make the range longer.",
            )
    return length
