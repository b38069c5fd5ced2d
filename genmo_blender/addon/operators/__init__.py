"""Thin operators: they read properties, call a function of ``services`` and report a sentence."""

from __future__ import annotations

import bpy

from . import character, clean_up, contacts, direction, generate, keys, review, strips

CLASSES = (
    *character.CLASSES,
    *strips.CLASSES,
    *generate.CLASSES,
    *keys.CLASSES,
    *review.CLASSES,
    *clean_up.CLASSES,
    *contacts.CLASSES,
    *direction.CLASSES,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
