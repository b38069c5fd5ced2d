"""What is drawn over the 3D View for the current character.

`gather` turns its animation into `shapes`, `cache` keeps them until something changes, `draw` shows them.
"""

from __future__ import annotations


def register() -> None:
    from . import cache, draw, panel

    for part in (cache, draw, panel):
        part.register()


def unregister() -> None:
    from . import cache, draw, panel

    for part in (panel, draw, cache):
        part.unregister()
