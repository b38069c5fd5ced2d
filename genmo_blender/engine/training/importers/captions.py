"""Captions in the layout of HumanML3D: ``caption#words with their kinds#start#end`` a line; seconds, 0 and 0: all.

The layout of ``texts/*.txt`` of github.com/EricGuo5513/HumanML3D; a file of that kind beside a .bvh or keypoint file
captions it too. Plain lines without "#" caption the whole clip.
"""

from __future__ import annotations

import math
from pathlib import Path

from ..samples import Caption
from .finishing import FPS, bad


def read_captions(path: Path, frames: int, seconds: float = 1.0) -> tuple[Caption, ...]:
    """The captions of a clip of ``frames``; ``seconds``: how long what the file calls a second is.

    Raises StorageFailure for a file that is no such text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return tuple(c for line in lines if line.strip() for c in _caption(line.strip(), frames, seconds))
    except (OSError, ValueError) as error:
        raise bad(path, f"it is not a text of captions ({error})") from error


def captions_beside(path: Path, frames: int) -> tuple[Caption, ...]:
    """Those in a .txt of the same name beside a file; none where there is no such text."""
    text = path.with_suffix(".txt")
    return read_captions(text, frames) if text.is_file() else ()


def _caption(line: str, frames: int, seconds: float) -> list[Caption]:
    parts = line.split("#")
    if len(parts) not in (1, 4):
        raise ValueError(f"“{line[:40]}” is not caption#words#start#end")
    text = parts[0].strip().rstrip(".")
    start, end = (float(x) for x in parts[2:]) if len(parts) == 4 else (0.0, 0.0)
    start, end = (0.0 if math.isnan(x) else x for x in (start, end))
    if not text:
        return []
    if start == end == 0.0:
        return [Caption(text, 0, frames, "trial")]
    first, last = round(start * seconds * FPS), min(round(end * seconds * FPS), frames)
    return [Caption(text, first, last, "motion")] if 0 <= first < last else []
