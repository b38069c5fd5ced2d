"""Keyed poses, a path and pins in files of plain arrays, for the command line.

Keys: the arrays of `motion.npz` for K poses, ``time`` (K,) seconds and ``joint_mask`` (K, 22). A path: ``times`` (N,),
``places`` (N, 2), and where they are given ``headings`` (N,) and ``fixed``; with ``way_times`` (W,) and ``way_places``
(W, 2) waypoints, with ``way_until`` (W,) such as are passed when it suits. Pins: ``left_hand_times`` (N,),
``left_hand_points`` (N, 3), and where given ``left_hand_ease`` (2,) and ``left_hand_turns`` (N, 4); so for each part.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol.direction import EASE, Direction
from ..protocol.failures import RequestFailure, StorageFailure
from ..protocol.keys import ARRAYS, KeyedPoses, validate_values


def read_keys(path: Path) -> KeyedPoses:
    """Raises StorageFailure for a file that cannot be read, RequestFailure for one without the arrays of keys or
    with none in them. Nothing in a file is executed."""
    arrays = {name: values for name, values in _arrays(path, "--keys").items() if name in ARRAYS}
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise RequestFailure(
            "keys_incomplete",
            f"{path.name} lacks {' and '.join(missing)}.",
            f"A file of keys holds {', '.join(ARRAYS)}.",
        )
    keys = KeyedPoses.read(arrays)
    validate_values(keys)  # before the last key says how long the motion is
    return keys


def read_direction(path: Path | None, pins: Path | None) -> Direction | None:
    """What the files of ``--path`` and ``--pins`` say, None without both. Raises as `read_keys`."""
    if path is None and pins is None:
        return None
    record: dict[str, Any] = {}
    if path is not None:
        arrays = _arrays(path, "--path")
        times, places, until = (arrays.pop(f"way_{name}", ()) for name in ("times", "places", "until"))
        record["waypoints"] = [
            {"time": time, "place": place, "until": last}
            for time, place, last in zip(times, places, until if len(until) else [None] * len(times), strict=False)
        ]
        if "times" in arrays or not record["waypoints"]:
            record["path"] = arrays
    if pins is not None:
        record["pins"] = []
        for name, times in (arrays := _arrays(pins, "--pins")).items():
            part, _, kind = name.rpartition("_")
            if kind != "times":
                continue
            if f"{part}_points" not in arrays:
                raise RequestFailure(
                    "pins_incomplete", f"{pins.name} lacks {part}_points.", "Give it beside the times."
                )
            ease = np.broadcast_to(arrays.get(f"{part}_ease", EASE), 2)
            points = arrays[f"{part}_points"]
            record["pins"].append(
                {
                    "part": part,
                    "times": times,
                    "points": points,
                    "ease_in": ease[0],
                    "ease_out": ease[1],
                    "turns": arrays.get(f"{part}_turns"),
                }
            )
        if not record["pins"]:
            raise RequestFailure("pins_incomplete", f"{pins.name} holds no pins.", "Give left_hand_times and _points.")
    return Direction.read(record)


def _arrays(path: Path, option: str) -> dict[str, Any]:
    if not path.is_file():
        raise StorageFailure("no_keys_file", f"There is no file {path}.", f"Choose another {option}.")
    try:
        with np.load(path, allow_pickle=False) as data:  # a single array (.npy) is no context: TypeError
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise StorageFailure(
            "keys_unreadable", f"{path.name} cannot be read as .npz of plain numbers.", "Save it with numpy.savez."
        ) from error
