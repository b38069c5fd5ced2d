"""Recorded motion from the engine's Python to Blender's: one file of arrays, read with numpy alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Recorded:
    """A clip at 30 frames a second: ``rotations`` (T, 22, 4), ``path`` (T, 3) metres, and a sentence about it."""

    name: str
    text: str
    rotations: Array
    path: Array


def save(path: Path, clips: Sequence[Recorded]) -> None:
    """Leave clips for `load`."""
    arrays = {f"{i}_{part}": getattr(c, part) for i, c in enumerate(clips) for part in ("rotations", "path")}
    np.savez(path, about=json.dumps([[c.name, c.text] for c in clips]), **arrays)


def load(path: Path) -> list[Recorded]:
    """What `save` has left."""
    with np.load(path, allow_pickle=False) as data:
        about = json.loads(str(data["about"]))
        return [Recorded(name, text, data[f"{i}_rotations"], data[f"{i}_path"]) for i, (name, text) in enumerate(about)]
