import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.training import distributed
from genmo_blender.protocol.failures import RequestFailure
from tests.engine.training import curve

ROOT = Path(__file__).parents[3]
STEPS = 20


def two_processes(folder, stop, steps=STEPS):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [*torchrun, str(Path(curve.__file__)), str(folder), str(steps), str(stop)],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def losses(folder, steps=STEPS):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, steps + 1))
    return torch.tensor([line["loss"] for line in lines], dtype=torch.float64)


@pytest.fixture(scope="module", autouse=True)
def on():
    """The tests pause other trainers; those that they start themselves go on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
        yield


@pytest.fixture(scope="module")
def alone(on, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    curve.main(folder, STEPS, STEPS + 1)
    return losses(folder)


def test_two_processes_give_the_loss_curve_of_one_at_the_same_global_batch(alone, tmp_path):
    done = two_processes(tmp_path, stop=STEPS + 1)
    assert done.returncode == 0, done.stderr
    assert torch.allclose(losses(tmp_path), alone, rtol=1e-4, atol=0)
    assert alone[-1] < alone[0]


@pytest.mark.long
def test_two_processes_give_the_loss_curve_of_one_for_fifty_steps(tmp_path):
    steps = 50
    curve.main(tmp_path / "one", steps, steps + 1)
    assert two_processes(tmp_path / "two", steps + 1, steps).returncode == 0
    assert torch.allclose(losses(tmp_path / "two", steps), losses(tmp_path / "one", steps), rtol=1e-4, atol=0)


def test_a_run_killed_on_two_processes_and_resumed_on_one_gives_the_same_curve(alone, tmp_path):
    assert two_processes(tmp_path, stop=8).returncode != 0
    with open(tmp_path / "log.jsonl", "a") as log:
        log.write('{"step": 9, "loss": 9.9}\n{"step": 2')  # what a killed run leaves behind
    curve.main(tmp_path, STEPS, STEPS + 1)
    assert torch.allclose(losses(tmp_path), alone, rtol=1e-4, atol=0)


def test_accumulated_passes_give_the_same_curve_as_one_large_pass(alone, tmp_path):
    curve.main(tmp_path, STEPS, STEPS + 1, accumulate=4)
    assert torch.allclose(losses(tmp_path), alone, rtol=1e-4, atol=0)


def test_every_window_belongs_to_one_pass_of_one_process():
    shares = [s for rank in range(3) for s in distributed.World(rank, 3).shares(24, 2)]
    assert [i for s in shares for i in range(s.start, s.stop)] == list(range(24))


def test_a_batch_that_cannot_be_shared_and_a_device_that_is_not_there_are_refused_with_sentences():
    with pytest.raises(RequestFailure, match="cannot be cut into 3 equal parts"):
        distributed.World(0, 3).shares(16, 1)
    with pytest.raises(RequestFailure, match="no device “cuda”" if not torch.cuda.is_available() else "no device “x”"):
        distributed.chosen_device("cuda" if not torch.cuda.is_available() else "x")
    assert distributed.chosen_device("cpu") == torch.device("cpu")
