"""How many of the animator's keyed times lie in a range, for the panel.

Counting reads every key. It is done once for each change, by a timer that runs once; drawing only looks.
"""

from __future__ import annotations

import logging
from typing import Any

import bpy

from . import character, posing, session
from .overlays import cache
from .services import takes

SOON = 0.02
"""Seconds until what is asked for is counted."""
MOST = 64
"""Counts that are remembered."""
LOG = logging.getLogger(__name__)

_counts: dict[tuple[Any, ...], int] = {}
_asked: dict[tuple[Any, ...], tuple[str, str, frozenset[str]]] = {}


def look(target: bpy.types.Object, first: int, last: int) -> int | None:
    """At how many times between two frames the animator's own action holds keys of hers; None until it is counted."""
    action, slot = _own(target)
    if action is None:
        return 0
    key = (action.session_uid, cache.edits_of(action), slot, first, last)
    if key not in _counts:
        _asked[key] = (action.name, slot, frozenset(character.euler_orders(target)))
        if not bpy.app.timers.is_registered(count_asked):
            bpy.app.timers.register(count_asked, first_interval=SOON)
    return _counts.get(key)


def _own(target: bpy.types.Object) -> tuple[bpy.types.Action | None, str]:
    review = target.genmo.review
    if takes.in_review(target):
        return review.original, review.original_slot
    data = target.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return None, ""
    return data.action, data.action_slot.identifier


def count_asked() -> None:
    """Count what drawing has asked for, and have it drawn."""
    asked = dict(_asked)
    _asked.clear()
    for key, (name, slot, eulers) in asked.items():
        action = bpy.data.actions.get(name)
        try:
            _counts[key] = len(posing.own_keys(action, slot, key[3], key[4], eulers=eulers).frames)
        except Exception:
            LOG.exception("GENMO Motion: the keys of %s could not be counted", name)
            _counts[key] = 0
    while len(_counts) > MOST:
        del _counts[next(iter(_counts))]
    session.redraw()


def forget() -> None:
    """Another file, or the extension goes."""
    _counts.clear()
    _asked.clear()
    if bpy.app.timers.is_registered(count_asked):
        bpy.app.timers.unregister(count_asked)
