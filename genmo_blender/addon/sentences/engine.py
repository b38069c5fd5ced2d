"""Who answers, and what it lacks."""

from __future__ import annotations

from ...protocol.failures import EngineFailure, GenmoFailure


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
