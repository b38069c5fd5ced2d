"""The animator's own keys: what is kept of them, and what is selected."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.failures import GenmoFailure, RequestFailure
from .form import few


def keys_kept(poses: int, elsewhere: Sequence[str]) -> list[str]:
    """What became of the animator's own keys in the range."""
    said = [f"Your keys at {poses} time{'s' if poses > 1 else ''} are kept."] if poses else []
    if elsewhere:
        said.append(f"Keys of {few(elsewhere)} stay too, but no motion is made for them.")
    return said


def keys_everywhere(first: float, last: float) -> str:
    return (
        f"Nearly every frame of {first:.0f}–{last:.0f} holds keys of your own, so hardly anything could change: switch "
        "Keep My Keys off to replace them."
    )


def spacing_moved(moves: Sequence[tuple[float, float]]) -> str:
    """Where keys of the animator's stand in a take: ``Moved in time: 24 to 22, 36 to 38.``"""
    if not moves:
        return "Your spacing stayed as it was."
    return f"Moved in time: {few([f'{was:g} to {now:g}' for was, now in moves], 4)}."


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


def selected_keys_close(first: float, last: float, least: int) -> GenmoFailure:
    return RequestFailure(
        "selected_keys_close",
        f"The selected keys at {first:g} and {last:g} are too close for the model: it needs {least} frames or more.",
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


def keyed_as_mine(name: str, frame: float, bones: int) -> str:
    return f"{bones} bone{'s' if bones > 1 else ''} of {name} at frame {frame:g} are yours now: takes go through them."
