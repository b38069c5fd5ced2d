"""What was gathered for each character, kept until what it depends on changes.

Drawing only looks: where it finds something old it asks for `refresh`, which a timer that runs once calls a moment
later, so that many changes in a row (a key being dragged) cost one gathering.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..operators.common import current_character
from ..overlay_properties import redraw
from . import gather
from .shapes import Shapes

SOON = 0.02
"""Seconds until what is old is gathered anew."""
LOG = logging.getLogger(__name__)


@dataclass
class Entry:
    """One character's shapes; ``batches`` is what the graphics card has of them, filled by who draws."""

    key: tuple[Any, ...]
    shapes: Shapes
    batches: dict[Any, Any] = field(default_factory=dict)


_entries: dict[int, Entry] = {}
_edits: dict[int, int] = {}


def look(scene: bpy.types.Scene, target: bpy.types.Object) -> Entry | None:
    """What there is to draw, perhaps a moment old; gathering is asked for when it is.

    A character that is carried along while the scene plays keeps its shapes until it stops: they would be made anew at
    each frame.
    """
    entry = _entries.get(target.session_uid)
    key = gather.key_of(scene, target, _edits)
    if entry is None or entry.key[:-1] != key[:-1] or (entry.key != key and not _playing()):
        ask()
    return entry


def edits_of(action: bpy.types.Action) -> int:
    """How often an action was changed since the file was opened."""
    return _edits.get(action.session_uid, 0)


def _playing() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


def ask() -> None:
    """Have everything that is old gathered soon."""
    if not bpy.app.timers.is_registered(_soon):
        bpy.app.timers.register(_soon, first_interval=SOON)


def refresh(scene: bpy.types.Scene, target: bpy.types.Object) -> Entry:
    """Gather a character's shapes, if what they depend on has changed."""
    key = gather.key_of(scene, target, _edits)
    entry = _entries.get(target.session_uid)
    if entry is None or entry.key != key:
        entry = _entries[target.session_uid] = Entry(key, _gathered(scene, target))
    return entry


def _gathered(scene: bpy.types.Scene, target: bpy.types.Object) -> Shapes:
    # What cannot be read now is not tried again before it changes.
    try:
        return gather.shapes_of(scene, target)
    except Exception:
        LOG.exception("GENMO Motion: the overlays of %s could not be made", target.name)
        return Shapes()


def _soon() -> None:
    seen: set[int] = set()
    for window in bpy.context.window_manager.windows:
        target = current_character(window)
        if target is not None:
            refresh(window.scene, target)
            seen.add(target.session_uid)
    for uid in set(_entries) - seen:
        del _entries[uid]
    redraw()


# What changes without a trace in the key


@persistent
def _after_change(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if not depsgraph.id_type_updated("ACTION"):
        return
    for update in depsgraph.updates:
        if isinstance(update.id, bpy.types.Action):
            uid = update.id.original.session_uid
            _edits[uid] = _edits.get(uid, 0) + 1


@persistent
def _after_undo(*_: object) -> None:
    _entries.clear()


@persistent
def _after_load(*_: object) -> None:
    _entries.clear()
    _edits.clear()


HANDLERS = (
    ("depsgraph_update_post", _after_change),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
    ("load_post", _after_load),
)


def register() -> None:
    for name, function in HANDLERS:
        getattr(bpy.app.handlers, name).append(function)


def unregister() -> None:
    for name, function in HANDLERS:
        getattr(bpy.app.handlers, name).remove(function)
    if bpy.app.timers.is_registered(_soon):
        bpy.app.timers.unregister(_soon)
    _after_load()
