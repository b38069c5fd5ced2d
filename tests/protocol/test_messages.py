"""Messages: every kind survives the pipe, fields of the future are ignored, wrong ones are refused by name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from genmo_blender.protocol.capabilities import Capabilities
from genmo_blender.protocol.failures import ModelFailure, PipeFailure, RequestFailure
from genmo_blender.protocol.frames import Decoder, Frame
from genmo_blender.protocol.messages import (
    KINDS,
    Cancel,
    Cancelled,
    Chunk,
    Failed,
    Foreign,
    Generate,
    Heartbeat,
    Hello,
    Message,
    Need,
    NotReady,
    Progress,
    Ready,
    Result,
    Shutdown,
    Stopping,
    Unknown,
    from_frame,
    to_bytes,
)
from genmo_blender.protocol.motions import MotionResult, Take
from genmo_blender.protocol.requests import Attachment, GenerateRequest, StartState, TextSpan


def through_the_pipe(message: Message) -> Message:
    (frame,) = Decoder().feed(to_bytes(message))
    return from_frame(frame)


def a_take(frames: int, seed: int) -> Take:
    random = np.random.default_rng(seed)
    shapes = ((frames, 22, 4), (frames, 3), (frames, 6), (10,))
    return Take(seed, *(random.normal(size=shape).astype(np.float32) for shape in shapes), {"slide_cm_s": 0.4})


PLAIN = [
    Hello("1.2.3", 77),
    Ready(Capabilities("mini", "ab" * 32, strips=("text", "music"))),
    Generate(3, {"duration": 4.0, "texts": [{"text": "geht “schnell” 走"}]}),
    Cancel(3),
    Progress(3, "solving", 31, 50, "Solving"),
    Heartbeat(),
    Cancelled(3),
    Need(3, ("a", "b")),
    Stopping("idle"),
    Shutdown(),
    Unknown("telepathy"),
]


@pytest.mark.parametrize("message", PLAIN, ids=lambda message: message.kind)
def test_a_plain_message_survives(message: Message) -> None:
    assert through_the_pipe(message) == message


def test_every_kind_is_tried_here() -> None:
    assert {type(m) for m in PLAIN} | {NotReady, Failed, Result, Chunk} == set(KINDS.values())


@pytest.mark.parametrize("cls", [NotReady, Failed])
def test_a_failure_survives_with_its_family_and_words(cls: type[NotReady] | type[Failed]) -> None:
    failure = ModelFailure("weights", "The weights are damaged.", "Reinstall.", "line 1\nline 2")
    got = through_the_pipe(NotReady(failure) if cls is NotReady else Failed(4, failure))
    assert isinstance(got, NotReady | Failed) and type(got.failure) is ModelFailure
    assert got.failure.to_dict() == failure.to_dict()


def test_a_chunk_keeps_its_bytes() -> None:
    got = through_the_pipe(Chunk("ab", 5, True, np.frombuffer(b"\x00\xff!", np.uint8)))
    assert isinstance(got, Chunk) and (got.offset, got.last, got.data.tobytes()) == (5, True, b"\x00\xff!")


def test_eight_takes_of_five_minutes_fit() -> None:
    result = MotionResult(30.0, tuple(a_take(9001, seed) for seed in range(8)), {"notes": ["fine"]})
    got = through_the_pipe(Result(1, result))
    assert isinstance(got, Result) and len(got.result.takes) == 8 and got.result.report == result.report
    for a, b in zip(result.takes, got.result.takes, strict=True):
        assert (a.seed, a.report) == (b.seed, b.report)
        for name in ("rotations", "transl", "contacts", "betas"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_request_survives_inside_generate() -> None:
    request = GenerateRequest(
        6.5,
        (TextSpan("geht", 0.0, 3.0, 1.5, 0.1, 0.2), TextSpan("winkt", 2.5, 6.5)),
        seed=9,
        takes=4,
        start=StartState((1.0, 0.5, -2.0), 0.3),
        attachments=(Attachment("song", "ab" * 32, 12, "/a b/é.wav"),),
    )
    got = through_the_pipe(Generate(1, request.to_dict()))
    assert isinstance(got, Generate) and GenerateRequest.from_dict(got.request) == request


def test_fields_of_the_future_are_ignored() -> None:
    assert from_frame(Frame("cancel", {"job": 3, "mood": "good"})) == Cancel(3)


def test_a_field_that_was_added_later_may_be_missing() -> None:
    assert from_frame(Frame("progress", {"job": 3, "stage": "x"})) == Progress(3, "x")


def test_an_unknown_kind_is_foreign() -> None:
    assert from_frame(Frame("telepathy", {"a": 1})) == Foreign("telepathy")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("cancel", {}),
        ("cancel", {"job": "3"}),
        ("cancel", {"job": True}),
        ("cancel", {"job": 3.0}),
        ("generate", {"job": 3, "request": "walk"}),
        ("failed", {"code": "x"}),
        ("ready", {"capabilities": {"model": "x"}}),
        ("ready", {"capabilities": 5}),
        ("need", {"job": 1, "sha256": "abc"}),
        ("chunk", {"sha256": "a", "offset": 0, "last": True}),
        ("result", {"job": 1, "motion": {"fps": 30.0, "takes": [{"seed": 1}]}}),
        ("result", {"job": 1, "motion": 7}),
        ("result", {}),
    ],
)
def test_a_message_that_does_not_fit_is_refused(kind: str, fields: dict[str, object]) -> None:
    with pytest.raises(PipeFailure, match="could not be read"):
        from_frame(Frame(kind, fields))


def test_a_result_of_the_wrong_shape_is_refused() -> None:
    take = dataclasses.replace(a_take(30, 1), transl=np.zeros((29, 3), np.float32))
    with pytest.raises(PipeFailure, match="wrong shape"):
        through_the_pipe(Result(1, MotionResult(30.0, (take,))))


def test_a_failure_of_an_unknown_family_keeps_its_words() -> None:
    got = from_frame(Frame("failed", {"job": 2, "family": "Weather", "code": "rain", "sentence": "It rains."}))
    assert isinstance(got, Failed) and (got.failure.code, got.failure.sentence) == ("rain", "It rains.")
    assert not isinstance(got.failure, RequestFailure)
