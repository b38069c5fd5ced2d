"""Takes of the bundled model equal the engine's: within 1e-3 rad and 1 mm, as delivered and raw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.engine.pipeline import Pipeline as TorchPipeline
from genmo_blender.lite.pipeline import Pipeline
from genmo_blender.motion import rotations as rot
from genmo_blender.protocol.cancellation import Cancelled
from genmo_blender.protocol.failures import ModelFailure, RequestFailure
from genmo_blender.protocol.motions import Take
from genmo_blender.protocol.requests import Attachment, GenerateRequest, StartState, TextSpan, with_crossfades
from tests.engine.test_pipeline import checkpoint

RADIANS, METRES = 1e-3, 1e-3


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pipeline, TorchPipeline]:
    """The bundled model in numpy and in torch."""
    folder = tmp_path_factory.mktemp("caches")
    return Pipeline.load(None, folder / "numpy"), TorchPipeline.load(None, folder / "torch")


def assert_same(ours: Take, expected: Take) -> None:
    turn = rot.multiply(rot.conjugate(ours.rotations.astype(float)), expected.rotations.astype(float))
    assert np.linalg.norm(rot.to_rotation_vector(turn), axis=-1).max() < RADIANS
    assert np.abs(ours.transl - expected.transl).max() < METRES
    assert np.abs(ours.contacts - expected.contacts).max() < 1e-3
    assert np.abs(ours.betas - expected.betas).max() < 1e-3
    assert ours.seed == expected.seed and ours.report.keys() == expected.report.keys()
    for dtype in (ours.rotations, ours.transl, ours.contacts, ours.betas):
        assert dtype.dtype == np.float32


REQUESTS = {
    "one text over the range": GenerateRequest(3.0, (TextSpan("a person walks forward", 0.0, 3.0),)),
    "windows that fade into one another": GenerateRequest(
        5.0,
        with_crossfades(
            (TextSpan("someone jumps twice", 0.0, 2.0), TextSpan("a person sits down", 2.0, 5.0, 1.6)), 8 / 30
        ),
        start=StartState((1.5, 0.9, -2.0), 2.1),
    ),
    "gaps and an overlap": GenerateRequest(
        6.0,
        (
            TextSpan("a person waves with the left hand", 0.5, 2.0),
            TextSpan("a person kicks with the right leg", 3.0, 5.0, 0.7),
            TextSpan("a person turns around", 4.0, 5.5),
        ),
    ),
    "no text at all": GenerateRequest(2.0),
    "longer than three windows": GenerateRequest(14.0, (TextSpan("a person runs in a circle", 0.0, 14.0),), steps=10),
}


@pytest.mark.parametrize("seed", [1, 4207])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_take_equals_the_engines(both: tuple[Pipeline, TorchPipeline], name: str, seed: int) -> None:
    for clean_up in (False, True):
        request = replace(REQUESTS[name], seed=seed, clean_up=clean_up)
        ours, expected = (pipeline.generate(request) for pipeline in both)
        assert_same(ours.takes[0], expected.takes[0])
        assert ours.report.keys() == expected.report.keys()


def test_several_takes_follow_their_seeds(both: tuple[Pipeline, TorchPipeline]) -> None:
    request = replace(REQUESTS["one text over the range"], takes=3, seed=9, guidance=4.0)
    ours, expected = (pipeline.generate(request).takes for pipeline in both)
    assert [take.seed for take in ours] == [9, 10, 11]
    for pair in zip(ours, expected, strict=True):
        assert_same(*pair)


def test_capabilities_say_what_the_engine_says_of_text(both: tuple[Pipeline, TorchPipeline]) -> None:
    ours, expected = (pipeline.capabilities for pipeline in both)
    assert replace(expected, device="cpu", precision="fp32") == ours and ours.strips == ("text", "keys", "music")


def test_the_same_request_gives_the_same_bytes_and_progress_counts_to_the_end(
    both: tuple[Pipeline, TorchPipeline],
) -> None:
    seen: list[tuple[str, int, int]] = []
    request = replace(REQUESTS["windows that fade into one another"], steps=4)
    first, second = (both[0].generate(request, lambda *a: seen.append(a)).takes[0] for _ in range(2))
    assert first.rotations.tobytes() == second.rotations.tobytes()
    assert ("prompts", 2, 2) in seen and ("solving", 4, 4) in seen and ("cleaning", 1, 1) in seen
    steps: list[int] = []
    with pytest.raises(Cancelled):
        both[0].generate(request, lambda s, d, o: steps.append(d) if s == "solving" else None, lambda: bool(steps))
    assert steps == [1]


def test_what_only_the_engine_can_do_is_refused_in_a_sentence(
    both: tuple[Pipeline, TorchPipeline], tmp_path: Path
) -> None:
    film = Attachment("film.mp4", "0" * 64, 10)
    with pytest.raises(RequestFailure, match="film.mp4.*neither footage nor voices.*Set up the engine"):
        both[0].generate(replace(REQUESTS["no text at all"], attachments=(film,)))
    made = checkpoint()
    other = replace(made, record=replace(made.record, text_encoder="t5-3b", strips=("text", "footage", "speech")))
    save_checkpoint(tmp_path / "large.safetensors", other)
    with pytest.raises(ModelFailure, match="t5-3b.*Set up the engine"):
        Pipeline.load(tmp_path / "large.safetensors")
    wide = replace(made, record=replace(made.record, strips=("text", "footage", "speech")))
    save_checkpoint(tmp_path / "wide.safetensors", wide)
    assert Pipeline.load(tmp_path / "wide.safetensors", tmp_path).capabilities.strips == ("text", "keys", "music")


def test_a_bad_request_is_refused_as_by_the_engine(both: tuple[Pipeline, TorchPipeline]) -> None:
    for request in (GenerateRequest(0.03), GenerateRequest(400.0), replace(REQUESTS["no text at all"], seed=-4)):
        told = []
        for pipeline in both:
            with pytest.raises(RequestFailure) as caught:
                pipeline.generate(request)
            told.append(caught.value.to_dict())
        assert told[0] == told[1]
