"""Importer of our own shards (``clips.json`` + ``*.npz``, 22 joints, 30 fps), converted once to the canonical skeleton.

The data's rest pose is a mathematical T with round proportions, the body's is a person's (mini_model.md, "One rest
skeleton"). World rotation ``G_body = G_data * C_j``, with the corrections of `motion.retargeting` for the data's rest
pose: the full least rotation would tilt planted soles by 6.5 degrees.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ....motion import kinematics, retargeting, rotations
from ....motion.floor import sole_level
from ....motion.skeleton import Skeleton, canonical
from ....protocol.failures import StorageFailure
from ..samples import Caption, Clip
from .level_soles import levelled

Array = np.ndarray
FPS = 30
MEND = "Copy or convert the folder again: 22 joints, 30 frames a second, without gaps."


@lru_cache(maxsize=4)
def corrections(offsets: tuple[tuple[float, float, float], ...]) -> Array:
    """C (22, 4) for a data skeleton with these offsets (22 x 3, metres, from the parent)."""
    data = np.array(offsets)
    return retargeting.corrections({j: data[child] for j, child in (retargeting.LIMBS | retargeting.FEET).items()})


def convert(rotations_data: Array, transl: Array, skeleton: Skeleton, offsets: Array) -> tuple[Array, Array]:
    """Local rotations (T, 22, 4) and pelvis path (T, 3) of the data -> the same on the body, soles at y = 0."""
    c = corrections(tuple(tuple(float(x) for x in row) for row in offsets))
    world = kinematics.world_rotations(skeleton, rotations_data)
    world = rotations.multiply(world, np.broadcast_to(c, world.shape))
    local = rotations.continuous(rotations.normalise(kinematics.local_rotations(canonical(), world)))
    body = canonical()
    scale = leg_length(body.offsets) / leg_length(offsets)
    path = transl * scale
    joints = kinematics.positions_from_world(body, world, path)
    return local.astype(np.float32), (path - [0.0, sole_level(joints, FPS), 0.0]).astype(np.float32)


def leg_length(offsets: Array) -> float:
    """Hip to ankle along the bones, metres."""
    return float(np.linalg.norm(offsets[4]) + np.linalg.norm(offsets[7]))


def files(folder: Path) -> list[Path]:
    """Motion and captions; none where it is no folder of shards."""
    if not (folder / "clips.json").is_file():
        return []
    return sorted(p for p in folder.glob("*") if p.suffix in (".npz", ".json"))


def load(folder: Path | str) -> list[Clip]:
    """All clips of a folder in the format of ``motion/README.md``.

    Raises StorageFailure when it is no such folder, half-written, of another skeleton or frame rate, or holds values
    that are not numbers.
    """
    folder = Path(folder)
    try:
        content = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
        layout = json.loads((folder / "skeleton.json").read_text(encoding="utf-8"))
        entries = content["clips"]
        names, tree = tuple(layout["joints"]), tuple(layout["parents"])
        offsets = np.array(layout["offsets_m"], dtype=np.float64)
        shards = {name: _shard(folder / name) for name in sorted({e["shard"] for e in entries})}
        wrong = _wrong_skeleton(names, tree, offsets) or next(
            filter(None, (_wrong_clip(e, shards) for e in entries)), ""
        )
        if wrong:
            raise StorageFailure("bad_motion_data", f"The motion in {folder} cannot be used: {wrong}.", MEND)
        skeleton = Skeleton(names, canonical().parents, _rest(offsets, canonical().parents))
        clips = [_clip(entry, shards[entry["shard"]], skeleton, offsets) for entry in entries]
        return _levelled(clips, [str(entry.get("subject", entry["id"])) for entry in entries])
    except (OSError, KeyError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise StorageFailure(
            "not_motion_data",
            f"{folder} is not a folder of motion shards, or half-written ({error}).",
            "Give --data a folder that holds clips.json, skeleton.json and the .npz files.",
        ) from error


def _levelled(clips: list[Clip], performers: list[str]) -> list[Clip]:
    """The clips in their order, planted soles of every performer level."""
    out = list(clips)
    for performer in dict.fromkeys(performers):
        rows = [i for i, name in enumerate(performers) if name == performer]
        for i, clip in zip(rows, levelled([clips[i] for i in rows]), strict=True):
            out[i] = clip
    return out


def _shard(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in ("quat", "trans")}


def _wrong_skeleton(names: tuple[str, ...], tree: tuple[int, ...], offsets: Array) -> str:
    """What is wrong with a skeleton, in words; empty for a good one."""
    body = canonical()
    if names != body.names or tree != body.parents:
        return f"its skeleton is not the body's {len(body.names)} joints in their order"
    if offsets.shape != (len(names), 3) or not np.isfinite(offsets).all():
        return "its skeleton's offsets are not three numbers a joint"
    return "" if leg_length(offsets) > 0 else "its skeleton has legs without length"


def _wrong_clip(entry: dict[str, Any], shards: dict[str, dict[str, Array]]) -> str:
    """What is wrong with a clip, in words; empty for a good one."""
    name, shard = entry["id"], shards[entry["shard"]]
    if entry["fps"] != FPS:
        return f"clip {name} has {entry['fps']} frames a second instead of {FPS}"
    rows = slice(entry["offset"], entry["offset"] + entry["frames"])
    q, path = shard["quat"][rows], shard["trans"][rows]
    if entry["frames"] < 1 or q.shape != (entry["frames"], 22, 4) or path.shape != (entry["frames"], 3):
        return f"clip {name} is cut short, or its arrays are of another shape"
    if not (np.isfinite(q).all() and np.isfinite(path).all() and (np.abs(q).max(axis=-1) > 0).all()):
        return f"clip {name} holds values that are not numbers, or rotations that are nothing"
    return ""


def _rest(offsets: Array, parents: tuple[int, ...]) -> Array:
    rest = np.array(offsets)
    for j in range(1, len(parents)):
        rest[j] += rest[parents[j]]
    return rest


def _clip(entry: dict, shard: dict[str, Array], skeleton: Skeleton, offsets: Array) -> Clip:
    a, b = entry["offset"], entry["offset"] + entry["frames"]
    q = rotations.normalise(shard["quat"][a:b].astype(np.float64))
    local, path = convert(q, shard["trans"][a:b].astype(np.float64), skeleton, offsets)
    captions = tuple(
        Caption(c["text"], round(c["start"] * FPS), min(round(c["end"] * FPS), b - a), c["kind"], bool(c["weak"]))
        for c in entry["captions"]
    )
    tags = tuple(entry["tags"])
    return Clip(entry["id"], local, path, captions, tags, entry["split"], entry["source"], "stylised" in tags)
