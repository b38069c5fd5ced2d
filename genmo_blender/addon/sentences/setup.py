"""What is missing before a job: a character, its bones, words."""

from __future__ import annotations

from ...protocol.failures import GenmoFailure, RequestFailure


def no_character() -> GenmoFailure:
    return RequestFailure(
        "no_character", "There is no character to move.", "Press Add Character, or select one in the scene."
    )


def other_rig(name: str) -> GenmoFailure:
    return RequestFailure(
        "other_rig",
        f"{name} is a rig of its own; so far motion is made for characters of GENMO Motion alone.",
        "Press Add Character, or select one in the scene.",
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
        f"The bone {bone} of {name} rotates by axis and angle.",
        "Set its rotation mode to Quaternion (WXYZ) or to one of the Euler orders.",
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


def nothing_told(name: str) -> GenmoFailure:
    return RequestFailure(
        "nothing_told",
        f"{name} has no text strips, and no keys of your own in the range.",
        "Press Add Text Strip, or key poses that the motion shall go through.",
    )


def empty_prompt(first: float, last: float) -> GenmoFailure:
    return RequestFailure(
        "empty_prompt",
        f"The text strip at frames {first:.0f}–{last:.0f} has no words.",
        "Type what the character should do.",
    )


def scale_applied(name: str, size: float) -> GenmoFailure:
    return RequestFailure(
        "scale_applied",
        f"The bones of {name} are {size:.2f} times the size that motion is made for: its scale was applied to them.",
        f"Undo that and scale the object instead, or scale all bones by {1 / size:.2f} in Edit Mode.",
    )


def rotation_applied(name: str, degrees: float) -> GenmoFailure:
    return RequestFailure(
        "rotation_applied",
        f"The bones of {name} are turned by {degrees:.0f}° from how they were made: its rotation was applied to them.",
        "Undo that and turn the object instead, or turn all bones back in Edit Mode.",
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


def range_too_short(first: int, last: int, fps: float, least: int) -> GenmoFailure:
    told = f"Frame {first} alone is" if last <= first else f"Frames {first}–{last} are"
    return RequestFailure(
        "range_too_short",
        f"{told} too short a range: at {fps:g} frames a second it needs at least {least} frames.",
        "Make the range or the strips longer.",
    )


def job_running(name: str) -> GenmoFailure:
    return RequestFailure("job_running", f"{name} is already being generated.", "Wait for its takes, or press Cancel.")


def mode_not_object() -> str:
    return "Switch to Object Mode to add a character."


def strip_ends_before_start(start: int, end: int) -> GenmoFailure:
    return RequestFailure(
        "empty_strip", f"A strip from frame {start} to frame {end} has no length.", "Give it an end after its start."
    )


def no_strip_selected(name: str) -> GenmoFailure:
    return RequestFailure(
        "no_strip_selected", f"No text strip of {name} is selected.", "Select one in the Sequencer, or change Range."
    )


def time_stretched(old: int, new: int) -> str:
    return (
        f"Time Stretching is {old} to {new} (Output, Frame Range): a render plays the motion at {old / new:.2g} times "
        "its own pace. Set both to the same number."
    )
