"""The lane over the keys of the Dope Sheet: text strips, waiting takes and contacts, to read and to click.

`contents` reads what there is, `layout` says where it lies, `draw` shows it, `operators` answer clicks.
"""

from __future__ import annotations


def register() -> None:
    from . import draw, operators

    for part in (operators, draw):
        part.register()


def unregister() -> None:
    from . import draw, operators

    for part in (draw, operators):
        part.unregister()
