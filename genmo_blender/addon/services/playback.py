"""Showing a range: the scene's preview range, and playing it where there is a window."""

from __future__ import annotations

import json

import bpy


def show_range(scene: bpy.types.Scene, first: int, last: int) -> str:
    """Set the preview range; returns what `restore_range` needs, as JSON."""
    before = [scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end]
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = first, last
    return json.dumps({"before": before, "ours": [True, first, last]})


def restore_range(scene: bpy.types.Scene, record: str) -> None:
    """Put the preview range back, unless the animator has changed it meanwhile."""
    kept = json.loads(record)
    if [scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end] != kept["ours"]:
        return
    use, first, last = kept["before"]
    # The start is clamped to the end and the other way round: set the end twice.
    scene.frame_preview_end = last
    scene.frame_preview_start = first
    scene.frame_preview_end = last
    scene.use_preview_range = use


def play(scene: bpy.types.Scene, first: int) -> None:
    """Play the scene from ``first`` in a window that shows it, if there is one and it does not play already."""
    if bpy.app.background:
        return
    for window in bpy.context.window_manager.windows:
        if window.scene != scene:
            continue
        scene.frame_set(first)
        if not window.screen.is_animation_playing:
            with bpy.context.temp_override(window=window):
                bpy.ops.screen.animation_play()
        return
