"""What the add-on asks an engine for: strips over a range, where the character stands, how to sample.

Times are seconds from the range's start; space is the model's: Y up, metres, radians (architecture.md, "The road").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from .failures import RequestFailure

if TYPE_CHECKING:  # `build.py demo` reads prompts in a Python that may lack numpy, and lite sets threads before it
    from .direction import Direction
    from .keys import KeyedPoses

MODEL_FPS = 30
MIN_FRAMES = 8
"""Shortest range that is solved (product.md 3); a range of one frame is refused with a sentence."""
MAX_TAKES = 8
STEPS = 12
"""DDIM steps where nothing else is asked for: the fewest whose takes are within 5 % of the best (docs/developers/
evaluation.md)."""
SONG_STRENGTH = 3.0
"""Songs say less of a motion than words and want a stronger push: up to here dances move more, and farther they gain
nothing (1, 2, 3.2 and 4 times were tried; docs/developers/evaluation.md, music)."""
MAX_SEED = 2**31 - 1
CROSSFADE = 8 / 30
"""Seconds over which one text hands over to the next, unless the animator says otherwise (product.md 3)."""


@dataclass(frozen=True)
class TextSpan:
    """One prompt over ``start`` .. ``end`` seconds; ``strength`` 0..2 multiplies its influence, 1 is neutral.

    ``fade_in`` and ``fade_out`` (seconds) are the ramps at its ends: the span's weight rises from 0 to its strength.
    """

    text: str
    start: float
    end: float
    strength: float = 1.0
    fade_in: float = 0.0
    fade_out: float = 0.0


@dataclass(frozen=True)
class MusicSpan:
    """A song that plays from ``start`` to ``end`` seconds of the range.

    ``sound`` is the sha256 of the attachment that holds it, ``sound_start`` to ``sound_end`` the seconds of the file
    that are heard meanwhile; where the two lengths differ it plays faster or slower. Without ``sound_end`` it plays at
    its own speed.
    """

    sound: str
    start: float
    end: float
    sound_start: float = 0.0
    sound_end: float | None = None

    @property
    def speed(self) -> float:
        """Seconds of the file heard in a second."""
        return 1.0 if self.sound_end is None else (self.sound_end - self.sound_start) / (self.end - self.start)


@dataclass(frozen=True)
class StartState:
    """Where the character stands at the range's start.

    ``position``: pelvis joint above the floor point it stands on, metres (x, y, z), Y up; ``heading``: rotation about
    +Y in radians, 0 looks along +Z (the rest pose). The motion starts exactly there.
    """

    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    heading: float = 0.0


@dataclass(frozen=True)
class Attachment:
    """A file a strip needs: by ``path`` for a local engine, by chunks named ``sha256`` for a remote one."""

    name: str
    sha256: str
    size: int
    path: str = ""


@dataclass(frozen=True)
class GenerateRequest:
    """One job: ``duration`` seconds of motion for one character, ``takes`` versions of it.

    Take k uses seed ``seed + k``. ``guidance`` is the panel's strength (1 to 5, spec 5.2), ``steps`` the DDIM steps.
    ``keys`` are poses that the motion meets, in the world of the answer. Without ``start`` a keyed root says where the
    motion goes through, and with no keyed root either it begins at the origin, looking along +Z. ``fit``: keys are
    met at their own times, not at the model's frames alone, and path, waypoints and pins of ``direction`` are met to
    the centimetre; without it the network is told of them and that is all.
    """

    duration: float
    texts: tuple[TextSpan, ...] = ()
    seed: int = 1
    takes: int = 1
    steps: int = STEPS
    guidance: float = 2.5
    start: StartState | None = None
    clean_up: bool = True
    attachments: tuple[Attachment, ...] = ()
    music: tuple[MusicSpan, ...] = ()
    keys: KeyedPoses | None = None
    fit: bool = True
    direction: Direction | None = None

    @property
    def frames(self) -> int:
        """Number of 30 fps frames, both ends included in time: frame k lies at k / 30 s."""
        return max(1, round(self.duration * MODEL_FPS) + 1)

    @property
    def keys_alone(self) -> bool:
        """Whether keyed poses are all that says what happens: then the motion is estimated in one pass, as the paper
        does where conditions are strong, and its takes are alike."""
        return self.keys is not None and not self.texts and not self.music

    @property
    def strength(self) -> float:
        """How far an answer is pushed from what would come without words and sound: ``guidance``, and `SONG_STRENGTH`
        times that where songs alone say what happens."""
        return self.guidance * (SONG_STRENGTH if self.music and not self.texts else 1.0)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form. On the pipe the numbers of the keys travel as arrays (`messages.Generate`)."""
        keys = None if self.keys is None else self.keys.to_dict()
        direction = None if self.direction is None else self.direction.to_dict()
        return asdict(replace(self, keys=None, direction=None)) | {"keys": keys, "direction": direction}

    @staticmethod
    def from_dict(record: dict[str, Any]) -> GenerateRequest:
        """Inverse of ``to_dict``; unknown fields are ignored (an older engine meets a newer add-on).

        Raises RequestFailure when a field is missing or of the wrong kind.
        """
        try:
            keys = record.get("keys")
            if not isinstance(keys, dict | None):
                raise TypeError("its keys are no record")
            if keys is not None:
                from .keys import KeyedPoses
            direction = record.get("direction")
            if not isinstance(direction, dict | None):
                raise TypeError("its direction is no record")
            if direction is not None:
                from .direction import Direction
            return GenerateRequest(
                duration=float(record["duration"]),
                texts=tuple(_known(TextSpan, t) for t in record.get("texts", ())),
                seed=int(record.get("seed", 1)),
                takes=int(record.get("takes", 1)),
                steps=int(record.get("steps", STEPS)),
                guidance=float(record.get("guidance", 2.5)),
                start=_start(record.get("start")),
                clean_up=bool(record.get("clean_up", True)),
                attachments=tuple(_known(Attachment, a) for a in record.get("attachments", ())),
                music=tuple(_known(MusicSpan, m) for m in record.get("music", ())),
                keys=None if keys is None else KeyedPoses.read(keys),
                fit=bool(record.get("fit", True)),
                direction=None if direction is None else Direction.read(direction),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RequestFailure(
                "malformed_request",
                f"The request could not be read ({error}).",
                "Update the add-on and the engine to the same version.",
            ) from error


def _known(cls: type, record: dict[str, Any]) -> Any:
    names = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return cls(**{key: value for key, value in record.items() if key in names})


def _start(record: dict[str, Any] | None) -> StartState | None:
    if not record:
        return None
    return StartState(_triple(record.get("position", (0.0, 0.0, 0.0))), float(record.get("heading", 0.0)))


def _triple(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def validate(request: GenerateRequest, longest_seconds: float = float("inf")) -> None:
    """Refuse what cannot be generated, each with its sentence. Raises RequestFailure."""
    if request.duration == float("inf"):
        raise RequestFailure("range_too_long", "The range has no end.", "Shorten the range.")
    if not request.duration >= 0 or request.frames < MIN_FRAMES:
        raise RequestFailure(
            "range_too_short",
            f"The range is too short: it needs at least {(MIN_FRAMES - 1) / MODEL_FPS:.2f} seconds.",
            "Make the range or the strips longer.",
        )
    if request.duration > longest_seconds:
        raise RequestFailure(
            "range_too_long",
            f"The range is {request.duration:.0f} s long; this model makes at most {longest_seconds:.0f} s at once.",
            "Shorten the range.",
        )
    if not 1 <= request.takes <= MAX_TAKES:
        raise RequestFailure("takes", f"Between 1 and {MAX_TAKES} takes can be made at once.", "Change the number.")
    if not 1 <= request.steps <= 1000:
        raise RequestFailure("steps", "The number of steps must lie between 1 and 1000.", "Change the steps.")
    if not 0 <= request.seed <= MAX_SEED - MAX_TAKES:
        raise RequestFailure("seed", f"A seed lies between 0 and {MAX_SEED - MAX_TAKES}.", "Change the seed.")
    if not 0.0 <= request.guidance <= 20.0:
        raise RequestFailure("guidance", "The text strength must lie between 0 and 20.", "Change the strength.")
    if request.start is not None and not _finite(*request.start.position, request.start.heading):
        raise RequestFailure(
            "start",
            "Where the character stands at the range's start is no place: its numbers are not finite.",
            "Clear the location of the character, of its pelvis or of its parent.",
        )
    for span in request.texts:
        _validate_span(span, request.duration)
    _validate_music(request)
    if request.keys is not None:
        from .keys import validate_keys

        validate_keys(request.keys, request.duration, None if request.start is None else request.start.position)
    if request.direction is not None:
        from .direction_checks import validate_direction

        start = None if request.start is None else request.start.position
        validate_direction(request.direction, request.duration, start)


def _finite(*numbers: float) -> bool:
    return all(float("-inf") < number < float("inf") for number in numbers)


def _validate_music(request: GenerateRequest) -> None:
    names = {a.sha256: a.name for a in request.attachments}
    before = float("-inf")
    for span in sorted(request.music, key=lambda m: m.start):
        name = names.get(span.sound)
        if name is None:
            raise RequestFailure("no_such_sound", "A music strip has no sound.", "Choose its sound again.")
        if not span.end > span.start or not 0.0 < span.speed < float("inf"):
            raise RequestFailure(
                "empty_strip", f"The music strip “{name}” ends before it starts.", "Drag its end to the right."
            )
        if span.end <= 0.0 or span.start >= request.duration:
            raise RequestFailure(
                "music_outside_range",
                f"“{name}” ({span.start:g}–{span.end:g} s) lies outside the range (0–{request.duration:g} s).",
                "Move the strip into the range, or make the range longer.",
            )
        if span.start < before - 1e-6:
            raise RequestFailure(
                "music_overlaps", f"“{name}” begins while other music still plays.", "Let one end before the other."
            )
        before = span.end


def _validate_span(span: TextSpan, duration: float) -> None:
    if not span.text.strip():
        raise RequestFailure("empty_prompt", "A text strip has no words.", "Type what the character should do.")
    if not span.end > span.start:
        raise RequestFailure(
            "empty_strip", f"The strip “{span.text}” ends before it starts.", "Drag its end to the right."
        )
    if span.end <= 0.0 or span.start >= duration:
        raise RequestFailure(
            "prompt_outside_range",
            f"The strip “{span.text}” ({span.start:g}–{span.end:g} s) lies outside the range (0–{duration:g} s).",
            "Move the strip into the range, or make the range longer.",
        )
    if not _finite(span.fade_in, span.fade_out) or min(span.fade_in, span.fade_out) < 0.0:
        raise RequestFailure("fade", f"“{span.text}” fades over a time that is none.", "Set its fades to 0 or more.")
    if not 0.0 <= span.strength <= 2.0:
        raise RequestFailure("strength", f"The strength of “{span.text}” must lie between 0 and 2.", "Change it.")


def with_crossfades(texts: Sequence[TextSpan], crossfade: float) -> tuple[TextSpan, ...]:
    """Spans with fades between neighbours, in the order given (product.md 3, "Overlap").

    Where two spans touch, each reaches half of ``crossfade`` (seconds) into the other. Where they overlap in part, the
    overlap is the crossfade. A span inside another applies together with it, without fades.
    """
    out = list(texts)
    order = sorted(range(len(out)), key=lambda i: (out[i].start, out[i].end))
    tiny = 1e-6
    for a, b in zip(order, order[1:], strict=False):
        left, right = out[a], out[b]
        overlap = left.end - right.start
        if abs(overlap) < tiny:
            # A fade never eats more than half of a strip.
            half = min(crossfade, left.end - left.start, right.end - right.start) / 2
            out[a] = replace(left, end=left.end + half, fade_out=2 * half)
            out[b] = replace(right, start=right.start - half, fade_in=2 * half)
        elif overlap > 0 and right.start > left.start + tiny and right.end > left.end + tiny:
            out[a] = replace(left, fade_out=overlap)
            out[b] = replace(right, fade_in=overlap)
    return tuple(out)
