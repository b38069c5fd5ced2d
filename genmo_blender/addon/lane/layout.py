"""Where everything in the lane lies, in pixels of the region. Pure numbers, no Blender.

The lane is a band along the upper or lower edge of the Dope Sheet: text strips and the range of waiting takes, and
under them a thin bar for each contact, left above right.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

Colour = tuple[float, float, float, float]
ROW, BAR, GAP = 15.0, 3.0, 1.0
"""Pixels at scale 1: a strip's height, a contact's, and what lies between."""
BACK: Colour = (0.0, 0.0, 0.0, 0.35)
INK: Colour = (1.0, 1.0, 1.0, 0.95)
PICKED: Colour = (1.0, 1.0, 1.0, 0.9)
TAKE: Colour = (1.0, 0.75, 0.20, 0.9)
CONTACTS: tuple[Colour, ...] = ((1.0, 0.36, 0.30, 0.9), (0.36, 0.62, 1.0, 0.9))
"""Of the left side, of the right side."""
RIGHT_PARTS = (2, 3, 5)
"""Which of `motion.contacts.PARTS` are on the right."""
OFF = 0.35
"""Opacity of a strip that Generate does not read."""


@dataclass(frozen=True)
class StripBar:
    """A text strip over frames ``first`` .. ``last`` (the first frame after it) of the scene that is shown."""

    uid: str
    first: float
    last: float
    text: str
    colour: tuple[float, float, float]
    picked: bool = False
    enabled: bool = True


@dataclass(frozen=True)
class Contents:
    """What the lane tells: strips, the range of waiting takes, contacts as (part, first frame, last frame)."""

    strips: tuple[StripBar, ...] = ()
    take: tuple[int, int] | None = None
    contacts: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class View:
    """The region: ``width`` pixels from frame ``first`` to frame ``last``, the edge that the lane lies at, ``scale`` of
    the interface. The lane hangs down from its edge (``hangs``), or stands on it."""

    width: float
    first: float
    last: float
    edge: float
    scale: float
    hangs: bool = False

    def x(self, frame: float) -> float:
        """Pixels from the left edge."""
        return (frame - self.first) * self.width / (self.last - self.first)


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    left: float
    bottom: float
    right: float
    top: float
    colour: Colour


@dataclass(frozen=True)
class Words:
    """Text that begins at a place."""

    x: float
    y: float
    text: str
    colour: Colour


@dataclass(frozen=True)
class Layout:
    """Boxes and words in the order of drawing; ``strips``: where a click picks which (identifier, box)."""

    boxes: tuple[Box, ...] = ()
    words: tuple[Words, ...] = ()
    strips: tuple[tuple[str, Box], ...] = ()


def laid_out(contents: Contents, view: View, measure: Callable[[str], float]) -> Layout:
    """The lane's picture; ``measure`` tells a text's width in pixels. Empty where there is nothing to tell."""
    if contents == Contents() or view.last <= view.first or view.width <= 0:
        return Layout()
    row, bar, gap = (size * view.scale for size in (ROW, BAR, GAP))
    top = view.edge if view.hangs else view.edge + height_of(contents) * view.scale
    bottom = top - row
    boxes = [Box(0.0, top - height_of(contents) * view.scale, view.width, top, BACK)]
    words: list[Words] = []
    hits: list[tuple[str, Box]] = []
    for strip in contents.strips:
        box = _within(view, strip.first, strip.last, bottom + gap, top - gap)
        if box is None:
            continue
        opacity = 0.9 if strip.enabled else OFF
        hits.append((strip.uid, box))
        boxes.append(Box(box.left, box.bottom, max(box.right - gap, box.left + 1), box.top, (*strip.colour, opacity)))
        if strip.picked:
            boxes += _outline(boxes[-1], max(1.0, view.scale))
        room = box.right - box.left - 8 * view.scale
        text = trimmed(strip.text, room, measure)
        if text:
            words.append(
                Words(box.left + 4 * view.scale, bottom + 4 * view.scale, text, (*INK[:3], 0.4 + 0.6 * opacity))
            )
    if contents.take is not None:
        boxes += _take(view, contents.take, bottom, top, gap)
    for side in range(2):
        under = bottom - gap - side * (bar + gap)
        for part, first, last in contents.contacts:
            # A contact holds its last frame too: half a frame more on both sides, so that one frame can be seen.
            box = _within(view, first - 0.5, last + 0.5, under - bar, under)
            if box is not None and (part in RIGHT_PARTS) == bool(side):
                boxes.append(Box(box.left, box.bottom, box.right, box.top, CONTACTS[side]))
    return Layout(tuple(boxes), tuple(words), tuple(hits))


def height_of(contents: Contents) -> float:
    """Pixels at scale 1."""
    return ROW + GAP + (2 * (BAR + GAP) if contents.contacts else 0.0)


def strip_at(layout: Layout, x: float, y: float) -> str:
    """Identifier of the strip under a pixel, the one drawn last; "" for none."""
    for uid, box in reversed(layout.strips):
        if box.left <= x < box.right and box.bottom <= y <= box.top:
            return uid
    return ""


def trimmed(text: str, room: float, measure: Callable[[str], float]) -> str:
    """The longest beginning of whole words that fits, with an ellipsis; of letters where no word fits; else ""."""
    text = " ".join(text.split())
    if measure(text) <= room:
        return text
    cuts = range(1, len(text))
    best = text[: bisect.bisect_right(cuts, room, key=lambda cut: measure(text[:cut] + "…"))]
    whole = best if text[len(best) : len(best) + 1] == " " else best.rpartition(" ")[0]
    kept = (whole or best).rstrip(" ,.;:")
    return kept + "…" if kept else ""


def _within(view: View, first: float, last: float, bottom: float, top: float) -> Box | None:
    """The part of frames ``first`` .. ``last`` that is in view, at least a pixel wide; None when none is."""
    left, right = view.x(first), view.x(last)
    if right < 0 or left > view.width:
        return None
    left, right = max(left, 0.0), min(right, view.width)
    return Box(left, bottom, max(right, left + 1.0), top, BACK)


def _outline(box: Box, thick: float) -> list[Box]:
    return [
        Box(box.left, box.bottom, box.right, box.bottom + thick, PICKED),
        Box(box.left, box.top - thick, box.right, box.top, PICKED),
        Box(box.left, box.bottom, box.left + thick, box.top, PICKED),
        Box(box.right - thick, box.bottom, box.right, box.top, PICKED),
    ]


def _take(view: View, take: tuple[int, int], bottom: float, top: float, gap: float) -> list[Box]:
    """The range of waiting takes: a line under the strips, and a mark at each end that is in view."""
    box = _within(view, take[0], take[1], bottom - gap, bottom + gap)
    if box is None:
        return []
    marks = [Box(box.left, box.bottom, box.right, box.top, TAKE)]
    for frame in take:
        x = view.x(frame)
        if 0 <= x <= view.width:
            marks.append(Box(x - gap, bottom - gap, x + gap, top, TAKE))
    return marks
