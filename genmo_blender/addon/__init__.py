"""Everything that needs ``bpy``: an ordered list of what registers.

Nothing is imported before `register`: the parts of this room that know no Blender (jobs, engine_process) are used and
tested without it.
"""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "icons",
    "properties",
    "direction_properties",
    "preferences",
    "session",
    "operators",
    "panels",
    "direction_panel",
    "clean_up_panel",
    "menus",
    "handlers",
    "overlays",
    "lane",
)


def register() -> None:
    """Register everything, in order."""
    for name in MODULES:
        import_module(f".{name}", __package__).register()


def unregister() -> None:
    """Unregister everything, in reverse; the engine ends with the session."""
    for name in reversed(MODULES):
        import_module(f".{name}", __package__).unregister()
