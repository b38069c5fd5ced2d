"""What the lane tells, read from the file: cheap, so that it is never old."""

from __future__ import annotations

import json

import bpy

from .. import compat, timeline
from ..overlays.gather import contacts_of
from ..services import takes
from .layout import Contents, StripBar

NO_TAG = (0.35, 0.45, 0.55)
"""Colour of a strip that has no colour tag."""


def read(
    scene: bpy.types.Scene,
    strips_scene: bpy.types.Scene,
    target: bpy.types.Object,
    colours: dict[str, tuple[float, float, float]],
) -> Contents:
    """The character's strips (in frames of ``scene``), the range of its waiting takes and its action's contacts.

    ``colours``: those of the strips' colour tags.
    """
    rate = timeline.scene_fps(scene) / timeline.scene_fps(strips_scene)
    picked = timeline.picked_strip(strips_scene)
    bars = []
    for strip in timeline.strips_for(strips_scene, target):
        first, last = compat.strip_extent(strip)
        bars.append(
            StripBar(
                strip.genmo.uid,
                first * rate,
                last * rate,
                timeline.prompt_text(strip),
                colours.get(strip.color_tag, NO_TAG),
                picked is not None and strip == picked,
                strip.genmo.enabled,
            )
        )
    data = target.animation_data
    return Contents(tuple(bars), take_range(target), contacts_of(data.action if data else None))


def take_range(target: bpy.types.Object) -> tuple[int, int] | None:
    """The frames of the takes that wait; None when none does."""
    if not takes.in_review(target):
        return None
    try:
        _, first, last = json.loads(target.genmo.review.preview)["ours"]
    except (ValueError, KeyError, TypeError):
        return None
    return int(first), int(last)


def tag_colours(preferences: bpy.types.Preferences) -> dict[str, tuple[float, float, float]]:
    """The theme's colours of the strips' colour tags."""
    colours = preferences.themes[0].strip_color
    return {f"COLOR_{i + 1:02d}": tuple(one.color[:3]) for i, one in enumerate(colours)}


def strip_of(scene: bpy.types.Scene, uid: str) -> tuple[int, bpy.types.Strip] | None:
    """Place in the Sequencer and the text strip of an identifier; None when it is gone."""
    editor = scene.sequence_editor
    for index, strip in enumerate(compat.strips_of(editor) if editor is not None and uid else ()):
        if timeline.is_text_strip(strip) and strip.genmo.uid == uid:
            return index, strip
    return None
