"""Keys and songs through the sampler, without a request."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.conditions.keys import keyed_motion
from genmo_blender.engine.models import Model, load_model
from genmo_blender.engine.network.conditions import ConditionInputs
from genmo_blender.engine.pipeline import Pipeline
from genmo_blender.engine.representation.rotations import quaternion_to_matrix
from genmo_blender.engine.solve import solve, standing_start, whole_tokens, world_motion
from genmo_blender.protocol.requests import GenerateRequest
from tests.engine.evaluation.clips import clips
from tests.engine.test_pipeline import checkpoint

FRAMES = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    made = checkpoint()
    for name, value in made.state.items():
        if "root_goal_embedder.3" in name or "key_mask_embedder" in name or "cond_exists_embedder" in name:
            value.normal_(std=0.3)
        if "music_embedder" in name:
            value.normal_(std=0.3)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, made)
    return load_model(path, torch.device("cpu"))


def keys_of_a_walk(model: Model):
    clip = clips()["cmu_16_15"]
    rotations = quaternion_to_matrix(torch.from_numpy(clip.rotations[None, :FRAMES]).float())
    path = torch.from_numpy(clip.transl[None, :FRAMES]).float()
    known = torch.zeros(1, FRAMES, 22, dtype=torch.bool)
    known[:, :10] = True
    known[:, 30] = True
    return keyed_motion(rotations, path, known, model.statistics)


def test_a_seed_gives_the_motion_that_a_request_gives(model, tmp_path):
    told = ConditionInputs(root_goal=standing_start(model, FRAMES))
    motion = world_motion(model, solve(model, told, FRAMES, [7, 8], steps=3, guidance=2.5))
    assert motion.rotations.shape == (2, FRAMES, 22, 4) and motion.path.shape == (2, FRAMES, 3)
    pipeline = Pipeline(model, cache=None, text_encoder_folder=tmp_path)  # type: ignore[arg-type]
    take = pipeline.generate(GenerateRequest((FRAMES - 1) / 30, seed=8, steps=3, clean_up=False)).takes[0]
    np.testing.assert_allclose(np.abs(take.rotations[:, 1:]), np.abs(motion.rotations[1, :, 1:]), atol=1e-5)


def test_keys_are_imposed_and_announced(model):
    keys = keys_of_a_walk(model)
    plain, keyed, silent = (
        solve(model, told, FRAMES, [3], steps=4, guidance=1.0, keys=imposed).pred_x
        for told, imposed in ((ConditionInputs(), None), (keys.inputs, keys), (ConditionInputs(), keys))
    )
    assert not torch.allclose(plain, silent, atol=1e-3), "imposing alone changes the motion"
    assert not torch.allclose(keyed, silent, atol=1e-3), "the mask and the goals are heard"


def test_a_song_is_guided_and_silence_is_not(model):
    song = torch.randn(1, FRAMES, 35, generator=torch.Generator().manual_seed(2))
    heard = ConditionInputs(encoded_music=song, has_music=torch.ones(1, FRAMES, dtype=torch.bool))
    weak, strong = (solve(model, heard, FRAMES, [3], steps=3, guidance=g).pred_x for g in (1.0, 3.0))
    assert not torch.allclose(weak, strong, atol=1e-3)
    still = [solve(model, ConditionInputs(), FRAMES, [3], steps=3, guidance=g).pred_x for g in (1.0, 3.0)]
    assert torch.equal(*still)


def test_frames_are_filled_up_to_whole_tokens(model):
    assert [whole_tokens(model, n) for n in (1, 4, 26, 131)] == [4, 4, 28, 132]
