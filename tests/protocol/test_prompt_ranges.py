"""Prompts typed on a command line."""

import pytest

from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.prompt_ranges import parse_prompt, range_length
from genmo_blender.protocol.requests import TextSpan


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("0-4: a person walks forward", TextSpan("a person walks forward", 0.0, 4.0)),
        ("1.5-2.25:jump", TextSpan("jump", 1.5, 2.25)),
        (" .5 - 3. :  turns: left, then right ", TextSpan("turns: left, then right", 0.5, 3.0)),
        ("0-4: läuft – schnell", TextSpan("läuft – schnell", 0.0, 4.0)),
    ],
)
def test_reads_start_end_and_sentence(typed: str, span: TextSpan) -> None:
    assert parse_prompt(typed) == span


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("a person walks", "prompt_format"),
        ("0-4 a person walks", "prompt_format"),
        ("-1-4: a person walks", "prompt_format"),
        ("nan-4: a person walks", "prompt_format"),
        ("0-1e3: a person walks", "prompt_format"),
        ("", "prompt_format"),
        ("0-4:   ", "empty_prompt"),
        ("4-4: a person walks", "empty_strip"),
        ("4-2: a person walks", "empty_strip"),
    ],
)
def test_refuses_what_it_cannot_read_and_says_what_was_typed(typed: str, code: str) -> None:
    with pytest.raises(RequestFailure) as refused:
        parse_prompt(typed)
    assert refused.value.code == code
    assert typed in refused.value.sentence
    assert refused.value.remedy


def test_the_length_is_the_last_end_unless_given() -> None:
    spans = (TextSpan("walk", 3.0, 8.5), TextSpan("run", 0.0, 4.0))
    assert range_length(spans) == 8.5
    assert range_length(spans, 6.0) == 6.0
    assert range_length((), 2.0) == 2.0


@pytest.mark.parametrize(
    ("spans", "length", "code"),
    [
        ((), None, "no_length"),
        ((TextSpan("walk", 3.0, 8.0),), 3.0, "prompt_outside_range"),
        ((), 0.0, "length"),
        ((), float("nan"), "length"),
        ((), float("inf"), "length"),
    ],
)
def test_refuses_a_length_that_fits_nothing(spans: tuple[TextSpan, ...], length: float | None, code: str) -> None:
    with pytest.raises(RequestFailure) as refused:
        range_length(spans, length)
    assert refused.value.code == code
