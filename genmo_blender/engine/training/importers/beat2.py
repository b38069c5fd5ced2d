"""Importer of BEAT2: people who talk, as SMPL-X, with their voice.

Layout (huggingface.co/datasets/H-Liu1997/BEAT2, ``beat_english_v2.0.0``): ``smplxflame_30/1_wayne_0_1_1.npz`` with
``poses`` (T, 165), ``trans`` (T, 3), ``mocap_frame_rate`` (30), ``betas``, ``expressions``, Y up;
``wave16k/NAME.wav``; ``textgrid/NAME.TextGrid`` (Praat, tier "words"); ``train_test_split.csv`` (id, type: train, val,
test, additional). Without that list one speaker in ten is held out. Face, hands and shapes are ignored.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from ..samples import Caption, Clip
from .amass import read_motion
from .finishing import FPS, bad, held_out
from .smpl_motion import smpl_motion

MOTION, VOICE, WORDS, LIST = "smplxflame_30", "wave16k", "textgrid", "train_test_split.csv"
_INTERVAL = re.compile(r'xmin\s*=\s*([\d.]+)\s*xmax\s*=\s*([\d.]+)\s*text\s*=\s*"([^"]*)"')
_TIER = re.compile(r'name\s*=\s*"([^"]*)"')


def files(folder: Path) -> list[Path]:
    """Motion, voices, transcripts and the list; none where it is no such folder."""
    motion = sorted((folder / MOTION).glob("*.npz"))
    beside = [_beside(folder, p, where, end) for p in motion for where, end in ((VOICE, ".wav"), (WORDS, ".TextGrid"))]
    return [*motion, *(p for p in [*beside, folder / LIST] if p.is_file())] if motion else []


def _beside(folder: Path, path: Path, where: str, ending: str) -> Path:
    return folder / where / f"{path.stem}{ending}"


def load(folder: Path) -> list[Clip]:
    """All clips of a folder. Raises StorageFailure, naming the file, for one that is none."""
    motion = sorted((folder / MOTION).glob("*.npz"))
    said = _splits(folder / LIST)
    out = held_out(_speaker(p) for p in motion)
    clips = []
    for path in motion:
        split = said.get(path.stem, "unlisted") if said else "val" if _speaker(path) in out else "train"
        local, place = smpl_motion(path, *read_motion(path), z_up=False)
        voice, words = _beside(folder, path, VOICE, ".wav"), _beside(folder, path, WORDS, ".TextGrid")
        clips.append(
            Clip(
                path.stem,
                local,
                place,
                (),
                ("talk",),
                split,
                "BEAT2",
                voice=str(voice.resolve()) if voice.is_file() else "",
                words=spoken(words, len(place)) if words.is_file() else (),
            )
        )
    return clips


def _speaker(path: Path) -> str:
    return "_".join(path.stem.split("_")[:2])


def _splits(path: Path) -> dict[str, str]:
    """Each recording's split; what the list calls additional is for training."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["id"], row["type"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise bad(path, f"it is not BEAT2's list of splits ({error})") from error
    return {name: "train" if split == "additional" else split for name, split in rows}


def spoken(path: Path, frames: int) -> tuple[Caption, ...]:
    """The words of a Praat TextGrid within ``frames``. Raises StorageFailure for a file that is none."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise bad(path, f"it is not a TextGrid ({error})") from error
    parts = _TIER.split(text)[1:]
    tiers = dict(zip(parts[::2], parts[1::2], strict=True))
    if "words" not in tiers:
        raise bad(path, "it is no TextGrid with a tier of words")
    said = [(float(a), float(b), word.strip()) for a, b, word in _INTERVAL.findall(tiers["words"])]
    spans = [(round(a * FPS), min(round(b * FPS), frames), word) for a, b, word in said if word]
    return tuple(Caption(word, first, end, "spoken") for first, end, word in spans if first < end)
