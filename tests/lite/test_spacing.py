"""Poses of clips keyed at wrong times: the model, asked for the motion without them, knows better when they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genmo_blender.lite.pipeline import Pipeline
from genmo_blender.motion import rotations as rot
from genmo_blender.motion.spacing import apart, room, shifts
from genmo_blender.protocol.keys import KeyedPoses
from genmo_blender.protocol.requests import GenerateRequest
from tests.motion.walking import FPS, clips

GAP, OFF, KEYS = 12, 3, 5


def keyed(motion, poses, times) -> KeyedPoses:
    turns = rot.to_rotation_vector(motion[0][poses])
    return KeyedPoses.read(
        {
            "time": times / FPS,
            "root_orient": turns[:, 0],
            "pose_body": turns[:, 1:].reshape(len(poses), -1),
            "trans": motion[1][poses],
            "joint_mask": np.ones((len(poses), 22), bool),
        }
    )


def spaced(model: Pipeline, motion, times: np.ndarray) -> np.ndarray:
    """Whole frames by which poses from every twelfth frame of a motion move that are keyed at some times."""
    poses = GAP * np.arange(KEYS)
    moves, costs = room(times, np.ones(KEYS, bool)), [np.zeros(1)] * KEYS
    for group in ([1, 3], [2]):
        told = np.setdiff1d(np.arange(KEYS), group)
        request = GenerateRequest(duration=times[-1] / FPS, keys=keyed(motion, poses[told], times[told]))
        take = model.generate(request).takes[0]
        for k in group:
            at = (times[k] + np.arange(-moves[k, 0], moves[k, 1] + 1)).astype(int)
            pose, place = motion[0][poses[k]], motion[1][poses[k]]
            costs[k] = apart(take.rotations[at], take.transl[at], pose, place, np.ones(22, bool))
    return shifts(times, moves, costs)


def test_poses_that_are_keyed_too_early_or_late_come_nearer_to_their_time(tmp_path: Path):
    model = Pipeline.load(cache_folder=tmp_path)
    right, wrong = [], []
    for motion in clips().values():
        if len(motion[1]) < GAP * (KEYS - 1) + 1:
            continue
        true = (GAP * np.arange(KEYS)).astype(float)
        right.append(spaced(model, motion, true)[1:-1])
        for early in (-OFF, OFF):
            times = true + np.array([0, early, -early, early, 0])
            wrong.append((times + spaced(model, motion, times) - true)[1:-1])
    off, moved = float(np.mean(np.abs(wrong))), float(np.mean(np.abs(right)))
    print(f"{OFF} frames off before, {off:.2f} after; where none is off, they move by {moved:.2f}")
    assert off < 0.8 * OFF and moved < 0.4 * OFF
