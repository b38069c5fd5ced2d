"""Every sentence the add-on says, in one place (product.md 2.11).

Form: what happened, in an animator's words · why, if known · the one thing to do. Functions return failures of the
common tree, so that a sentence travels with its code; plain notes are functions that return text.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..protocol.failures import EngineFailure, GenmoFailure, RequestFailure, StorageFailure


def text_of(failure: GenmoFailure) -> str:
    """What happened and what to do, as one line."""
    return f"{failure.sentence} {failure.remedy}".strip()


# Before a job


def no_character() -> GenmoFailure:
    return RequestFailure(
        "no_character", "There is no character to move.", "Press Add Character, or select one in the scene."
    )


def character_missing_bones(name: str, bones: list[str]) -> GenmoFailure:
    shown = ", ".join(bones[:3]) + (" …" if len(bones) > 3 else "")
    return RequestFailure(
        "missing_bones",
        f"{name} has lost bones that the motion needs ({shown}).",
        "Undo the change, or add a new character.",
    )


def character_rotation_mode(name: str, bone: str) -> GenmoFailure:
    return RequestFailure(
        "rotation_mode",
        f"The bone {bone} of {name} does not rotate by quaternions.",
        "Set its rotation mode to Quaternion (WXYZ).",
    )


def character_linked(name: str) -> GenmoFailure:
    return RequestFailure(
        "linked", f"{name} is linked from another file and cannot be keyed here.", "Make a library override of it."
    )


def character_not_in_scene(name: str, scene: str) -> GenmoFailure:
    return RequestFailure(
        "not_in_scene", f"{name} is not in the scene {scene}.", "Choose a character of this scene, or link it in."
    )


def editing_character(name: str) -> GenmoFailure:
    return RequestFailure("edit_mode", f"{name} is in Edit Mode.", "Leave Edit Mode, then go on.")


def nla_tweak_mode(name: str) -> GenmoFailure:
    return RequestFailure(
        "nla_tweak", f"{name} is being tweaked in the NLA Editor.", "Leave tweak mode (Tab in the NLA Editor)."
    )


def strips_off(name: str) -> GenmoFailure:
    return RequestFailure("strips_off", f"All text strips of {name} are switched off.", "Switch one on.")


def no_strips(name: str) -> GenmoFailure:
    return RequestFailure(
        "no_strips",
        f"{name} has no text strips yet.",
        "Press Add Text Strip. With keys alone, set Range to Scene.",
    )


def empty_prompt(first: float, last: float) -> GenmoFailure:
    return RequestFailure(
        "empty_prompt",
        f"The text strip at frames {first:.0f}–{last:.0f} has no words.",
        "Type what the character should do.",
    )


def strip_gone() -> GenmoFailure:
    return RequestFailure(
        "strip_gone", "The text strip is gone: it was removed, or its scene is not shown.", "Pick another strip."
    )


def strip_outside_range(text: str, first: int, last: int, range_first: int, range_last: int) -> GenmoFailure:
    return RequestFailure(
        "prompt_outside_range",
        f"The strip “{text}” (frames {first}–{last}) lies outside the range (frames {range_first}–{range_last}).",
        "Move the strip into the range, switch it off, or make the range longer.",
    )


def job_running(name: str) -> GenmoFailure:
    return RequestFailure("job_running", f"{name} is already being generated.", "Wait for its takes, or press Cancel.")


def mode_not_object() -> str:
    return "Switch to Object Mode to add a character."


def strip_ends_before_start(start: int, end: int) -> GenmoFailure:
    return RequestFailure(
        "empty_strip", f"A strip from frame {start} to frame {end} has no length.", "Give it an end after its start."
    )


# The engine


def engine_python_missing(path: str) -> GenmoFailure:
    return EngineFailure(
        "engine_python_missing",
        f"The engine's Python is not at {path}.",
        "Choose it in the preferences, or clear Engine Python there to use the built-in model.",
    )


def engine_command_unreadable(command: str) -> GenmoFailure:
    return EngineFailure(
        "engine_command_unreadable",
        f"The engine's command cannot be read: a quotation mark in “{command}” is not closed.",
        "Correct Engine Command in the extension's preferences.",
    )


def blender_python_missing() -> GenmoFailure:
    return EngineFailure(
        "blender_python_missing",
        "Blender's own Python, which runs the built-in model, was not found.",
        "Reinstall Blender, or choose an engine's Python in the extension's preferences.",
    )


def built_in_remedy() -> str:
    """What to do when the built-in model does not start."""
    return "Reinstall the extension, or choose an engine's Python in its preferences."


# During and after a job


def character_deleted(name: str) -> GenmoFailure:
    return RequestFailure("character_deleted", f"{name} was deleted while its takes were made.", "They were discarded.")


def character_unlinked(name: str) -> GenmoFailure:
    return RequestFailure(
        "character_unlinked", f"{name} was taken out of every scene while its takes were made.", "They were discarded."
    )


def file_closed(name: str) -> GenmoFailure:
    return RequestFailure(
        "file_closed", f"Another file was opened while takes for {name} were made.", "They were discarded."
    )


def scene_deleted(name: str) -> GenmoFailure:
    return RequestFailure(
        "scene_deleted", f"The scene of {name} was deleted while its takes were made.", "They were discarded."
    )


def not_written(name: str) -> GenmoFailure:
    return GenmoFailure(
        "not_written",
        f"The takes for {name} could not be written.",
        "Your animation is unchanged; the system console has the details.",
    )


def waiting_for(name: str, what: str) -> str:
    return f"Takes for {name} are ready. They arrive when {what} has ended."


def takes_ready(name: str, count: int) -> str:
    return f"{count} take{'s' if count > 1 else ''} for {name}: look, then Keep or Drop."


def muted_channels(bones: Sequence[str]) -> str:
    return f"Channels of {_few(bones)} are muted and do not move: unmute them in the take."


def cycling_channels(bones: Sequence[str]) -> str:
    return f"Curves of {_few(bones)} repeat (Cycles): outside the range they now repeat the take too."


def scale_keys_stay(bones: Sequence[str]) -> str:
    return (
        f"{_few(bones)} {'have' if len(bones) > 1 else 'has'} scale keys, which stay: the motion is made for scale 1."
    )


def untouched_channels(bones: Sequence[str], kind: str) -> str:
    return f"Channels of {_few(bones)} are {kind} and stayed as they are."


def keys_kept(poses: int, elsewhere: Sequence[str]) -> list[str]:
    """What became of the animator's own keys in the range."""
    said = [f"Your keys at {poses} time{'s' if poses > 1 else ''} are kept."] if poses else []
    if elsewhere:
        said.append(f"Keys of {_few(elsewhere)} stay too, but no motion is made for them.")
    return said


def keys_everywhere(first: float, last: float) -> str:
    return (
        f"Nearly every frame of {first:.0f}–{last:.0f} holds keys of your own, so hardly anything could change: switch "
        "Keep My Keys off to replace them."
    )


def no_strip_selected(name: str) -> GenmoFailure:
    return RequestFailure(
        "no_strip_selected", f"No text strip of {name} is selected.", "Select one in the Sequencer, or change Range."
    )


def few_selected_keys(name: str) -> GenmoFailure:
    return RequestFailure(
        "few_selected_keys",
        f"Fewer than two keyed times of {name} are selected.",
        "Select two keys or more of its bones in the Dope Sheet.",
    )


def selected_keys_touch(first: float, last: float) -> GenmoFailure:
    return RequestFailure(
        "selected_keys_touch",
        f"Between the selected keys at {first:g} and {last:g} there is no whole frame to fill.",
        "Select keys that are further apart.",
    )


def selected_keys_generated(name: str) -> GenmoFailure:
    return RequestFailure(
        "selected_keys_generated",
        f"The selected keys of {name} were generated; only keys of your own are gone through.",
        "Press Key This Pose as Mine at the frames that shall stay, then select those keys.",
    )


def selected_keys_given_up(name: str) -> GenmoFailure:
    return RequestFailure(
        "selected_keys_given_up",
        f"Keep My Keys is off, so nothing of {name} says what happens between the selected keys.",
        "Switch it on in Settings, or put a text strip over these frames.",
    )


def selected_keys_untold(name: str) -> GenmoFailure:
    return RequestFailure(
        "selected_keys_untold",
        f"The selected keys of {name} turn its pelvis or place it, but not both, which says no pose.",
        "Key the pelvis's location and rotation together, or put a text strip over these frames.",
    )


def takes_wait(name: str) -> GenmoFailure:
    return RequestFailure("takes_wait", f"Takes of {name} wait for your choice.", "Press Keep or Drop first.")


def into_shared_action(name: str, others: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "action_shared",
        f"“{name}” also moves {_few(others)}, which would change too.",
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


def _few(names: Sequence[str], most: int = 3) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def takes_ready_elsewhere(name: str, scene: str) -> str:
    return f"Takes for {name} are ready in the scene {scene}."


def cancelled(name: str) -> str:
    return f"Cancelled. {name} is unchanged."


def kept(name: str) -> str:
    return f"Kept “{name}”."


def dropped(name: str, added: int = 0) -> str:
    if added:
        return f"Dropped. {name} is as it was, with your new keys at {added} time{'s' if added > 1 else ''}."
    return f"Dropped. {name} is as it was."


def keyed_as_mine(name: str, frame: float, bones: int) -> str:
    return f"{bones} bone{'s' if bones > 1 else ''} of {name} at frame {frame:g} are yours now: takes go through them."


# Reviewing


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


# Cleaning up


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


def scaled_bones(bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "scaled_bones",
        f"Keys scale or move bones off their joints ({_few(bones)}), so that feet and reach cannot be measured.",
        "Clear those scale and location keys, or apply the tool to a copy without them.",
    )


def closed_channels(bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "closed_channels",
        f"Curves of {_few(bones)} are locked or muted, and the tool would change them.",
        "Unlock and unmute them in the Graph Editor.",
    )


def modified_curves(bones: Sequence[str]) -> GenmoFailure:
    return RequestFailure(
        "modified_curves",
        f"Curves of {_few(bones)} have modifiers, which would act a second time on what the tool writes.",
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


def too_short_to_retime(wanted: int) -> GenmoFailure:
    return RequestFailure(
        "retime_too_short", f"A motion cannot be retimed to {wanted} frames.", "Give it two frames at the least."
    )


def needs_two_takes(name: str) -> GenmoFailure:
    return RequestFailure("two_takes", f"{name} has no second take that waits.", "Generate two takes or more, first.")


def no_such_take(name: str, number: int, count: int) -> GenmoFailure:
    return RequestFailure(
        "no_such_take", f"{name} has no take {number}: {count} wait.", f"Give a number from 1 to {count}."
    )


def contacts_found(name: str, count: int, share: float) -> str:
    return f"{count} contact{'' if count == 1 else 's'} of {name}: some foot is down {100 * share:.0f} % of the time."


def feet_locked(name: str, before: float, after: float, sink: float) -> str:
    return f"Feet of {name}: slide {before:.1f} → {after:.1f} cm/s, sink {abs(sink):.1f} cm."


def unchanged(name: str) -> str:
    return f"{name} needed no change."


def smoothed(name: str, before: float, after: float, reach: float | None) -> str:
    kept = f", quick reaches keep {100 * reach:.0f} %" if reach is not None else ""
    return f"Smoothed {name}: jerk {before:.0f} → {after:.0f} m/s³{kept}."


def keys_reduced(before: int, after: int, worst: float, slide: float) -> str:
    return f"Reduced {before} to {after} keys, worst {worst:.1f} mm, feet slide {max(slide, 0.0):.2f} cm/s more."


def keys_restored(name: str, count: int) -> str:
    return f"Restored {count} dense keys of {name}."


def loop_made(name: str, first: int, last: int, gap: float, travel: float) -> str:
    way = f"goes on {travel:.2f} m a round" if travel > 0.005 else "stays in place"
    return f"Loop of {name}: frames {first}–{last}, a gap of {gap:.0f} mm closed, {way}."


def made_in_place(name: str, metres: float) -> str:
    return f"{name} stays in place; {metres:.2f} m of travel are kept with the action."


def travel_restored(name: str, metres: float) -> str:
    return f"{name} travels {metres:.2f} m again."


def mirrored(name: str) -> str:
    return f"Mirrored {name}: left and right exchanged, from where it started."


def retimed(name: str, before: int, after: int) -> str:
    return f"Retimed {name}: {before} to {after} frames; feet stand as long as their share of it."


def stitched(first: str, second: str, frame: int, cost: float) -> str:
    return f"Stitched “{first}” to “{second}” at frame {frame}, where they were {100 * cost:.1f} cm apart."


# Path, waypoints and pins


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


def path_too_fast(name: str, length: float, speed: float) -> str:
    return f"{name} is {length:.1f} m long and asks for {speed:.0f} m/s: shorten it, or give it more time."


def waypoint_too_fast(name: str, far: float, speed: float) -> str:
    return f"{name} is {far:.1f} m from the waypoint before and asks for {speed:.0f} m/s: give the way more time."


def direction_outside(name: str) -> str:
    return f"{name} is outside the range and will not be used."


def no_curve() -> str:
    return "Select a curve to be the path."


def stays_in_place(name: str) -> GenmoFailure:
    return RequestFailure(
        "no_travel", f"{name} does not move from its place over the range.", "Generate a motion first."
    )
