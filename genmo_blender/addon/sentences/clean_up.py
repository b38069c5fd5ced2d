"""What stands in the way of clean-up."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.failures import GenmoFailure, RequestFailure
from .form import few


def no_action(name: str) -> GenmoFailure:
    return RequestFailure("no_action", f"{name} has no keys to clean up.", "Generate a take, or set keys first.")


def moves_by_strips(name: str, whole: bool) -> GenmoFailure:
    """``whole``: no strip is added to what lies below it, so that each one's action is motion by itself."""
    return RequestFailure(
        "moves_by_strips",
        f"{name} moves by strips of the NLA Editor and plays no action that could be cleaned up.",
        "Choose a strip's action in the Action Editor, and unlink it there when it is done."
        if whole
        else "Bake the strips into an action: in Pose Mode select all bones, then Pose ▸ Animation ▸ Bake Action.",
    )


def one_keyed_frame(name: str, frame: int) -> GenmoFailure:
    return RequestFailure(
        "one_keyed_frame",
        f"{name} is keyed at frame {frame} alone: a pose, and no motion to clean up.",
        "Generate a take, or set keys at other frames too.",
    )


def action_linked(action: str) -> GenmoFailure:
    return RequestFailure(
        "action_linked",
        f"The action “{action}” is linked from another file and cannot be changed here.",
        "Make a local copy of it.",
    )


def action_shared(action: str, other: str) -> GenmoFailure:
    return RequestFailure(
        "action_shared",
        f"“{action}” also moves {other}, which would change too.",
        "Make a single-user copy of the action first.",
    )


def reduces_quaternions(name: str, bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "reduces_quaternions",
        f"Bones of {name} turn by Euler angles ({few(bones)}), whose keys cannot be reduced yet.",
        "Set their rotation mode to Quaternion (WXYZ) and generate again, or keep the keys as they are.",
    )


def scaled_bones(bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "scaled_bones",
        f"Keys scale or move bones off their joints ({few(bones)}), so that feet and reach cannot be measured.",
        "Clear those scale and location keys, or apply the tool to a copy without them.",
    )


def closed_channels(bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "closed_channels",
        f"Curves of {few(bones)} are locked or muted, and the tool would change them.",
        "Unlock and unmute them in the Graph Editor.",
    )


def modified_curves(bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "modified_curves",
        f"Curves of {few(bones)} have modifiers, which would act a second time on what the tool writes.",
        "Bake or remove those curve modifiers first.",
    )


def nothing_in_range(first: int, last: int, keys_first: int, keys_last: int) -> GenmoFailure:
    return RequestFailure(
        "nothing_in_range",
        f"The range (frames {first}–{last}) has too little of the motion (frames {keys_first}–{keys_last}).",
        "Set the preview range over the motion, or switch it off.",
    )


def too_short_to_loop(seconds: float) -> GenmoFailure:
    return RequestFailure(
        "too_short_to_loop",
        f"The range is too short to find a loop in: it needs more than {seconds:.1f} seconds.",
        "Make the range longer.",
    )


def no_contacts() -> GenmoFailure:
    return RequestFailure(
        "no_contacts",
        "No foot touches the floor in this range.",
        "Add a contact by hand, or use the mode Ground Only.",
    )


def no_bar_picked() -> GenmoFailure:
    return RequestFailure("no_bar", "No contact is picked.", "Press Detect Contacts, and pick one in the list.")


def already_in_place(action: str) -> GenmoFailure:
    return RequestFailure(
        "in_place", f"“{action}” is in place already.", "Press Restore Travel to let it travel again."
    )


def no_travel(action: str) -> GenmoFailure:
    return RequestFailure("no_travel", f"“{action}” keeps no travel to restore.", "Press In Place first.")


def travel_does_not_fit(action: str) -> GenmoFailure:
    return RequestFailure(
        "travel_lost",
        f"The travel kept with “{action}” does not fit its frames any more.",
        "Undo what changed its length, then press Restore Travel.",
    )


def no_dense_keys(action: str) -> GenmoFailure:
    return RequestFailure(
        "no_dense_keys", f"“{action}” keeps no dense keys to restore.", "They are kept by Reduce Keys."
    )


def retime_unsaid(length: int) -> GenmoFailure:
    return RequestFailure(
        "retime_unsaid", f"The range is {length} frames long.", "Set beside Retime how many frames it shall have."
    )


def too_short_to_retime(wanted: int) -> GenmoFailure:
    return RequestFailure(
        "retime_too_short", f"A motion cannot be retimed to {wanted} frames.", "Give it two frames at the least."
    )
