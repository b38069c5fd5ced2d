"""What the command lines share: kinds of numbers, and places to write, refused before any work is done.

The kinds are for argparse's ``type``: a number that is none of its kind ends the command with a sentence and code 2.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path

from ..protocol.failures import StorageFailure
from ..protocol.requests import MAX_SEED, MAX_TAKES


def whole(least: int) -> Callable[[str], int]:
    """A whole number from ``least`` on."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"“{text}” is no whole number from {least} on")
        return number

    return read


def seed_number(text: str) -> int:
    """A seed, with room for those of further takes."""
    number = whole(0)(text)
    if number > MAX_SEED - MAX_TAKES:
        raise argparse.ArgumentTypeError(f"a seed lies between 0 and {MAX_SEED - MAX_TAKES}")
    return number


def above_zero(text: str) -> float:
    """A finite number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"“{text}” is no number above 0")
    return number


def check_folder(folder: Path) -> None:
    """Make a folder, if need be, for files that are written at the end. Raises StorageFailure where none can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailure(
            "cannot_write",
            f"The folder {folder} cannot be made ({error.strerror}).",
            "Choose a folder that you may write to.",
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageFailure(
            "cannot_write", f"The folder {folder} cannot be written to.", "Choose a folder that you may write to."
        )
