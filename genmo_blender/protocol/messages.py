"""The kinds of message and their fields. Unknown fields are ignored, an unknown kind becomes `Foreign` and is answered.

Engine to client: `Hello` (always first), `Ready` or `NotReady`, then for each job `Progress` … and exactly one of
`Result`, `Failed`, `Cancelled`; `Heartbeat` once a second, `Need` for attachments, `Stopping` before an idle end.
Client to engine: `Generate`, `Cancel`, `Chunk`, `Shutdown`. Both: `Unknown`, the answer to a kind it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, get_type_hints

import numpy as np

from .capabilities import Capabilities
from .failures import GenmoFailure, PipeFailure, failure_from_dict, failure_to_dict
from .frames import VERSION, Frame, encode
from .motions import MotionResult, result_from_parts, result_to_parts

PRODUCT_VERSION = "0.1.0"
"""The version of add-on and engine, told in `Hello`; the pipe's own version stands in every frame."""
HEARTBEAT_SECONDS = 1.0
CHUNK_BYTES = 1 << 20
KEYS = "keys/"
"""Before the name of each array of a request's keys."""
DIRECTION = "direction/"
"""Before those of its path (``path/times``) and its pins (``pins/0/points``)."""

STAGE_WORDS = {
    "loading": "Loading model, once per start",
    "files": "Sending files",
    "prompts": "Reading prompts",
    "music": "Hearing the music",
    "solving": "Solving",
    "cleaning": "Planting feet",
}
"""Words of the stages an engine reports (product.md 2.6); another stage's name is shown as it is."""


@dataclass(frozen=True)
class Message:
    """Base of all kinds; plain fields cross the pipe as they are."""

    kind: ClassVar[str] = ""

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """JSON fields and arrays of this message."""
        return {f.name: getattr(self, f.name) for f in fields(self)}, {}

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Message:
        """Inverse of `parts`. Raises KeyError, TypeError or ValueError where a field does not fit."""
        types = FIELDS[cls.kind]
        known = {name: record[name] for name in types if name in record}
        for name, value in known.items():
            expected = types[name]
            if expected is tuple and isinstance(value, list):
                known[name] = tuple(value)
            elif type(value) is not expected:
                raise TypeError(f"{name} is not of the kind {expected.__name__}")
        return cls(**known)


def _types(cls: type) -> dict[str, type]:
    hints = get_type_hints(cls)
    return {f.name: getattr(hints[f.name], "__origin__", hints[f.name]) for f in fields(cls)}


@dataclass(frozen=True)
class Hello(Message):
    """First words of an engine, sent before it loads anything."""

    version: str
    pid: int
    protocol: int = VERSION
    kind: ClassVar[str] = "hello"


@dataclass(frozen=True)
class Ready(Message):
    """The model is loaded; its capabilities."""

    capabilities: Capabilities
    kind: ClassVar[str] = "ready"

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:  # noqa: D102
        return {"capabilities": self.capabilities.to_dict()}, {}

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Ready:  # noqa: D102
        return cls(Capabilities.from_dict(record["capabilities"]))


@dataclass(frozen=True)
class NotReady(Message):
    """The model could not be loaded; the next job tries again."""

    failure: GenmoFailure
    kind: ClassVar[str] = "not_ready"

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:  # noqa: D102
        return failure_to_dict(self.failure), {}

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> NotReady:  # noqa: D102
        return cls(failure_from_dict(record))


@dataclass(frozen=True)
class Generate(Message):
    """A new job: ``request`` is `GenerateRequest.to_dict`, read by the engine so that a bad one fails its own job.

    Keys may be thousands of poses: their numbers travel as arrays, and are arrays in the dict that arrives.
    """

    job: int
    request: dict[str, Any]
    kind: ClassVar[str] = "generate"

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:  # noqa: D102
        request, arrays = self.request, {}
        keys, direction = request.get("keys"), request.get("direction")
        if isinstance(keys, dict):
            arrays = {KEYS + name: _plain_array(values) for name, values in keys.items()}
            request = request | {"keys": None}
        if isinstance(direction, dict):
            plain, moved = _without_numbers(direction)
            arrays |= {DIRECTION + name: values for name, values in moved.items()}
            request = request | {"direction": plain}
        return {"job": self.job, "request": request}, arrays

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Generate:  # noqa: D102
        request = record["request"]
        if not isinstance(request, dict):
            raise TypeError("request is not an object")
        keys = {name.removeprefix(KEYS): values for name, values in arrays.items() if name.startswith(KEYS)}
        if keys:
            request = request | {"keys": keys}
        moved = {name.removeprefix(DIRECTION): x for name, x in arrays.items() if name.startswith(DIRECTION)}
        if moved:
            request = request | {"direction": _with_numbers(request["direction"], moved)}
        return cls(_job(record), request)


def _without_numbers(direction: dict[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A direction's record without the numbers of its path and pins, and these as arrays. A path's headings are few
    values with gaps, which arrays of finite numbers do not know: they stay."""
    arrays: dict[str, np.ndarray] = {}
    out = dict(direction)
    if isinstance(out.get("path"), dict):
        path = dict(out["path"])
        for name in ("times", "places"):
            arrays[f"path/{name}"] = _plain_array(path.pop(name))
        out["path"] = path
    pins = []
    for i, pin in enumerate(out.get("pins") or ()):
        rest = dict(pin)
        for name in ("times", "points", *(("turns",) if rest.get("turns") is not None else ())):
            arrays[f"pins/{i}/{name}"] = _plain_array(rest.pop(name))
        pins.append(rest)
    return out | {"pins": pins}, arrays


def _with_numbers(direction: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Inverse of `_without_numbers`. Raises KeyError, TypeError or ValueError where the two do not fit."""
    path, pins = direction.get("path"), [dict(pin) for pin in direction.get("pins") or ()]
    path = None if path is None else dict(path)
    for name, values in arrays.items():
        kind, *rest = name.split("/")
        if kind == "path" and path is not None and len(rest) == 1:
            path[rest[0]] = values
        elif kind == "pins" and len(rest) == 2 and 0 <= int(rest[0]) < len(pins):
            pins[int(rest[0])][rest[1]] = values
        else:
            raise ValueError(f"there is nothing that {name} belongs to")
    return direction | {"path": path, "pins": pins}


def _plain_array(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array.astype(np.uint8) if array.dtype == bool else array.astype(np.float64)


@dataclass(frozen=True)
class Cancel(Message):
    """Stop a job; answered by its ending."""

    job: int
    kind: ClassVar[str] = "cancel"


@dataclass(frozen=True)
class Progress(Message):
    """Where a job stands: ``done`` ``of`` counts of ``stage`` (0 of 0: not counted), ``words`` for the panel."""

    job: int
    stage: str
    done: int = 0
    of: int = 0
    words: str = ""
    kind: ClassVar[str] = "progress"


@dataclass(frozen=True)
class Heartbeat(Message):
    """The engine lives."""

    kind: ClassVar[str] = "heartbeat"


@dataclass(frozen=True)
class Result(Message):
    """A job's good ending."""

    job: int
    result: MotionResult
    kind: ClassVar[str] = "result"

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:  # noqa: D102
        header, arrays = result_to_parts(self.result)
        return {"job": self.job, "motion": header}, arrays

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Result:  # noqa: D102
        return cls(_job(record), result_from_parts(record["motion"], arrays))


@dataclass(frozen=True)
class Failed(Message):
    """A job's bad ending, with words."""

    job: int
    failure: GenmoFailure
    kind: ClassVar[str] = "failed"

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:  # noqa: D102
        return {"job": self.job, **failure_to_dict(self.failure)}, {}

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Failed:  # noqa: D102
        return cls(_job(record), failure_from_dict(record))


@dataclass(frozen=True)
class Cancelled(Message):
    """A job's ending after `Cancel`."""

    job: int
    kind: ClassVar[str] = "cancelled"


@dataclass(frozen=True)
class Need(Message):
    """The engine sees neither the path nor a cached copy of these attachments of a job: send them as chunks."""

    job: int
    sha256: tuple[str, ...]
    kind: ClassVar[str] = "need"


@dataclass(frozen=True)
class Chunk(Message):
    """A piece of an attachment: bytes from ``offset`` on, ``data`` (N,) uint8; ``last`` closes the file."""

    sha256: str
    offset: int
    last: bool
    data: np.ndarray = field(repr=False, compare=False)
    kind: ClassVar[str] = "chunk"

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:  # noqa: D102
        return {"sha256": self.sha256, "offset": self.offset, "last": self.last}, {"data": self.data}

    @classmethod
    def from_parts(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Chunk:  # noqa: D102
        data = arrays["data"]
        if data.dtype != np.uint8 or data.ndim != 1:
            raise ValueError("a chunk is not made of bytes")
        return cls(str(record["sha256"]), int(record["offset"]), bool(record["last"]), data)


@dataclass(frozen=True)
class Stopping(Message):
    """The engine ends by itself (nothing to do for long) and takes no more jobs."""

    reason: str
    kind: ClassVar[str] = "stopping"


@dataclass(frozen=True)
class Shutdown(Message):
    """The engine shall end now."""

    kind: ClassVar[str] = "shutdown"


@dataclass(frozen=True)
class Unknown(Message):
    """Answer to a message of a kind this side does not know."""

    unknown: str
    kind: ClassVar[str] = "unknown"


@dataclass(frozen=True)
class Foreign(Message):
    """A message of a kind this side does not know (never sent)."""

    name: str


KINDS: dict[str, type[Message]] = {
    cls.kind: cls
    for cls in (
        Hello, Ready, NotReady, Generate, Cancel, Progress, Heartbeat, Result, Failed, Cancelled, Need, Chunk,
        Stopping, Shutdown, Unknown,
    )
}  # fmt: skip
FIELDS = {kind: _types(cls) for kind, cls in KINDS.items()}
"""What each field is, found on import: hints are strings that Python compiles, and doing so in the thread that reads,
beside a Blender that pushed an undo step, has ended Blender 5.0 once."""


def to_bytes(message: Message) -> bytes:
    """The frame of a message. Raises PipeFailure where it cannot be sent."""
    record, arrays = message.parts()
    return encode(Frame(message.kind, record, arrays))


def from_frame(frame: Frame) -> Message:
    """The message a frame carries. Raises PipeFailure when a field is missing or of the wrong kind."""
    cls = KINDS.get(frame.kind)
    if cls is None:
        return Foreign(frame.kind)
    try:
        return cls.from_parts(frame.fields, frame.arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PipeFailure(
            "malformed_message",
            f"A “{frame.kind}” message could not be read ({error}).",
            "Update the add-on and the engine to the same version.",
        ) from error


def _job(record: dict[str, Any]) -> int:
    job = record["job"]
    if type(job) is not int:
        raise TypeError("job is not a number")
    return job
