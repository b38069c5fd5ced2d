"""A batch of real windows from the small data of the tests, under level cameras of different yaws."""

import math
from pathlib import Path

import torch

from genmo_blender.engine.conditions.keys import LEVEL_CAMERA
from genmo_blender.engine.representation.rotations import yaw_matrix
from genmo_blender.engine.training import corpus
from genmo_blender.engine.training.batches import Batch, TextBatch
from genmo_blender.engine.training.importers import shards

DATA = Path(__file__).parents[2] / "data" / "motion"
FRAMES = 120


def real_batch(samples=8, shortest=60):
    """(batch, statistics): windows that start and end anywhere in the clips, the odd ones mirrored."""
    built = corpus.build(shards.load(DATA))
    random = torch.Generator().manual_seed(5)
    rows, length = [], []
    for sample in range(samples):
        clip = sample % len(built.length)
        total = int(built.length[clip])
        n = min(total, int(torch.randint(shortest, FRAMES + 1, (1,), generator=random)))
        first = int(built.start[clip]) + int(torch.randint(0, total - n + 1, (1,), generator=random))
        rows.append(first + torch.arange(FRAMES).clamp(max=n - 1) + (sample % 2) * built.half)
        length.append(n)
    rows, length = torch.stack(rows), torch.tensor(length)
    turn = yaw_matrix(torch.rand(samples, 1, generator=random) * 2 * math.pi)
    root = turn @ built.root[rows]
    six = [(LEVEL_CAMERA @ root)[..., :2, :].flatten(-2), root[..., :2, :].flatten(-2)]
    velocity = built.velocity[rows]
    raw = torch.cat([built.pose[rows], torch.zeros(samples, FRAMES, 10), *six, velocity], dim=-1)
    valid = torch.arange(FRAMES) < length[:, None]
    statistics = corpus.statistics_of(built)
    joints = built.joints[rows] @ turn.transpose(-1, -2)
    text = TextBatch(torch.zeros(samples, 1, 4, 8), torch.zeros(samples, 1, FRAMES))
    x0 = statistics.normalise(raw) * valid[..., None]
    told = torch.zeros(samples, dtype=torch.bool)
    return Batch(x0, valid, length, root, joints, built.contacts[rows], velocity, text, told), statistics
