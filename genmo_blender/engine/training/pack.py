"""Prepared motion in one file: both splits, feet locked, captions with their ranges (numpy and json alone read it).

An ``.npz`` with ``rotations`` int16 (N, 22, 4), times 32767, local, w first; ``transl`` float32 (N, 3) metres; and
``meta``, a JSON text: ``format``, ``data_sha256``, ``clips`` (what `Clip` holds besides, and ``frames``), the clips'
frames one after the other in that order. A folder's clips are kept in the same form in the cache, since locking their
feet takes a minute.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ...motion import rotations
from ...protocol.failures import StorageFailure
from .corpus import fingerprint, load_clips, locked
from .samples import Caption, Clip

FORMAT = 1
QUANTUM = 32767.0
SPLITS = ("train", "val")
ENDING = ".pack.npz"
# A change in what prepares the clips makes other clips.
_ROOMS = ("engine/refine", "engine/training/importers", "motion")
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Prepared:
    """Clips ready to learn from, and the sha256 of the data that they were made of."""

    train: tuple[Clip, ...]
    val: tuple[Clip, ...]
    data_sha256: str


def prepared(data: list[Path], cache: Path) -> Prepared:
    """The clips of packed files and of folders of shards. Raises StorageFailure for what is neither."""
    parts = [read_pack(path) for path in data if not path.is_dir()]
    folders = [path for path in data if path.is_dir()]
    if folders:
        made = cache / f"motion_{_cache_key(folders)}{ENDING}"
        if not made.is_file():
            write_pack(made, folders)
        parts.append(read_pack(made))
    data_sha256 = parts[0].data_sha256
    if len(parts) > 1:
        data_sha256 = hashlib.sha256("".join(part.data_sha256 for part in parts).encode()).hexdigest()
    train, val = (tuple(c for part in parts for c in getattr(part, split)) for split in SPLITS)
    return Prepared(train, val, data_sha256)


def write_pack(path: Path, folders: list[Path]) -> int:
    """Lock the feet of all clips of the folders and write them, atomically; returns the bytes written.

    Raises StorageFailure for folders that hold no such clips and when the file cannot be written.
    """
    clips = [locked(clip) for split in SPLITS for clip in load_clips(folders, split)]
    quantised = [np.rint(rotations.normalise(c.rotations.astype(np.float64)) * QUANTUM) for c in clips]
    meta = {"format": FORMAT, "data_sha256": fingerprint(folders), "clips": [_entry(c) for c in clips]}
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "wb") as file:
            np.savez_compressed(
                file,
                rotations=np.concatenate(quantised).astype(np.int16),
                transl=np.concatenate([c.transl for c in clips]).astype(np.float32),
                meta=np.array(json.dumps(meta)),
            )
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error}).", "Choose a folder with space that you may write."
        ) from error
    return path.stat().st_size


def read_pack(path: Path) -> Prepared:
    """Read what `write_pack` wrote. Raises StorageFailure when the file is missing, damaged or something else."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            meta = json.loads(str(archive["meta"]))
            stored, transl = archive["rotations"], archive["transl"]
        if meta["format"] != FORMAT:
            raise ValueError(f"its format is {meta['format']}, not {FORMAT}")
        ends = np.cumsum([entry["frames"] for entry in meta["clips"]])
        if stored.shape != (ends[-1], 22, 4) or transl.shape != (ends[-1], 3):
            raise ValueError("its frames are not those of its clips")
        if not np.isfinite(transl).all():
            raise ValueError("it holds values that are not numbers")
        clips = [
            _clip(entry, stored[end - entry["frames"] : end], transl[end - entry["frames"] : end])
            for entry, end in zip(meta["clips"], ends.tolist(), strict=True)
        ]
        data_sha256 = str(meta["data_sha256"])
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise StorageFailure(
            "not_a_pack",
            f"{path} is not prepared motion that can be read ({error}).",
            "Give a folder of motion shards, or a file that `engine pack` made.",
        ) from error
    train, val = (tuple(c for c in clips if c.split == split) for split in SPLITS)
    return Prepared(train, val, data_sha256)


def _entry(clip: Clip) -> dict[str, Any]:
    captions = [(c.text, c.start, c.end, c.kind, c.weak) for c in clip.captions]
    return {
        "id": clip.id,
        "frames": clip.frames,
        "captions": captions,
        "tags": clip.tags,
        "split": clip.split,
        "source": clip.source,
        "stylised": clip.stylised,
    }


def _clip(entry: dict[str, Any], stored: np.ndarray, transl: np.ndarray) -> Clip:
    q = rotations.normalise(stored.astype(np.float64)).astype(np.float32)
    captions = tuple(Caption(*c) for c in entry["captions"])
    tags = tuple(entry["tags"])
    return Clip(entry["id"], q, transl, captions, tags, entry["split"], entry["source"], entry["stylised"])


def _cache_key(folders: list[Path]) -> str:
    """By the data and by the code that prepares it."""
    digest = hashlib.sha256(f"{FORMAT} {fingerprint(folders)}".encode())
    for room in _ROOMS:
        for path in sorted((_PACKAGE / room).glob("*.py")):
            digest.update(path.read_bytes())
    digest.update(Path(__file__).with_name("corpus.py").read_bytes())
    return digest.hexdigest()[:24]
