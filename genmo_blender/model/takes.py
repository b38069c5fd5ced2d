"""From a motion in the world to the takes of a request: cut, put where the character stands, cleaned up, measured.

Both engines end here, so that their takes differ by what their networks say alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..motion import rotations as rot
from ..motion.delivery import deliver
from ..motion.fitting import Poses, fitted
from ..motion.keyed import KeyFrames
from ..motion.legs import GENERATED, RECORDED
from ..motion.on_the_beat import danced
from ..motion.placement import on_start, place
from ..motion.quality import figures
from ..motion.seams import joined
from ..protocol.cancellation import CancelCheck, raise_if_cancelled
from ..protocol.failures import RequestFailure
from ..protocol.motions import Take
from ..protocol.requests import MODEL_FPS, GenerateRequest, StartState
from .direction import directed, told_frames
from .keys import key_frames, moved_on, on_keys, poses_of

Array = np.ndarray
ProgressCall = Callable[[str, int, int], None]
CLOCK = ("prompts_seconds", "solving_seconds", "cleaning_seconds")


def not_finite() -> RequestFailure:
    """For an answer that holds what is no number."""
    return RequestFailure("not_finite", "The model's answer held values that are not numbers.", "Try another seed.")


def placed_takes(request: GenerateRequest, rotations: Array, path: Array, contacts: Array, betas: Array) -> list[Take]:
    """Raw takes of the request's length, where its keys or its start have them, from motions that may be longer.

    ``rotations`` (B, L, 22, 4) local quaternions, w first, of continuous signs; ``path`` (B, L, 3) metres, y up;
    ``contacts`` (B, L, 6) 0..1; ``betas`` (B, 10).
    """
    takes, start = [], request.start or StartState()
    keys = told_frames(request, key_frames(request))
    for i in range(request.takes):
        turns, steps, planted = (x[i, : request.frames] for x in (rotations, path, contacts))
        if keys is not None and keys.goals.any():
            turns, steps = on_keys(turns, steps, keys)
        else:
            turns, steps = place(turns, steps, start.position, start.heading)
        told = None if request.keys is None or not request.keys.betas.any() else request.keys.betas
        takes.append(_take(request.seed + i, turns, steps, planted, betas[i] if told is None else told))
    return takes


def finished_takes(
    raw: Sequence[Take],
    request: GenerateRequest,
    progress: ProgressCall,
    cancelled: CancelCheck,
    beats: Array | None = None,
) -> tuple[Take, ...]:
    """The takes as they are delivered, each with its figures; ``beats`` (K,) are the frames of those of its music.
    Raises Cancelled between two takes."""
    takes, keys = [], key_frames(request)
    directed_too = request.direction is not None and request.fit
    for i, take in enumerate(raw):
        raise_if_cancelled(cancelled)
        progress("cleaning", i, len(raw))
        if beats is not None and len(beats) and request.clean_up and request.keys is None and request.direction is None:
            take = _take(take.seed, *danced(take.rotations, take.transl, take.contacts, beats), take.betas)
        own = None if keys is None else moved_on(keys, request, take.rotations, take.transl)
        cleaned = _cleaned(take, request, own) if request.clean_up else take
        told: dict[str, Any] = {}
        if directed_too:
            cleaned, told = _directed(cleaned, request, own)
        if request.fit and request.keys is not None:
            cleaned = _fitted(cleaned, poses_of(request.keys))
        report: dict[str, Any] = figures(*((t.rotations, t.transl) for t in (take, cleaned)))
        takes.append(replace(cleaned, report=report | told))
    progress("cleaning", len(raw), len(raw))
    return tuple(takes)


def spent(clock: Sequence[float]) -> dict[str, float]:
    """Seconds of each stage of `CLOCK`, from the moments between which they lie."""
    return {name: round(end - begin, 4) for name, begin, end in zip(CLOCK, clock, clock[1:], strict=False)}


def _take(seed: int, rotations: Array, transl: Array, contacts: Array, betas: Array) -> Take:
    parts = (rot.normalise(rotations), transl, contacts, betas)
    q, path, planted, shape = (np.ascontiguousarray(x, dtype=np.float32) for x in parts)
    return Take(seed, q, path, planted, shape)


def _cleaned(take: Take, request: GenerateRequest, keys: KeyFrames | None) -> Take:
    """Feet planted, jitter smoothed, keys as they were (motion/delivery.py), then put back exactly on its start and
    joined to the motion beside it (motion/seams.py)."""
    start, led = request.start or StartState(), request.direction is not None and request.direction.leads
    # between keys alone the network estimates, and its pelvis is nearer to a recorded one
    give = RECORDED if request.keys_alone else GENERATED
    rotations, transl = deliver(take.rotations, take.transl, take.contacts, keys, give)
    if keys is not None and keys.roots.any():
        rotations, transl = keys.begun(rotations, transl)
    elif not led:
        rotations, transl = on_start(rotations, transl, start.position, start.heading)
    if keys is not None:
        rotations, transl = joined(rotations, transl, take.contacts, keys, give)
    return _take(take.seed, rot.continuous(rotations), transl, take.contacts, take.betas)


def _directed(take: Take, request: GenerateRequest, keys: KeyFrames | None) -> tuple[Take, dict[str, Any]]:
    """The take on its path, through its waypoints, held by its pins (model/direction.py), and what to report of it."""
    rotations, transl, told = directed(take.rotations, take.transl, take.contacts, request, keys)
    if keys is not None:
        rotations, transl = keys.put_back(rotations, transl)
    return _take(take.seed, rot.continuous(rotations), transl, take.contacts, take.betas), told


def _fitted(take: Take, poses: Poses) -> Take:
    """The take with its keys met at their true times, between frames too (motion/fitting.py)."""
    rotations, transl = fitted(take.rotations, take.transl, MODEL_FPS, poses)
    return _take(take.seed, rot.continuous(rotations), transl, take.contacts, take.betas)
