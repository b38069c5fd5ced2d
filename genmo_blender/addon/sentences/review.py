"""Takes that wait, and where a kept one goes."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.failures import GenmoFailure, RequestFailure, StorageFailure
from .form import few


def takes_wait(name: str) -> GenmoFailure:
    return RequestFailure("takes_wait", f"Takes of {name} wait for your choice.", "Press Keep or Drop first.")


def into_shared_action(name: str, others: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "action_shared",
        f"“{name}” also moves {few(others)}, which would change too.",
        "Keep the take as a new action.",
    )


def into_linked_action(name: str) -> GenmoFailure:
    return RequestFailure(
        "action_linked", f"“{name}” comes from another file and cannot be changed.", "Keep the take as a new action."
    )


def nothing_to_add_to(name: str, in_strips: bool) -> GenmoFailure:
    return RequestFailure(
        "nothing_to_add_to",
        f"{name} plays no action of its own that could be added to"
        + (": its actions are strips in the NLA Editor." if in_strips else "."),
        "Keep the take as an NLA strip or a new action.",
    )


def kept(name: str) -> str:
    return f"Kept “{name}”."


def dropped(name: str, added: int = 0) -> str:
    if added:
        return f"Dropped. {name} is as it was, with your new keys at {added} time{'s' if added > 1 else ''}."
    return f"Dropped. {name} is as it was."


def no_take_waiting() -> str:
    return "No take is waiting. Press Generate first."


def take_lost(name: str) -> GenmoFailure:
    return RequestFailure(
        "take_lost",
        f"{name} has no take to show: its takes were removed, or it is a copy of the character that has them.",
        "Press Drop, then Generate.",
    )


def recipe_unreadable(name: str) -> GenmoFailure:
    return StorageFailure("recipe_unreadable", f"The recipe of “{name}” cannot be read.", "Press Generate instead.")


def needs_two_takes(name: str) -> GenmoFailure:
    return RequestFailure("two_takes", f"{name} has no second take that waits.", "Generate two takes or more, first.")


def no_such_take(name: str, number: int, count: int) -> GenmoFailure:
    return RequestFailure(
        "no_such_take", f"{name} has no take {number}: {count} wait.", f"Give a number from 1 to {count}."
    )


def stitched(first: str, second: str, frame: int, cost: float) -> str:
    return f"Stitched “{first}” to “{second}” at frame {frame}, where they were {100 * cost:.1f} cm apart."
