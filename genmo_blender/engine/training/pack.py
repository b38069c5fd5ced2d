"""Prepared motion in one file: both splits, feet locked, captions with their ranges (numpy and json alone read it).

An ``.npz`` (zip with LZMA, since it travels) with ``meta``, a JSON text: ``format``, ``data_sha256``, and ``clips``,
what `Clip` holds besides its motion, and ``frames``. The clips' frames lie one after the other in that order:
``rotations`` int16 (66, N), local rotation vectors of the 22 joints, radians times 32767 / pi, and ``transl`` int32
(3, N), the pelvis in hundredths of a millimetre; both as differences from the frame before, whose sums wrap round.
Entries of 2D-only footage have a ``size`` and follow those of motion; their frames are ``keypoints`` float32
(K, 17, 3), as `Keypoints` has them; ``images`` float16 holds the image features of those entries that have ``images``,
one behind the other. ``notes`` are what the data's licences ask for.

A folder's clips are kept in the same form in the cache, since locking their feet takes a minute.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_LZMA, BadZipFile, ZipFile

import numpy as np

from ...motion import rotations
from ...protocol.failures import StorageFailure
from .blows import with_punches
from .corpus import all_clips, fingerprint, locked, motion_of
from .importers.folders import importer_of
from .samples import Caption, Clip, Keypoints

FORMAT = 2
TURN = 32767.0 / np.pi
METRE = 100_000.0
SPLITS = ("train", "val")
ENDING = ".pack.npz"
# A change in what prepares the clips makes other clips.
_ROOMS = ("engine/refine", "engine/training/importers", "motion")
_DAMAGE = (EOFError, BadZipFile, RuntimeError, lzma.LZMAError, zlib.error)
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Prepared:
    """Clips ready to learn from, and the sha256 of the data that they were made of.

    ``footage`` is what has keypoints alone, of both splits. ``notes``: sentences on the licences of data whose weights
    may not be used freely.
    """

    train: tuple[Clip, ...]
    val: tuple[Clip, ...]
    footage: tuple[Clip, ...]
    data_sha256: str
    notes: tuple[str, ...]


def prepared(data: list[Path], cache: Path) -> Prepared:
    """The clips of packed files and of folders that an importer reads (`importers.folders`).

    Raises RequestFailure for a folder of no known kind, StorageFailure for files that cannot be used.
    """
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
    train, val, footage = (tuple(c for part in parts for c in getattr(part, kind)) for kind in (*SPLITS, "footage"))
    return Prepared(train, val, footage, data_sha256, tuple(dict.fromkeys(n for part in parts for n in part.notes)))


def write_pack(path: Path, folders: list[Path]) -> int:
    """Lock the feet of all clips of the folders and write them, atomically; returns the bytes written.

    Raises RequestFailure for a folder of no known kind, StorageFailure for folders that hold no clips of both splits
    and when the file cannot be written.
    """
    found = all_clips(folders)
    clips = [with_punches(locked(clip)) for clips in [motion_of(found, split) for split in SPLITS] for clip in clips]
    footage = [c for c in found if c.keypoints is not None and c.split in SPLITS]
    q = np.concatenate([c.rotations for c in clips]).astype(np.float64)
    turns = np.rint(rotations.to_rotation_vector(q) * TURN).astype(np.int16).reshape(len(q), -1)
    pelvis = np.rint(np.concatenate([c.transl for c in clips]).astype(np.float64) * METRE).astype(np.int32)
    meta = {
        "format": FORMAT,
        "data_sha256": fingerprint(folders),
        "notes": list(dict.fromkeys(note for folder in folders if (note := importer_of(folder).note))),
        "clips": [_entry(c) for c in [*clips, *footage]],
    }
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"rotations": _steps(turns), "transl": _steps(pelvis), "meta": np.array(json.dumps(meta))}
        arrays["keypoints"] = np.concatenate([np.zeros((0, 17, 3)), *(_points(c) for c in footage)]).astype(np.float32)
        seen = [c.keypoints.images for c in footage if c.keypoints is not None and c.keypoints.images is not None]
        if seen:
            arrays["images"] = np.concatenate(seen)
        with ZipFile(fresh, "w", ZIP_LZMA) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StorageFailure(
            "cannot_write", f"{path} could not be written ({error}).", "Choose a folder with space that you may write."
        ) from error
    return path.stat().st_size


def read_pack(path: Path) -> Prepared:
    """Read what `write_pack` wrote. Raises StorageFailure when the file is missing, damaged or something else."""
    if not path.exists():
        raise StorageFailure("no_motion", f"There is no file and no folder {path}.", "Check the path.")
    if path.is_dir():
        raise StorageFailure(
            "not_packed", f"{path} is a folder, and packed motion is asked for.", "Make it with `engine pack` first."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            meta = json.loads(str(archive["meta"]))
            if meta["format"] != FORMAT:
                raise ValueError(f"its format is {meta['format']}, not {FORMAT}")
            turns, pelvis = _sums(archive["rotations"]), _sums(archive["transl"]) / METRE
            points = archive["keypoints"]
            images = archive["images"] if "images" in archive.files else np.zeros((0, 0), np.float16)
        moving = [entry for entry in meta["clips"] if "size" not in entry]
        filmed = [entry for entry in meta["clips"] if "size" in entry]
        q = rotations.from_rotation_vector(turns.reshape(-1, 22, 3) / TURN)
        clips = [_clip(entry, q[rows], pelvis[rows]) for entry, rows in _rows(moving, len(q), len(pelvis))]
        footage = tuple(_footage(entry, points[rows]) for entry, rows in _rows(filmed, len(points)))
        footage = _with_images(footage, [bool(entry.get("images")) for entry in filmed], images)
        data_sha256, notes = str(meta["data_sha256"]), tuple(map(str, meta["notes"]))
    except (OSError, ValueError, KeyError, IndexError, TypeError, *_DAMAGE) as error:
        raise StorageFailure(
            "not_a_pack",
            f"{path} is not prepared motion that can be read ({error}).",
            "Give a folder of motion, or a file that `engine pack` of this version made.",
        ) from error
    train, val = (tuple(c for c in clips if c.split == split) for split in SPLITS)
    return Prepared(train, val, footage, data_sha256, notes)


def _rows(entries: list[dict[str, Any]], *lengths: int) -> list[tuple[dict[str, Any], slice]]:
    """Entries and where their frames lie. Raises ValueError when these are not what the arrays hold."""
    ends = np.cumsum([entry["frames"] for entry in entries], dtype=np.int64).tolist()
    if any(length != (ends[-1] if ends else 0) for length in lengths):
        raise ValueError("its frames are not those of its clips")
    return [(entry, slice(end - entry["frames"], end)) for entry, end in zip(entries, ends, strict=True)]


def _points(clip: Clip) -> np.ndarray:
    assert clip.keypoints is not None
    return clip.keypoints.points


def _steps(values: np.ndarray) -> np.ndarray:
    """(N, C) whole numbers to (C, N) differences from the frame before."""
    return np.ascontiguousarray(np.diff(values, axis=0, prepend=np.zeros_like(values[:1])).T)


def _sums(steps: np.ndarray) -> np.ndarray:
    return np.cumsum(steps.T, axis=0, dtype=steps.dtype)


def _entry(clip: Clip) -> dict[str, Any]:
    entry = {
        "id": clip.id,
        "frames": clip.frames,
        "captions": [(c.text, c.start, c.end, c.kind, c.weak) for c in clip.captions],
        "tags": clip.tags,
        "split": clip.split,
        "source": clip.source,
        "stylised": clip.stylised,
        "music": clip.music,
        "voice": clip.voice,
        "words": [(c.text, c.start, c.end, c.kind, c.weak) for c in clip.words],
    }
    if clip.keypoints is not None:
        entry |= {"size": clip.keypoints.size, "focal": clip.keypoints.focal}
        if clip.keypoints.images is not None:
            entry["images"] = True
    return entry


def _clip(entry: dict[str, Any], q: np.ndarray, pelvis: np.ndarray) -> Clip:
    q, path = rotations.continuous(q).astype(np.float32), pelvis.astype(np.float32)
    captions, words = (tuple(Caption(*c) for c in entry[name]) for name in ("captions", "words"))
    said = {name: entry[name] for name in ("id", "split", "source", "stylised", "music", "voice")}
    return Clip(rotations=q, transl=path, captions=captions, words=words, tags=tuple(entry["tags"]), **said)


def _footage(entry: dict[str, Any], points: np.ndarray) -> Clip:
    width, height = entry["size"]
    clip = _clip(entry, np.zeros((0, 22, 4)), np.zeros((0, 3)))
    return replace(clip, keypoints=Keypoints(points, (width, height), entry["focal"]))


def _with_images(footage: tuple[Clip, ...], has: list[bool], images: np.ndarray) -> tuple[Clip, ...]:
    """Image features for those that ``has`` names. Raises ValueError when there are more or fewer."""
    out, first = [], 0
    for clip, there in zip(footage, has, strict=True):
        if there and clip.keypoints is not None:
            rows = slice(first, first + clip.frames)
            clip = replace(clip, keypoints=replace(clip.keypoints, images=images[rows]))
            first = rows.stop
        out.append(clip)
    if first != len(images):
        raise ValueError("its image features are not those of its clips")
    return tuple(out)


def _cache_key(folders: list[Path]) -> str:
    """By the data and by the code that prepares it."""
    digest = hashlib.sha256(f"{FORMAT} {fingerprint(folders)}".encode())
    for room in _ROOMS:
        for path in sorted((_PACKAGE / room).glob("*.py")):
            digest.update(path.read_bytes())
    for name in ("blows.py", "corpus.py", "samples.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()[:24]
