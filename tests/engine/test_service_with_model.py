"""The engine as Blender starts it, by path, with a real (small, random) model behind the pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genmo_blender.addon.engine_command import local_command
from genmo_blender.engine.checkpoint import save_checkpoint
from genmo_blender.protocol.messages import Cancel, Cancelled, Failed, Generate, NotReady, Progress, Ready, Result
from genmo_blender.protocol.requests import GenerateRequest, TextSpan
from tests.engine.test_pipeline import checkpoint
from tests.protocol.peer import Peer

PACKAGE = Path(__file__).resolve().parents[2] / "genmo_blender"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("modèle 漢") / "tiny model.safetensors"
    save_checkpoint(path, checkpoint())
    return path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Path], Peer]]:
    peers: list[Peer] = []

    def begin(weights: Path) -> Peer:
        command = local_command(Path(sys.executable), PACKAGE, tmp_path, ("--model", str(weights)))
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        peers.append(Peer(list(command), tmp_path / f"log{len(peers)}", cwd=tmp_path, env=environment))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.kill()


def a_job(number: int, steps: int = 3) -> Generate:
    texts = (TextSpan("a person walks forward", 0.0, 1.0), TextSpan("a person waves", 1.0, 2.0))
    return Generate(number, GenerateRequest(2.0, texts, seed=5, takes=2, steps=steps).to_dict())


def test_the_same_request_gives_the_same_bytes_in_another_process_and_after_other_jobs(
    start: Callable[[Path], Peer], weights: Path
) -> None:
    results = []
    for other_jobs in (0, 2):
        peer = start(weights)
        assert peer.until(Ready).capabilities.model == "tiny"
        for number in range(1, other_jobs + 2):
            peer.send(a_job(number))
            result = peer.until(Result).result
        results.append([(t.rotations.tobytes(), t.transl.tobytes(), t.contacts.tobytes()) for t in result.takes])
    assert results[0] == results[1] and len(results[0]) == 2


def test_a_running_job_stops_between_steps_and_the_next_gives_its_own_result(
    start: Callable[[Path], Peer], weights: Path
) -> None:
    peer = start(weights)
    peer.send(a_job(1, steps=1000))
    while peer.until(Progress).stage != "solving":
        pass
    peer.send(Cancel(1))
    assert peer.until(Cancelled).job == 1
    peer.send(a_job(2))
    assert peer.until(Result).job == 2


def test_truncated_weights_are_told_in_a_sentence_and_fail_the_job(
    start: Callable[[Path], Peer], weights: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "half.safetensors"
    damaged.write_bytes(weights.read_bytes()[:5000])
    peer = start(damaged)
    told = peer.until(NotReady).failure
    peer.send(a_job(1))
    failed = peer.until(Failed).failure
    assert type(told) is type(failed) and told.to_dict() == failed.to_dict()
    assert type(told).__name__ == "ModelFailure" and told.sentence and told.remedy and "Traceback" not in str(told)
