"""Path, waypoints and pins."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.failures import GenmoFailure, RequestFailure
from .form import few


def direction_object_missing(kind: str, name: str) -> GenmoFailure:
    what = f"{name}, the object of a {kind}," if name else f"The object of a {kind}"
    return RequestFailure(
        "direction_object_missing", f"{what} is not in this scene.", "Choose another in Direction, or remove the entry."
    )


def path_without_points(name: str) -> GenmoFailure:
    return RequestFailure("path_without_points", f"The curve {name} has no length.", "Draw a longer curve.")


def path_not_keyed(name: str) -> GenmoFailure:
    return RequestFailure(
        "path_not_keyed",
        f"The Evaluation Time of {name} does not move over the range.",
        "Key it in the curve's Path Animation, or set Timing to Even.",
    )


def facing_nothing() -> GenmoFailure:
    return RequestFailure(
        "facing_nothing", "There is no object to look toward on the path.", "Choose one, or set Facing to Along Path."
    )


def pin_backward(name: str) -> GenmoFailure:
    return RequestFailure(
        "pin_backward", f"The pin at {name} ends before it begins.", "Put its last frame after its first."
    )


def pins_overlap(words: str, frame: int) -> GenmoFailure:
    return RequestFailure(
        "pins_overlap",
        f"Two pins hold the {words} at frame {frame}.",
        "Let one end before the other begins, or remove one.",
    )


def waypoint_backward(name: str) -> GenmoFailure:
    return RequestFailure(
        "waypoint_backward",
        f"The waypoint {name} ends before it begins.",
        "Put its last frame after its first.",
    )


def waypoints_passed(frames: Sequence[float]) -> str:
    """When those are passed that had no frame of their own."""
    told = few([f"{frame:.0f}" for frame in frames], 6)
    return f"Waypoints that may be passed when it suits: at frame{'s' if len(frames) > 1 else ''} {told}."


def path_too_fast(name: str, length: float, speed: float) -> str:
    return f"{name} is {length:.1f} m long and asks for {speed:.0f} m/s: shorten it, or give it more time."


def waypoint_too_fast(name: str, far: float, speed: float) -> str:
    return f"{name} is {far:.1f} m from the waypoint before and asks for {speed:.0f} m/s: give the way more time."


def first_waypoint_too_fast(name: str, far: float, speed: float) -> str:
    return (
        f"{name} is {far:.1f} m from where the character stands and asks for {speed:.0f} m/s: give the way more time."
    )


def direction_outside(name: str) -> str:
    return f"{name} is outside the range and will not be used."


def direction_of_other_bones(name: str, rest: Sequence[tuple[str, str]]) -> str:
    """What a direction asks for, and the bones that would have to be filled for it."""
    told = few([f"{what} ({bones})" for what, bones in rest])
    return f"Not followed, because no keys of these bones of {name} are selected: {told}."


def no_curve() -> str:
    return "Select a curve to be the path."


def stays_in_place(name: str) -> GenmoFailure:
    return RequestFailure(
        "no_travel", f"{name} does not move from its place over the range.", "Generate a motion first."
    )
