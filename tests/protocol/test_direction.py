"""Path, waypoints and pins of a request: over the pipe, and refused where nobody could follow them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from genmo_blender.protocol.direction import Direction, Pin, RootPath, Waypoint
from genmo_blender.protocol.failures import PipeFailure, RequestFailure
from genmo_blender.protocol.frames import Decoder, Frame, encode
from genmo_blender.protocol.messages import Generate, from_frame, to_bytes
from genmo_blender.protocol.requests import GenerateRequest, StartState, validate

TIMES = np.linspace(0.0, 3.0, 31)
PATH = RootPath(TIMES, np.stack([np.sin(TIMES), 1.2 * TIMES], axis=1), np.where(TIMES < 1, np.nan, 0.5), False)
PIN = Pin("left_hand", TIMES[10:20], np.stack([TIMES[10:20], 1.0 + TIMES[10:20], -TIMES[10:20]], axis=1), 0.2, 0.4)
TURNED = replace(PIN, part="right_foot", turns=np.tile([0.6, 0.0, 0.8, 0.0], (10, 1)))
WAYS = (Waypoint(3.5, (1.0, 4.0), 1.0, 0.2), Waypoint(4.0, (1.5, 4.5)), Waypoint(3.6, (1.0, 4.1), until=3.9))
ALL = Direction(PATH, WAYS, (PIN, TURNED))


def test_a_direction_crosses_the_pipe_as_arrays_and_stays_json_ready():
    sent = GenerateRequest(4.0, direction=ALL)
    validate(sent)
    json.dumps(sent.to_dict(), allow_nan=False)
    (frame,) = Decoder().feed(to_bytes(Generate(3, sent.to_dict())))
    assert {"direction/path/places", "direction/pins/0/points"} <= set(frame.arrays)
    got = from_frame(frame)
    assert isinstance(got, Generate) and GenerateRequest.from_dict(got.request) == sent
    assert GenerateRequest.from_dict(json.loads(json.dumps(sent.to_dict()))) == sent
    moved = replace(ALL, pins=(replace(PIN, points=PIN.points + 1.0),))
    assert replace(sent, direction=moved) != sent
    free = replace(ALL, pins=(PIN, replace(TURNED, turns=None)))
    assert replace(sent, direction=free) != sent


def test_arrays_that_belong_to_nothing_are_malformed():
    record = {"job": 1, "request": GenerateRequest(4.0, direction=ALL).to_dict() | {"direction": {"pins": []}}}
    arrays = {"direction/pins/3/points": np.zeros((2, 3))}
    (frame,) = Decoder().feed(encode(Frame("generate", record, arrays)))
    with pytest.raises(PipeFailure, match="could not be read"):
        from_frame(frame)


def pin(**changes: object) -> Direction:
    return Direction(pins=(replace(PIN, **changes),))


def path(**changes: object) -> Direction:
    return Direction(replace(PATH, headings=None, fixed=True, **changes))


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        (Direction(waypoints=(Waypoint(1.0, (0.0, 9.0)),)), "are 9.0 m, which asks for 9 m/s: nobody is that fast"),
        (Direction(waypoints=(Waypoint(0.5, (0.0, 9.0), until=1.0),)), "which asks for 9 m/s: nobody is that fast"),
        (Direction(waypoints=(Waypoint(0.5, (0.0, 9.0), until=2.0),)), None),
        (Direction(waypoints=(Waypoint(0.5, (0.0, 1.0), until=0.4),)), "A waypoint ends before it begins"),
        (Direction(waypoints=(Waypoint(0.5, (0.0, 1.0), until=4.5),)), "outside the range (0–4 s)"),
        (pin(turns=np.zeros((10, 4))), "values that are not numbers"),
        (Direction(waypoints=(Waypoint(7.0, (0.0, 1.0)),)), "A waypoint (7 s) lies outside the range (0–4 s)"),
        (Direction(PATH, (Waypoint(2.0, (9.0, 9.0)),)), None),
        (Direction(replace(PATH, fixed=True), (Waypoint(2.0, (4.0, 2.4)),)), "3.1 m beside the path"),
        (path(places=PATH.places * 10), "asks for"),
        (path(places=PATH.places * np.nan), "The path holds values that are not numbers"),
        (path(times=PATH.times[::-1].copy()), "The path's times do not rise"),
        (path(times=PATH.times[:1], places=PATH.places[:1]), "fewer than two points"),
        (path(places=PATH.places + 1e6), "km away"),
        (pin(part="tail"), "There is no part “tail” to pin"),
        (pin(times=PIN.times + 3), "The pin of the left hand (4–4.9 s) lies outside the range"),
        (pin(points=PIN.points * 50), "The pin of the left hand moves at"),
        (pin(ease_in=-1.0), "an ease that is no time"),
        (pin(times=PIN.times[:0], points=PIN.points[:0]), "holds at no time"),
        (Direction(pins=(PIN, replace(PIN, times=PIN.times + 0.5))), "Two pins hold the left hand at 1.50 s"),
    ],
)
def test_what_nobody_can_follow_gets_a_sentence(direction: Direction, words: str | None):
    request = GenerateRequest(4.0, start=StartState(), direction=direction)
    if words is None:  # the motion goes along a path at its own pace: nobody knows where it is then
        validate(request)
        return
    with pytest.raises(RequestFailure) as told:
        validate(request)
    assert words in told.value.sentence and told.value.remedy


@pytest.mark.parametrize(
    "record",
    [
        {"path": {"times": [0.0, 1.0], "places": [[0.0, 1.0]]}},
        {"path": {"times": [0.0, 1.0]}},
        {"waypoints": [{"time": 1.0, "place": [1.0]}]},
        {"waypoints": [3]},
        {"pins": [{"part": "head", "times": [0.0], "points": [[0.0, 1.0]]}]},
        {"pins": [{"part": "head", "times": "soon", "points": [[0.0, 1.0, 2.0]]}]},
    ],
)
def test_what_cannot_be_read_gets_a_sentence(record: dict):
    with pytest.raises(RequestFailure, match="could not be read"):
        GenerateRequest.from_dict({"duration": 4.0, "direction": record})
