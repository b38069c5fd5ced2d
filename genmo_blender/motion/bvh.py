"""Reading BVH, the text format of motion capture: a tree of joints, then one line of numbers a frame.

Layout: Biovision's HIERARCHY (ROOT, JOINT, End Site; OFFSET; CHANNELS) and MOTION (Frames, Frame Time). Rotations are
degrees about the joint's own axes in the order of its channels, the first channel outermost. Units and axes are the
file's own: BVH has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rotations import IDENTITY, Array, from_rotation_vector, multiply, normalise, rotate

_AXES = {"X": (1.0, 0.0, 0.0), "Y": (0.0, 1.0, 0.0), "Z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True)
class Bvh:
    """``names`` (J), parents before children; ``parents`` (J), -1 at the root; ``offsets`` (J, 3) from the parent at
    zero rotation; ``ends`` {joint: (3,)} its end site; ``rotations`` (T, J, 4) local unit quaternions; ``places``
    (T, J, 3) each joint from its parent, which is its offset unless it has position channels; ``frame_time`` seconds.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    ends: dict[int, Array]
    rotations: Array
    places: Array
    frame_time: float

    def world(self) -> tuple[Array, Array]:
        """World rotations (T, J, 4) and positions (T, J, 3) of all joints, in the file's units and axes."""
        turns, points = np.empty_like(self.rotations), np.empty_like(self.places)
        for j, parent in enumerate(self.parents):
            if parent < 0:
                turns[:, j], points[:, j] = self.rotations[:, j], self.places[:, j]
            else:
                turns[:, j] = multiply(turns[:, parent], self.rotations[:, j])
                points[:, j] = points[:, parent] + rotate(turns[:, parent], self.places[:, j])
        return turns, points

    def rest(self) -> Array:
        """Positions (J, 3) at zero rotation, the root at the origin."""
        points = np.array(self.offsets)
        for j, parent in enumerate(self.parents):
            points[j] = 0.0 if parent < 0 else points[parent] + self.offsets[j]
        return points


@dataclass
class _Tree:
    names: list[str]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]
    ends: dict[int, Array]


def read(text: str) -> Bvh:
    """The motion in the text of a file. Raises ValueError, whose words say what is wrong, for what is no whole BVH."""
    head, found, tail = text.partition("MOTION")
    if not found or "HIERARCHY" not in head:
        raise ValueError("it has no HIERARCHY and MOTION")
    tree = _hierarchy(head.split())
    lines = [line for line in tail.splitlines() if line.strip()]
    if len(lines) < 2 or not lines[0].strip().startswith("Frames:") or "Time:" not in lines[1]:
        raise ValueError("it does not say how many frames there are, and how long they last")
    frames, frame_time = int(_number(lines[0])), _number(lines[1])
    wide = sum(map(len, tree.channels))
    values = _values(lines[2:], wide)
    if len(values) != frames or not frames:
        raise ValueError(f"it holds {len(values)} of its {frames} frames")
    return _motion(tree, values, frame_time)


def _number(line: str) -> float:
    return float(line.partition(":")[2])


def _values(lines: list[str], wide: int) -> Array:
    """(T, wide) from lines of numbers; a last line that is cut short counts as missing."""
    rows = [line.split() for line in lines]
    if rows and len(rows[-1]) < wide:
        rows.pop()
    if any(len(row) != wide for row in rows):
        raise ValueError(f"its frames are not of {wide} numbers each")
    values = np.array(rows, dtype=np.float64).reshape(len(rows), wide)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not numbers")
    return values


def _hierarchy(words: list[str]) -> _Tree:
    """The joints in the order of the file, which is the order of the channels too."""
    tree = _Tree([], [], [], [], {})
    path: list[int] = []  # open joints; an end site counts as -1 below its joint
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("ROOT", "JOINT", "End"):
            at, name = _until_brace(words, at + 1)
            if word == "End":
                path.append(-1)
                continue
            tree.parents.append(path[-1] if path else -1)
            path.append(len(tree.names))
            tree.names.append(name)
            tree.offsets.append([0.0, 0.0, 0.0])
            tree.channels.append([])
        elif word == "OFFSET":
            offset = [float(x) for x in words[at + 1 : at + 4]]
            if path[-1] < 0:
                tree.ends[path[-2]] = np.array(offset)
            else:
                tree.offsets[path[-1]] = offset
            at += 4
        elif word == "CHANNELS":
            count = int(words[at + 1])
            tree.channels[path[-1]] = words[at + 2 : at + 2 + count]
            at += 2 + count
        elif word == "}":
            if not path:
                raise ValueError("the braces of its joints do not close")
            path.pop()
            at += 1
        else:
            at += 1
    if path or not tree.names:
        raise ValueError("the braces of its joints do not close")
    return tree


def _until_brace(words: list[str], at: int) -> tuple[int, str]:
    """Names may hold spaces ("Bip01 L Thigh"): everything up to the brace is the name."""
    end = words.index("{", at)
    return end + 1, " ".join(words[at:end])


def _motion(tree: _Tree, values: Array, frame_time: float) -> Bvh:
    offsets = np.array(tree.offsets)
    turns = np.broadcast_to(IDENTITY, (len(values), len(offsets), 4)).copy()
    places = np.broadcast_to(offsets, (len(values), *offsets.shape)).copy()
    column = 0
    for j, channels in enumerate(tree.channels):
        for channel in channels:
            axis, kind = channel[:1].upper(), channel[1:].lower()
            if axis not in _AXES or kind not in ("rotation", "position"):
                raise ValueError(f"joint {tree.names[j]} has an unknown channel {channel}")
            value = values[:, column]
            if kind == "rotation":
                turn = from_rotation_vector(np.radians(value)[:, None] * np.array(_AXES[axis]))
                turns[:, j] = multiply(turns[:, j], turn)
            else:
                places[:, j, "XYZ".index(axis)] = value
            column += 1
    if not np.isfinite(offsets).all():
        raise ValueError("it holds values that are not numbers")
    return Bvh(tuple(tree.names), tuple(tree.parents), offsets, tree.ends, normalise(turns), places, frame_time)
