"""The extension's own icon, for the header of its panels."""

from __future__ import annotations

from typing import Any

import bpy.utils.previews

from ..motion.skeleton import assets_folder

_loaded: list[Any] = []
"""The one collection of previews while the extension is enabled."""


def genmo() -> int:
    """The icon's value for ``layout.label(icon_value=...)``."""
    return _loaded[0]["genmo"].icon_id


def register() -> None:
    previews = bpy.utils.previews.new()
    previews.load("genmo", str(assets_folder() / "icon.png"), "IMAGE")
    _loaded.append(previews)


def unregister() -> None:
    bpy.utils.previews.remove(_loaded.pop())
