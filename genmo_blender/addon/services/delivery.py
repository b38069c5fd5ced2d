"""From an order to waiting takes: what a job is for, and how its result reaches the character.

Between the order and the arrival the animator may rename, delete or unlink the character, switch scenes or modes:
targets are found again by their session uid and checked.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from typing import Any

import bpy

from ...protocol.capabilities import Capabilities
from ...protocol.failures import GenmoFailure
from ...protocol.messages import PRODUCT_VERSION
from ...protocol.motions import MotionResult
from ...protocol.requests import GenerateRequest
from .. import character, compat, keying, moments, sentences
from . import playback, spacing, takes, undo


@dataclass(frozen=True)
class Order:
    """What a job is for. No references to data of the file: undo and loading would kill them."""

    target: int
    """The character's session uid."""
    scene: int
    """The session uid of the scene that sets the frame rate."""
    name: str
    request: GenerateRequest
    first: int
    last: int
    fps: float
    prompts: tuple[str, ...]
    strips: tuple[str, ...] = ()
    play: bool = True
    verb: str = field(default="Generate")
    """Names the undo step."""
    begins: int | None = None
    """The frame at which the request begins, where that is before ``first``."""
    bones: tuple[str, ...] = ()
    """Which bones are filled; none named: all."""
    amount: float = 1.0
    """From 0, what the character's own curves do, to 1, what the model does."""
    keep_keys: bool = True
    """Whether the animator's keys in the range are law."""
    search: spacing.Search | None = None
    """What the model is asked before, where her keys may move in time; ``request`` is then a question on the way."""
    moves: tuple[spacing.Move, ...] | None = None
    """Which of her keys move in time; None where they were not to."""

    said: tuple[str, ...] = ()
    """What is told with the takes: what of the direction the order has passed by."""

    @property
    def key(self) -> str:
        """The character as the queue knows it."""
        return str(self.target)


def find(collection: Any, uid: int) -> Any | None:
    """The data block of a session uid."""
    return next((block for block in collection if block.session_uid == uid), None)


def lost(order: Order) -> GenmoFailure | None:
    """Why there is nobody left to receive the result, or None."""
    found = _receivers(order)
    return found if isinstance(found, GenmoFailure) else None


def _receivers(order: Order) -> tuple[bpy.types.Object, bpy.types.Scene] | GenmoFailure:
    """Character and scene of an order as they are now, or why they are lost."""
    target, scene = find(bpy.data.objects, order.target), find(bpy.data.scenes, order.scene)
    if target is None:
        return sentences.character_deleted(order.name)
    if not target.users_scene:
        return sentences.character_unlinked(target.name)
    if scene is None:
        return sentences.scene_deleted(target.name)
    return target, scene


def waits_for(order: Order, insist: bool = False) -> str:
    """What must end before the result may be written ("" when nothing); who insists does not wait for modal tools."""
    target = find(bpy.data.objects, order.target)
    if target is not None and target.mode == "EDIT":
        return f"Edit Mode of {target.name}"
    if target is not None and target.animation_data is not None and target.animation_data.use_tweak_mode:
        return f"tweak mode of {target.name} in the NLA Editor"
    return compat.busy_with(modal_tools=not insist)


def onward(order: Order, result: MotionResult) -> Order | None:
    """What to ask next, where a result was only a question on the way to when keys are passed; None for takes."""
    if order.search is None:
        return None
    search = spacing.heard(order.search, result)
    asked = spacing.asked(search)
    if asked is not None:
        return replace(order, request=asked, search=search)
    request, moves = spacing.settled(search)
    return replace(order, request=request, search=None, moves=moves)


def apply(order: Order, result: MotionResult, model: Capabilities | None) -> str:
    """Write the takes of a result, as one undo step; returns the sentence. Raises GenmoFailure, changing nothing."""
    found = _receivers(order)
    if isinstance(found, GenmoFailure):
        raise found
    target, scene = found
    failure = character.obstacle(target)
    if failure is not None:
        raise failure
    placed = takes.Placement(
        order.first,
        order.last,
        order.fps,
        order.prompts,
        _recipe(order, result, model),
        order.begins,
        order.bones,
        order.amount,
        order.keep_keys,
        order.moves,
    )
    said = takes.begin(target, scene, result, placed)
    if order.play:
        playback.play(scene, order.first)
    undo.push(f"{order.verb} {target.name}")
    if bpy.context.scene != scene:
        return sentences.takes_ready_elsewhere(target.name, scene.name)
    waiting = takes.waiting(target)
    return " ".join(
        [
            sentences.takes_ready(target.name, len(waiting)),
            *said,
            *order.said,
            *_passed(order, result),
            *keying.notes(waiting[-1]),
            *(moments.in_frames(note, _begins(order), order.fps) for note in ignored(result)),
        ]
    )


def _begins(order: Order) -> int:
    """The frame of the request's time 0."""
    return order.first if order.begins is None else order.begins


def _passed(order: Order, result: MotionResult) -> list[str]:
    """When waypoints were passed that may be passed when it suits."""
    direction = order.request.direction
    at = result.takes[0].report.get("direction", {}).get("waypoints_at", ())
    if direction is None or len(at) != len(direction.waypoints):
        return []
    frames = [
        _begins(order) + t * order.fps for t, way in zip(at, direction.waypoints, strict=True) if way.until is not None
    ]
    return [sentences.waypoints_passed(frames)] if frames else []


def ignored(result: MotionResult) -> list[str]:
    """What of the direction the takes did not meet, each sentence once, the first take's first."""
    told = [note for take in result.takes for note in take.report.get("ignored", ())]
    return list(dict.fromkeys(told))[:3]


def _recipe(order: Order, result: MotionResult, model: Capabilities | None) -> dict[str, Any]:
    """How the takes were made; each take adds its own seed."""
    return {
        "format": 1,
        "request": order.request.to_dict(),
        "prompts": list(order.prompts),
        "strips": list(order.strips),
        "frames": [order.first, order.last],
        "begins": order.first if order.begins is None else order.begins,
        "bones": list(order.bones),
        "amount": order.amount,
        "keep_keys": order.keep_keys,
        "moves": None if order.moves is None else [move.to_list() for move in order.moves],
        "fps": order.fps,
        "model": model.to_dict() if model else {},
        "engine": f"{result.report.get('engine', '')} {PRODUCT_VERSION}".strip(),
        "blender": bpy.app.version_string,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "job_report": result.report,
    }
