"""What became of a job: its takes arrive, or nobody is left to receive them."""

from __future__ import annotations

from collections.abc import Sequence

from ...protocol.failures import GenmoFailure, RequestFailure
from .form import few


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
    return f"Channels of {few(bones)} are muted and do not move: unmute them in the take."


def cycling_channels(bones: Sequence[str]) -> str:
    return f"Curves of {few(bones)} repeat (Cycles): outside the range they now repeat the take too."


def scale_keys_stay(bones: Sequence[str]) -> str:
    return f"{few(bones)} {'have' if len(bones) > 1 else 'has'} scale keys, which stay: the motion is made for scale 1."


def untouched_channels(bones: Sequence[str], kind: str) -> str:
    return f"Channels of {few(bones)} are {kind} and stayed as they are."


def takes_ready_elsewhere(name: str, scene: str) -> str:
    return f"Takes for {name} are ready in the scene {scene}."


def cancelled(name: str) -> str:
    return f"Cancelled. {name} is unchanged."
