"""One undo step for what a timer or a background run has written."""

from __future__ import annotations

import bpy


def push(message: str) -> None:
    """Close everything written since the last step as one step named ``message``."""
    manager = bpy.context.window_manager
    windows = manager.windows if manager else ()
    if not len(windows):
        return
    with bpy.context.temp_override(window=windows[0]):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=message)
