"""Starting a job for a character, and, in background mode, staying with it to its end."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

import bpy

from ...protocol.requests import MAX_SEED, MAX_TAKES, GenerateRequest
from .. import character, keying, sentences, session, timeline
from . import direction as directions
from . import takes
from .delivery import Order

POLL_SECONDS = 0.02


def order(
    scene: bpy.types.Scene, strips_scene: bpy.types.Scene, target: bpy.types.Object, count: int, seed: int
) -> Order:
    """An order for ``count`` takes of what the strips say; seed 0 takes a new one.

    Raises RequestFailure, each with its sentence, where something is missing or wrong.
    """
    _check_target(scene, target)
    timeline.repair_doubled_ids(strips_scene)
    direction = timeline.direction(scene, strips_scene, target, takes.own_state(target), seed or _new_seed(), count)
    frames = direction.frames
    request = directions.directed(scene, target, direction.request, frames.first, frames.last, frames.fps)
    return Order(
        target=target.session_uid,
        scene=scene.session_uid,
        name=target.name,
        request=request,
        first=direction.frames.first,
        last=direction.frames.last,
        fps=direction.frames.fps,
        prompts=tuple(p.text for p in direction.prompts),
        strips=tuple(p.strip for p in direction.prompts),
        play=scene.genmo.play,
    )


def order_again(scene: bpy.types.Scene, target: bpy.types.Object, same_seed: bool) -> Order:
    """An order for one more take by the recipe of the shown one, with a new seed or the same."""
    _check_target(scene, target)
    shown = takes.shown(target)
    if shown is None:
        raise sentences.take_lost(target.name)
    recipe = keying.recipe_of(shown)
    try:
        assert recipe is not None
        request = GenerateRequest.from_dict(recipe["request"])
        first, seed = int(recipe["frames"][0]), int(recipe["seed"])
        prompts, strips = tuple(recipe["prompts"]), tuple(recipe["strips"])
    except (AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
        raise sentences.recipe_unreadable(shown.name) from error
    fps = timeline.scene_fps(scene)
    return Order(
        target=target.session_uid,
        scene=scene.session_uid,
        name=target.name,
        request=replace(request, takes=1, seed=seed if same_seed else _new_seed()),
        first=first,
        last=first + round(request.duration * fps),
        fps=fps,
        prompts=prompts,
        strips=strips,
        play=scene.genmo.play,
        verb="Again",
    )


def _check_target(scene: bpy.types.Scene, target: bpy.types.Object) -> None:
    if scene.objects.get(target.name) != target:
        raise sentences.character_not_in_scene(target.name, scene.name)
    failure = character.obstacle(target)
    if failure is not None:
        raise failure


def _new_seed() -> int:
    """Never 0, which means "a new one"."""
    return 1 + secrets.randbelow(MAX_SEED - MAX_TAKES)


def drive(job_id: int) -> session.Outcome:
    """Tick until the job has its ending or its result waits for Blender (background mode, where no timer fires)."""
    here = session.current()
    try:
        while job_id not in here.outcomes:
            here.step()
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        here.cancel()
        raise
    return here.outcomes.pop(job_id)
