"""Keys and music in numpy as in torch: conditions, imposing, and whole takes of a request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.conditions.keys import keyed_motion as torch_keys
from genmo_blender.engine.pipeline import Pipeline as TorchPipeline
from genmo_blender.engine.representation.codec import Statistics as TorchStatistics
from genmo_blender.engine.representation.rotations import quaternion_to_matrix
from genmo_blender.engine.solve import imposing as torch_imposing
from genmo_blender.lite.codec import Statistics
from genmo_blender.lite.imposing import Imposing
from genmo_blender.lite.keys import keyed_motion
from genmo_blender.lite.pipeline import Pipeline
from genmo_blender.model import takes
from genmo_blender.model.keys import as_told, key_frames, poses_of
from genmo_blender.motion.fitting import misses
from genmo_blender.protocol.attachments import attachment_of
from genmo_blender.protocol.failures import RequestFailure, StorageFailure
from genmo_blender.protocol.requests import GenerateRequest, MusicSpan, StartState, TextSpan, with_crossfades
from tests.engine.conditions.sounds import RATE, clicks, write_wave
from tests.engine.keyed_requests import keys_of_a_walk
from tests.engine.test_pipeline import checkpoint
from tests.lite.test_pipeline import assert_same

RNG = np.random.default_rng(6)
MEAN, STD = (x.astype(np.float32) for x in (RNG.normal(size=151) * 0.1, RNG.random(151) * 0.2 + 0.1))
ARMS = (13, 16, 18, 20)

REQUESTS = {
    "whole poses": GenerateRequest(3.0, keys=keys_of_a_walk([0.0, 0.513, 2.0])),
    "a start and a later pose": GenerateRequest(3.0, keys=keys_of_a_walk([1.2]), start=StartState((2.4, 0, -2.2), 0.6)),
    "no start and later poses": GenerateRequest(3.0, keys=keys_of_a_walk([1.2, 1.2333, 2.5])),
    "arms alone": GenerateRequest(3.0, keys=keys_of_a_walk([0.5, 1.5], ARMS), start=StartState((1, 0, 1), -2.0)),
    "the root alone": GenerateRequest(3.0, keys=keys_of_a_walk([0.4, 1.5, 3.0], (0,))),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_network_is_told_the_same_and_its_answer_meets_the_same_keys(name: str) -> None:
    world = key_frames(REQUESTS[name])
    assert world is not None
    told = as_told(world, 92)
    ours = keyed_motion(told, Statistics(MEAN, STD))
    statistics = TorchStatistics(torch.from_numpy(MEAN), torch.from_numpy(STD))
    expected = torch_keys(
        quaternion_to_matrix(torch.from_numpy(told.rotations)[None]).float(),
        torch.from_numpy(told.path)[None].float(),
        torch.from_numpy(told.known)[None],
        statistics,
        torch.tensor([told.start is not None]),
    )
    np.testing.assert_array_equal(ours.mask, expected.mask[0])
    for part in ("observed", "goals", "between"):
        np.testing.assert_allclose(getattr(ours, part), getattr(expected, part)[0], atol=3e-5)
    answer = RNG.normal(size=(2, 92, 151)).astype(np.float32)
    imposed = torch_imposing(expected.of(2), statistics)(torch.from_numpy(answer))
    np.testing.assert_allclose(Imposing(ours, Statistics(MEAN, STD))(answer), imposed, atol=2e-4)


def a_checkpoint(between: bool):
    made = checkpoint()
    heard = ("root_goal_embedder.3", "key_mask_embedder", "cond_exists_embedder", "music_embedder", "between_embedder")
    for name, value in made.state.items():
        if any(part in name for part in heard):
            value.normal_(std=0.3)
    if between:
        return made
    network = replace(made.record.network, between=False)
    state = {k: v for k, v in made.state.items() if "between" not in k and "leaning" not in k}
    return replace(made, record=replace(made.record, network=network), state=state)


@pytest.fixture(scope="module", params=[True, False], ids=["leaning", "plain"])
def both(request, tmp_path_factory) -> tuple[Pipeline, TorchPipeline]:
    """A small network with random weights, with and without the option `between`."""
    folder = tmp_path_factory.mktemp("keys")
    save_checkpoint(folder / "tiny.safetensors", a_checkpoint(request.param))
    path = folder / "tiny.safetensors"
    return Pipeline.load(path, folder / "numpy"), TorchPipeline.load(path, folder / "torch")


@pytest.mark.parametrize("name", REQUESTS)
def test_takes_with_keys_equal_the_engines(both: tuple[Pipeline, TorchPipeline], name: str) -> None:
    for clean_up in (False, True):
        request = replace(REQUESTS[name], clean_up=clean_up, takes=2, steps=5)
        ours, expected = (pipeline.generate(request).takes for pipeline in both)
        for pair in zip(ours, expected, strict=True):
            assert_same(*pair)


def test_words_keys_and_music_together_equal_the_engines(both: tuple[Pipeline, TorchPipeline], tmp_path: Path) -> None:
    song = attachment_of(write_wave(tmp_path / "clicks.wav", clicks(120.0, 12.0), RATE))
    texts = with_crossfades((TextSpan("a person walks", 0.0, 3.0), TextSpan("a person dances", 3.0, 9.0)), 8 / 30)
    request = replace(
        REQUESTS["no start and later poses"],
        duration=9.0,
        texts=texts,
        attachments=(song,),
        music=(MusicSpan(song.sha256, 1.0, 9.0),),
        steps=5,
    )
    ours, expected = (pipeline.generate(request).takes[0] for pipeline in both)
    assert_same(ours, expected)
    silent = both[0].generate(replace(request, music=(), attachments=())).takes[0]
    assert np.abs(silent.rotations - ours.rotations).max() > 1e-3


def test_the_bundled_model_takes_keys_as_the_engine_does(tmp_path: Path) -> None:
    request = replace(REQUESTS["whole poses"], texts=(TextSpan("a person walks forward", 0.0, 3.0),), steps=8)
    ours, expected = (kind.load(None, tmp_path / kind.__module__) for kind in (Pipeline, TorchPipeline))
    assert_same(ours.generate(request).takes[0], expected.generate(request).takes[0])


def test_other_sounds_than_wave_need_the_engine(both: tuple[Pipeline, TorchPipeline]) -> None:
    song = attachment_of(Path(__file__).parents[1] / "data" / "music" / "tone.ogg")
    request = GenerateRequest(2.0, attachments=(song,), music=(MusicSpan(song.sha256, 0.0, 0.5),), steps=2)
    with pytest.raises(StorageFailure, match="tone.ogg cannot be read by the built-in engine"):
        both[0].generate(request)
    assert both[1].generate(request).takes
    with pytest.raises(RequestFailure, match="neither footage nor voices"):
        both[0].generate(replace(request, music=()))


def test_keys_between_frames_are_nearer_at_their_own_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bundled model, before anything is fitted."""
    keys = keys_of_a_walk([0.513, 1.716, 2.483])
    pipeline, request = Pipeline.load(), GenerateRequest(3.0, keys=keys, fit=False)

    def away() -> float:
        take = pipeline.generate(request).takes[0]
        return misses(take.rotations.astype(float), take.transl.astype(float), 30.0, poses_of(keys)).worst[1]

    near = away()
    monkeypatch.setattr(takes, "moved_on", lambda keys, *_: keys)
    assert near < 0.5 * away()
