import dataclasses

import pytest

from genmo_blender.protocol.failures import RequestFailure
from genmo_blender.protocol.requests import (
    Attachment,
    GenerateRequest,
    StartState,
    TextSpan,
    validate,
    with_crossfades,
)


def request(**changes) -> GenerateRequest:
    texts = (TextSpan("walk", 0.0, 2.0), TextSpan("wave", 2.0, 4.0, 0.5))
    return dataclasses.replace(GenerateRequest(4.0, texts, seed=7), **changes)


def test_a_request_crosses_the_pipe_unchanged_and_ignores_fields_of_a_newer_version():
    sent = request(start=StartState((1.0, 0.0, -2.0), 0.3), attachments=(Attachment("song", "ab", 3),))
    record = sent.to_dict() | {"invented_later": 1}
    record["texts"][0]["colour"] = "red"
    assert GenerateRequest.from_dict(record) == sent


@pytest.mark.parametrize("record", [{}, {"duration": "long"}, {"duration": 2.0, "texts": [{"text": "walk"}]}])
def test_a_record_that_is_no_request_is_refused_with_a_sentence(record):
    with pytest.raises(RequestFailure, match="could not be read"):
        GenerateRequest.from_dict(record)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"duration": 0.0}, "range_too_short"),
        ({"duration": float("nan")}, "range_too_short"),
        ({"duration": 400.0}, "range_too_long"),
        ({"duration": float("inf")}, "range_too_long"),
        ({"start": StartState((0.0, float("nan"), 0.0))}, "start"),
        ({"start": StartState((0.0, 0.0, 0.0), float("inf"))}, "start"),
        ({"texts": (TextSpan("walk", 0.0, 1.0, 1.0, -0.1),)}, "fade"),
        ({"texts": (TextSpan("walk", 0.0, 1.0, 1.0, 0.0, float("nan")),)}, "fade"),
        ({"takes": 0}, "takes"),
        ({"takes": 9}, "takes"),
        ({"steps": 0}, "steps"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31 - 1}, "seed"),
        ({"guidance": float("nan")}, "guidance"),
        ({"texts": (TextSpan("  ", 0.0, 1.0),)}, "empty_prompt"),
        ({"texts": (TextSpan("walk", 1.0, 1.0),)}, "empty_strip"),
        ({"texts": (TextSpan("walk", 4.0, 5.0),)}, "prompt_outside_range"),
        ({"texts": (TextSpan("walk", 0.0, 1.0, 2.5),)}, "strength"),
    ],
)
def test_what_cannot_be_generated_has_its_own_code_and_a_remedy(changes, code):
    validate(request(), 300.0)
    with pytest.raises(RequestFailure) as told:
        validate(request(**changes), 300.0)
    assert told.value.code == code and told.value.sentence and told.value.remedy


def test_spans_that_touch_reach_into_each_other_by_half_a_crossfade():
    walk, wave = with_crossfades(request().texts, 0.4)
    assert (walk.end, walk.fade_out, wave.start, wave.fade_in) == (2.2, 0.4, 1.8, 0.4)
    assert (walk.start, walk.fade_in, wave.end, wave.fade_out) == (0.0, 0.0, 4.0, 0.0)


def test_an_overlap_is_the_crossfade_and_a_span_inside_another_has_none():
    a, b = with_crossfades((TextSpan("walk", 0.0, 2.0), TextSpan("wave", 1.5, 4.0)), 0.2)
    assert (a.end, a.fade_out, b.start, b.fade_in) == (2.0, 0.5, 1.5, 0.5)
    inside = (TextSpan("walk", 0.0, 4.0), TextSpan("wave", 1.0, 2.0))
    assert with_crossfades(inside, 0.2) == inside


def test_a_fade_never_eats_more_than_half_of_a_strip_and_strips_apart_have_none():
    short, _ = with_crossfades((TextSpan("hop", 0.0, 0.2), TextSpan("walk", 0.2, 4.0)), 1.0)
    assert short.fade_out == pytest.approx(0.2)
    apart = (TextSpan("walk", 0.0, 1.0), TextSpan("wave", 2.0, 3.0))
    assert with_crossfades(apart, 0.4) == apart
