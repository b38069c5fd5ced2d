"""What happens around undo and opening files. Saving touches nothing: all that waits is in the file already."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import kept, session
from .services import takes


@persistent
def _after_undo(*_: object) -> None:
    kept.forget()
    session.current().drop_lost_targets()
    session.redraw()


@persistent
def _before_load(*_: object) -> None:
    session.current().leave_file()


@persistent
def _after_load(*_: object) -> None:
    kept.forget()
    takes.reconcile()
    session.redraw()


HANDLERS = (
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
    ("load_pre", _before_load),
    ("load_post", _after_load),
)


def register() -> None:
    for name, function in HANDLERS:
        getattr(bpy.app.handlers, name).append(function)


def unregister() -> None:
    for name, function in HANDLERS:
        getattr(bpy.app.handlers, name).remove(function)
