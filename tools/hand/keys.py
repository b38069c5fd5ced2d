"""Keys and range ends, in Blender: poses of recorded clips keyed by hand, and middles of clips made anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ..bench_bars import stage
from ..figures import Table
from . import acting, pops
from .clips import Recorded

Array = np.ndarray
RATES = (24, 30, 60)
LONGEST = 4.0
FASTER = 1.25
"""The most that a joint may be faster than it is beside; asked of the recording too, which shows what it is worth."""
KEYS = 5
BEFORE, MIDDLE = 1.0, 2.0
"""Seconds of a clip that are known on either side of the middle that is made, and that middle."""


def keys(table: Table, clips: Sequence[Recorded]) -> None:
    """A few poses of each clip keyed; what is made between them goes through them."""
    pipeline = stage.module("lite.pipeline").Pipeline.load()
    for i, clip in enumerate(clips):
        fps = RATES[i % len(RATES)]
        _keyed(table, clip, fps, i, i // len(RATES) % 2 == 1, pipeline)


def _keyed(table: Table, clip: Recorded, fps: int, seed: int, worded: bool, pipeline: Any) -> None:
    """``worded``: the clip's sentence is told as well."""
    length = min(LONGEST, (len(clip.path) - 1) / 30.0)
    last = 1 + int(length * fps)
    target = acting.fresh(fps, 1, last)
    if worded:
        bpy.ops.genmo.add_text_strip(text=clip.text, start=1, end=last + 1)
    moments = np.linspace(1, last, KEYS).round()
    moments[2] += 0.25  # one on a subframe
    acting.key_by_hand(target, acting.at_times(clip, (moments - 1) / fps), moments)
    asked, turned = acting.played(target, moments)
    name = f"{clip.name} {fps} fps{', told' if worded else ''}"
    scene = bpy.context.scene
    request = stage.module("addon.services.generate").order(scene, scene, target, 1, seed + 1).request
    _unfitted(table, name, request, pipeline)
    acting.generate(seed + 1)
    found, turns = acting.played(target, moments)
    table.add("keys: joint's miss in Blender, mm", 0.5, 1000 * np.linalg.norm(found - asked, axis=-1).max(), name)
    table.add("keys: bone's miss in Blender, degrees", 0.05, acting.degrees_between(turned, turns).max(), name)
    joints, _ = acting.played(target, np.arange(1, last + 1))
    inner = [int(round(m)) - 1 for m in moments[1:-1]]
    recorded = acting.at_times(clip, np.arange(last) / fps)
    really = _joints(recorded.rotations, recorded.path)
    for kind, motion in (("", joints), (", the recording", really)):
        table.add(f"keys: worst joint's speed / beside them{kind}", FASTER, pops.speeding(motion, fps, inner), name)
        mean = pops.speeding_mean(motion, fps, inner)
        table.add(f"keys: joints' mean speed / beside them{kind}", FASTER, mean, name)
        table.add(f"keys: acceleration at / beside them{kind}", None, pops.sharpening(motion, inner), name)


def _unfitted(table: Table, name: str, request: Any, pipeline: Any) -> None:
    """How far the model's answer is from the keys before it is bent to them."""
    fitting = stage.module("motion.fitting")
    take = pipeline.generate(replace(request, fit=False)).takes[0]
    poses = stage.module("model.keys").poses_of(request.keys)
    q, path = stage.module("motion.resampling").resample(take.rotations, take.transl, 30.0, poses.time)
    away = np.linalg.norm(_joints(q, path) - _joints(poses.rotations, poses.path), axis=-1).max()
    table.add("keys: joint's miss before fitting, cm", 3.0, 100 * away, name)
    angle = fitting.misses(take.rotations, take.transl, 30.0, poses).angle.max()
    table.add("keys: joint's miss before fitting, degrees", None, np.degrees(angle), name)


def ends(table: Table, clips: Sequence[Recorded]) -> None:
    """The middle of each clip that is long enough, made anew between what it does before and after."""
    for i, clip in enumerate(clips):
        if len(clip.path) < 30 * (2 * BEFORE + MIDDLE) + 2:
            continue
        fps = RATES[i % len(RATES)]
        first, last = 1 + round(BEFORE * fps), 1 + round((BEFORE + MIDDLE) * fps)
        end = last + round(BEFORE * fps)
        target = acting.fresh(fps, first, last)
        acting.play(target, clip, fps, 1, end)
        really, _ = acting.played(target, np.arange(1, end + 1))
        bpy.ops.genmo.add_text_strip(text=clip.text, start=first, end=last + 1)
        acting.generate(i + 1)
        joints, _ = acting.played(target, np.arange(1, end + 1))
        name = f"{clip.name} {fps} fps"
        outside = [*range(first - 1), *range(last, end)]
        table.add("ends: outside the range moved, mm", 0.001, 1000 * np.abs(joints - really)[outside].max(), name)
        for kind, motion in (("", joints), (", the recording", really)):
            at = [first - 1, last - 1]
            every = [k + d for k in at for d in (-1, 0, 1)]
            table.add(f"ends: worst joint's speed / beside them{kind}", FASTER, pops.speeding(motion, fps, every), name)
            mean = pops.speeding_mean(motion, fps, every)
            table.add(f"ends: joints' mean speed / beside them{kind}", FASTER, mean, name)
            table.add(f"ends: acceleration at / beside them{kind}", None, pops.sharpening(motion, at), name)


def _joints(rotations: Array, path: Array) -> Array:
    found: Array = stage.module("motion.kinematics").joint_positions(
        stage.module("motion.skeleton").canonical(), np.asarray(rotations, float), np.asarray(path, float)
    )
    return found
