"""What interpolation says between keys (engine/conditions/between.py) and how the network leans on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genmo_blender.engine.conditions.between import between_keys
from genmo_blender.engine.conditions.keys import keyed_motion
from genmo_blender.engine.network.leaning import Leaning, said_by
from genmo_blender.engine.representation.codec import DIM, Statistics, decode_rotations
from genmo_blender.engine.representation.rotations import axis_angle_to_matrix
from genmo_blender.model.config import BETWEEN_DIM, BETWEEN_PARTS

FRAMES, FIRST, TARGET = 20, 4, 14
RNG = torch.Generator().manual_seed(3)
STATISTICS = Statistics(torch.randn(DIM, generator=RNG) * 0.1, torch.rand(DIM, generator=RNG) * 0.2 + 0.1)


def walk():
    """One that turns and goes, known until FIRST and at TARGET."""
    frame = torch.arange(FRAMES, dtype=torch.float32)
    angles = torch.zeros(1, FRAMES, 22, 3)
    angles[0, :, 0, 1] = 0.05 * frame
    angles[0, :, 5, 0] = 0.03 * frame
    path = torch.stack([0.02 * frame, 0.9 + 0.01 * frame, 0.04 * frame], dim=-1)[None]
    known = torch.zeros(1, FRAMES, 22, dtype=torch.bool)
    known[:, : FIRST + 1] = True
    known[:, TARGET] = True
    return axis_angle_to_matrix(angles), path, known


def test_rotations_turn_evenly_from_key_to_key_and_are_held_behind_the_last():
    rotations, path, known = walk()
    keys = keyed_motion(rotations, path, known, STATISTICS)
    said = decode_rotations(keys.between[..., :DIM], STATISTICS)
    gap = slice(FIRST, TARGET + 1)
    assert torch.allclose(said.body[:, gap], rotations[:, gap, 1:], atol=0.01)
    assert torch.allclose(said.root_gv[:, gap], rotations[:, gap, 0], atol=0.02)
    kept = rotations[:, TARGET : TARGET + 1, 1:].expand(-1, FRAMES - TARGET, -1, -1, -1)
    assert torch.allclose(said.body[:, TARGET:], kept, atol=1e-5)


def test_the_steps_lead_from_one_known_root_to_the_next():
    rotations, path, known = walk()
    keys = keyed_motion(rotations, path, known, STATISTICS)
    said = decode_rotations(keys.between[..., :DIM], STATISTICS)
    world = (said.root_gv @ said.local_transl_vel[..., None])[..., 0]
    travelled = world[0, FIRST:TARGET].sum(0)
    assert torch.allclose(travelled, path[0, TARGET] - path[0, FIRST], atol=1e-4)
    assert keys.between[0, :TARGET, -1].all() and not keys.between[0, TARGET:, -1].any()


def test_only_what_is_keyed_somewhere_is_said():
    rotations, path, known = walk()
    known[..., 1:] = False
    known[:, 2, 3] = True  # one joint, once
    said = said_by(keyed_motion(rotations, path, known, STATISTICS).between)
    assert said[..., 12:18].all() and not said[..., :12].any() and not said[..., 18:136].any()
    assert said[..., 136:148].all()
    none = torch.zeros(1, FRAMES, DIM)
    nothing = between_keys(none, none, torch.zeros(1, FRAMES, 14), STATISTICS)
    assert nothing.shape == (1, FRAMES, BETWEEN_DIM) and not nothing.any()


def test_a_key_is_as_near_as_its_frames():
    rotations, path, known = walk()
    near = keyed_motion(rotations, path, known, STATISTICS).between[0, :, DIM:-1].unflatten(-1, (2, BETWEEN_PARTS))
    assert near[FIRST, 0, 0] == near[TARGET, 1, 0] == 1.0
    assert near[FIRST + 4, 0, 0] == pytest.approx(0.5) and near[TARGET - 4, 1, 0] == pytest.approx(0.5)
    assert not near[TARGET + 1 :, 1].any()


def test_a_path_without_poses_is_said_in_the_axes_of_its_headings():
    """Two known roots that face somewhere: the way between them in the axes of one who turns evenly."""
    goals = torch.zeros(1, 1, 14)
    goals[..., 0:3] = torch.tensor([3.0, 0.0, 0.0])  # metres a second
    goals[..., 3:5] = goals[..., 10:12] = torch.tensor([1.0, 0.0])  # facing +x
    goals[..., 6] = goals[..., 13] = 1.0
    plain = Statistics(torch.zeros(DIM), torch.ones(DIM))
    said = between_keys(torch.zeros(1, 1, DIM), torch.zeros(1, 1, DIM), goals, plain)
    assert said[0, 0, 148:151].tolist() == pytest.approx([0.0, 0.0, 0.1], abs=1e-6)
    assert said[0, 0, -1] == 1.0


def test_the_answer_goes_to_the_interpolated_motion_where_there_is_some():
    rotations, path, known = walk()
    known[..., 10] = False
    keys = keyed_motion(rotations, path, known, STATISTICS)
    leaning = Leaning(8, DIM, 4)
    leaning.trust.bias.data.fill_(20.0)
    motion = torch.randn(1, FRAMES, DIM)
    out = leaning(motion, torch.randn(1, FRAMES // 4, 8), keys.between, torch.tensor([FRAMES]))
    said = said_by(keys.between)
    assert np.array_equal(out[~said].detach(), motion[~said])
    assert torch.allclose(out[said], keys.between[..., :DIM][said], atol=1e-4)
