"""One undo step for what a timer or a background run has written."""

from __future__ import annotations

import bpy


def push(message: str) -> None:
    """Close everything written since the last step as one step named ``message``."""
    for window in bpy.context.window_manager.windows:
        with bpy.context.temp_override(window=window):
            bpy.ops.ed.undo_push(message=message)
        return
