"""Showing a range: the scene's preview range, and playing it where there is a window."""

from __future__ import annotations

import json

import bpy


def show_range(scene: bpy.types.Scene, first: int, last: int) -> str:
    """Set the preview range; returns what `restore_range` needs, as JSON."""
    before = own_range(scene)
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = first, last
    return json.dumps({"before": before, "ours": [True, first, last]})


def records(scene: bpy.types.Scene) -> list[str]:
    """What the reviews that show takes in the scene remember of its preview range."""
    reviews = (o.genmo.review for o in bpy.data.objects)
    return [review.preview for review in reviews if len(review.takes) and review.scene == scene and review.preview]


def own_range(scene: bpy.types.Scene) -> tuple[bool, int, int]:
    """The animator's preview range (on, first, last): the present one, or that before ours if ours is still set."""
    return _before_ours(scene, records(scene))


def _before_ours(scene: bpy.types.Scene, kept: list[str]) -> tuple[bool, int, int]:
    now = _range(scene)
    use, first, last = next((one["before"] for one in map(json.loads, kept) if one["ours"] == now), now)
    return bool(use), int(first), int(last)


def restore_range(scene: bpy.types.Scene, record: str) -> None:
    """Put the preview range back, unless the animator has changed it meanwhile."""
    use, first, last = _before_ours(scene, [record])
    # The start is clamped to the end and the other way round: set the end twice.
    scene.frame_preview_end = last
    scene.frame_preview_start = first
    scene.frame_preview_end = last
    scene.use_preview_range = use


def _range(scene: bpy.types.Scene) -> list[int]:
    return [scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end]


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
