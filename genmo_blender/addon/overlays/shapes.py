"""What can be drawn in space, and how a figure, a path and contacts become it. Pure arrays, no Blender.

Everything is in world axes and metres. Left is red and right is blue, as on the sheets of takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...motion.rotations import Array, rotate

Colour = tuple[float, float, float, float]
LEFT: Colour = (1.0, 0.36, 0.30, 0.9)
RIGHT: Colour = (0.36, 0.62, 1.0, 0.9)
MIDDLE: Colour = (0.92, 0.92, 0.88, 0.9)
PATH: Colour = (1.0, 0.75, 0.20, 0.95)
DIRECTION: Colour = (0.45, 0.95, 0.55, 0.95)
FAINT = 0.5
"""Share of its opacity that a ghost has, and a contact outside its frames."""
HEAD = 0.17
"""Metres from the head's joint to its crown."""
TICK = 0.14
"""Metres: half a tick across the path."""
DISC = 0.06
"""Metres: radius of a contact's disc on the floor."""
CORNERS = 16
ABOVE_FLOOR = 0.004
"""Metres: what lies on the floor lies a little above it, so that the grid and a floor do not cut it."""


@dataclass(frozen=True)
class Lines:
    """Pairs of ``points`` (2N, 3) float32 with ``colours`` (2N, 4) float32; ``width`` in pixels at scale 1."""

    points: Array
    colours: Array
    width: float


@dataclass(frozen=True)
class Dots:
    """``points`` (N, 3) with ``colours`` (N, 4), both float32; ``size`` in pixels at scale 1."""

    points: Array
    colours: Array
    size: float


@dataclass(frozen=True)
class Discs:
    """Discs around ``points`` (N, 3) with ``colours`` (N, 4), both float32; ``rim`` (C, 3): from a middle to its rim.

    ``spans`` (N, 2): the first and last frame at which a disc is bright.
    """

    points: Array
    colours: Array
    rim: Array
    spans: Array

    def bright(self, frame: float) -> Array:
        """(N,) which discs are bright at a frame."""
        return (self.spans[:, 0] <= frame) & (frame <= self.spans[:, 1])

    def triangles(self) -> Array:
        """(N, C, 3, 3) float32: each disc as triangles."""
        rims = self.points[:, None] + self.rim
        middles = np.broadcast_to(self.points[:, None], rims.shape)
        return np.stack([middles, rims, np.roll(rims, -1, axis=1)], axis=2).astype(np.float32)


@dataclass(frozen=True)
class Label:
    """A short text beside a place (3,) of the world."""

    place: tuple[float, float, float]
    text: str
    colour: Colour


@dataclass(frozen=True)
class Shapes:
    """All that is drawn for one character."""

    lines: tuple[Lines, ...] = ()
    dots: tuple[Dots, ...] = ()
    labels: tuple[Label, ...] = ()
    discs: tuple[Discs, ...] = ()

    def __add__(self, other: Shapes) -> Shapes:
        return Shapes(
            self.lines + other.lines, self.dots + other.dots, self.labels + other.labels, self.discs + other.discs
        )


def side_colours(names: tuple[str, ...]) -> Array:
    """(J, 4): each bone's colour by its side."""
    sides = (LEFT if n.startswith("left_") else RIGHT if n.startswith("right_") else MIDDLE for n in names)
    return np.array(list(sides), np.float32)


def faded(colours: Array, share: float = FAINT) -> Array:
    """The colours (..., 4) with a share of their opacity."""
    return colours * np.array([1.0, 1.0, 1.0, share], np.float32)


def ghosts(
    joints: Array, head_turns: Array, parents: tuple[int, ...], names: tuple[str, ...], up: Array, frames: Array
) -> Shapes:
    """Stick figures and the frames over their heads.

    ``joints`` (K, J, 3) in the world; ``head_turns`` (K, 4): the head's turn in the world; ``up`` (3,): where its crown
    is at rest, metres; ``frames`` (K,).
    """
    if not len(joints):
        return Shapes()
    children = np.array([j for j, parent in enumerate(parents) if parent >= 0])
    above = np.array(parents)[children]
    bones = np.stack([joints[:, above], joints[:, children]], axis=2)
    head = joints[:, names.index("head")]
    crowns = head + rotate(head_turns, np.broadcast_to(up, head.shape))
    points = np.concatenate([bones, np.stack([head, crowns], axis=1)[:, None]], axis=1)
    colours = side_colours(names)[np.append(children, names.index("head"))]
    every = np.broadcast_to(colours[None, :, None], (*points.shape[:3], 4))
    over = crowns + 0.4 * np.linalg.norm(up) * np.array([0.0, 0.0, 1.0])
    labels = tuple(
        Label((float(x), float(y), float(z)), number(frame), MIDDLE)
        for (x, y, z), frame in zip(over, frames, strict=True)
    )
    return Shapes((_lines(points, faded(every), 2.0),), (), labels)


def floor_path(path: Array, keyed: Array, up: Array, scale: float, labels: tuple[str, ...] = ()) -> Shapes:
    """A path on the floor with a dot each frame, a tick at each keyed one and an arrow at its end.

    ``path`` (N, 3) on the floor, in the world; ``keyed`` (K,) its rows that are keyed; ``up`` (3,): the floor's normal;
    ``scale``: metres of the world per metre of the character; ``labels`` (K) or none.
    """
    if len(path) < 2:
        return Shapes()
    raised = path + ABOVE_FLOOR * scale * up
    across = _across(raised, up) * TICK * scale
    parts = [np.stack([raised[:-1], raised[1:]], axis=1)]
    if len(keyed):
        parts.append(np.stack([raised[keyed] - across[keyed], raised[keyed] + across[keyed]], axis=1))
    if np.linalg.norm(np.ptp(path, axis=0)) > TICK * scale:
        back = raised[-1] - np.cross(across[-1], up)
        parts.append(np.array([[raised[-1], back - 0.6 * across[-1]], [raised[-1], back + 0.6 * across[-1]]]))
    points = np.concatenate(parts)
    colours = np.tile(np.array(PATH, np.float32), (len(points), 2, 1))
    colours[: len(path) - 1] = faded(colours[: len(path) - 1])  # so that the dots tell the pace
    lines = _lines(points, colours, 1.5)
    dots = Dots(raised.astype(np.float32), np.tile(np.array(PATH, np.float32), (len(raised), 1)), 3.0)
    places = raised[keyed] + 1.6 * across[keyed]
    told = tuple(
        Label((float(x), float(y), float(z)), text, PATH) for (x, y, z), text in zip(places, labels, strict=False)
    )
    return Shapes((lines,), (dots,), told)


def contacts(places: Array, left: Array, spans: Array, up: Array, scale: float) -> Shapes:
    """Discs where feet stand: ``places`` (N, 3) of the world, ``left`` (N,) flags, ``spans`` (N, 2) frames, ``up`` (3,)
    the floor's normal, ``scale``: metres of the world per metre of the character."""
    if not len(places):
        return Shapes()
    colours = np.where(left[:, None], np.array(LEFT, np.float32), np.array(RIGHT, np.float32)).astype(np.float32)
    angles = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)[:, None]
    one = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    one /= np.linalg.norm(one)
    rim = DISC * scale * (np.cos(angles) * one + np.sin(angles) * np.cross(up, one))
    return Shapes(discs=(Discs(places.astype(np.float32), colours, rim, spans),))


def arrowed(line: Array, up: Array, scale: float) -> Array:
    """Pairs of points (M, 2, 3): a line (N, 3) on the floor with a head at its end."""
    raised = line + ABOVE_FLOOR * scale * up
    across = _across(raised, up)[-1] * TICK * scale
    back = raised[-1] - np.cross(across, up)
    head = np.array([[raised[-1], back - 0.6 * across], [raised[-1], back + 0.6 * across]])
    return np.concatenate([np.stack([raised[:-1], raised[1:]], axis=1), head])


def ring(place: Array, radius: float, up: Array) -> Array:
    """Pairs of points (M, 2, 3): a circle on the floor around a place (3,)."""
    angles = np.linspace(0.0, 2.0 * np.pi, 2 * CORNERS, endpoint=False)[:, None]
    one = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    one /= np.linalg.norm(one)
    rim = place + radius * (np.cos(angles) * one + np.sin(angles) * np.cross(up, one))
    return np.stack([rim, np.roll(rim, -1, axis=0)], axis=1)


def star(place: Array, reach: float) -> Array:
    """Pairs of points (M, 2, 3): a cross of three bars at a place (3,)."""
    bars = reach * np.eye(3)
    return np.stack([place - bars, place + bars], axis=1)


def number(frame: float) -> str:
    """A frame as it is written: whole where it is whole."""
    return f"{frame:.0f}" if abs(frame - round(frame)) < 0.005 else f"{frame:.2f}"


def _lines(points: Array, colours: Array, width: float) -> Lines:
    return Lines(
        np.ascontiguousarray(points.reshape(-1, 3), np.float32),
        np.ascontiguousarray(colours.reshape(-1, 4), np.float32),
        width,
    )


def _across(path: Array, up: Array) -> Array:
    """(N, 3) unit vectors on the floor across the path; where it stands still, as at the last frame that moved."""
    along = np.gradient(path, axis=0)
    along -= (along @ up)[:, None] * up
    length = np.linalg.norm(along, axis=1)
    moving = np.nonzero(length > 1e-5)[0]
    if not len(moving):
        side = np.cross(up, [0.0, 1.0, 0.0])
        return np.tile(side / max(float(np.linalg.norm(side)), 1e-9), (len(path), 1))
    last = moving[np.maximum(np.searchsorted(moving, np.arange(len(path)), side="right") - 1, 0)]
    return np.cross(up, along[last] / length[last, None])
