"""GENMO Motion: text strips on Blender's timeline become motion of a character, on this machine.

This file is Blender's face of the extension. It imports without Blender, so that the engine and the tests can import
the package too; everything that needs ``bpy`` is reached only from ``register``.
"""

from __future__ import annotations


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled; stops the engine and leaves nothing behind."""
    from . import addon

    addon.unregister()
