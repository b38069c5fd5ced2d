import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.checkpoint import load_checkpoint, save_checkpoint
from genmo_blender.engine.network.config import NetworkConfig
from genmo_blender.engine.training import corpus, loop, presets, state
from genmo_blender.engine.training.command import checkpoint_of
from genmo_blender.engine.training.importers import shards
from genmo_blender.protocol.failures import RequestFailure, StorageFailure

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


@pytest.fixture(scope="module")
def small():
    network = replace(NetworkConfig.mini(), latent_dim=32, layers=2, heads=2, text_dim=8, text_tokens=4)
    return replace(presets.preset("mini"), network=network, batch=4, warm_up=5)


def trainer(built, small, seed=0):
    generator = torch.Generator().manual_seed(11)
    features = torch.randn(len(built.sentences), 4, 8, generator=generator).half()
    return loop.Trainer(built, features, corpus.statistics_of(built), small, state.new_state(small, seed), seed)


def weights(trained):
    return torch.cat([p.detach().flatten() for p in trained.network.parameters()])


def test_training_lowers_the_loss_and_reaches_every_parameter_of_its_task(built, small):
    one = trainer(built, small)
    first = sum(one.step(0.1)["loss"] for _ in range(5))
    for _ in range(60):
        one.step(0.1)
    assert sum(one.step(0.1)["loss"] for _ in range(5)) < 0.8 * first
    untouched = [n for n, p in one.state.network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Conditions without data here keep their slots; nothing else may be dead.
    slots = ("conditions.", "denoiser.heads.pred_cam_head")
    assert not [n for n in untouched if not n.startswith(slots)], untouched


def test_the_same_seed_gives_the_same_weights_and_another_seed_does_not(built, small):
    runs = [trainer(built, small, seed) for seed in (3, 3, 4)]
    for one in runs:
        for _ in range(3):
            one.step(0.1)
    assert torch.equal(weights(runs[0].state), weights(runs[1].state))
    assert not torch.equal(weights(runs[0].state), weights(runs[2].state))


def test_a_resumed_run_goes_on_as_the_unbroken_one(built, small, tmp_path):
    unbroken = trainer(built, small)
    for _ in range(6):
        unbroken.step(0.1)
    first = trainer(built, small)
    for _ in range(3):
        first.step(0.1)
    state.save_state(first.state, tmp_path)
    second = trainer(built, small, 0)
    state.load_state(second.state, tmp_path)
    for _ in range(3):
        second.step(0.1)
    assert torch.equal(weights(unbroken.state), weights(second.state))
    assert all(torch.equal(a, second.state.average[k]) for k, a in unbroken.state.average.items())


def test_a_run_writes_its_log_and_its_average_as_a_checkpoint(built, small, tmp_path):
    one = trainer(built, small)
    path = tmp_path / "genmo_mini.safetensors"

    def keep(trained):
        save_checkpoint(path, checkpoint_of(trained, small, one.statistics, ("encoder", "hash"), "data"))

    loop.run(one, loop.Budget(steps=4), tmp_path, keep, validation=trainer(built, small), report_every=2)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 3
    saved = load_checkpoint(path)
    assert saved.record.card["steps"] == 4 and torch.equal(saved.statistics.mean, one.statistics.mean)
    for name, value in saved.state.items():
        assert torch.allclose(value, one.state.average[name].float(), atol=2e-3, rtol=1e-3)


def test_going_on_from_committed_weights_alone_starts_with_them(built, small, tmp_path):
    one = trainer(built, small)
    one.step(0.1)
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, checkpoint_of(one.state, small, one.statistics, ("encoder", "hash"), "data"), half=False)
    again = state.new_state(small, 5, path)
    assert all(torch.equal(again.network.state_dict()[k], v) for k, v in one.state.average.items())
    assert again.step == 0


def test_resuming_nothing_and_an_unknown_preset_are_refused_with_sentences(built, small, tmp_path):
    with pytest.raises(StorageFailure, match="no run to resume"):
        state.load_state(state.new_state(small, 0), tmp_path)
    with pytest.raises(RequestFailure, match="no training preset"):
        presets.preset("huge")


def test_the_trainer_does_not_wait_for_the_process_that_started_it(tmp_path, monkeypatch):
    (tmp_path / str(os.getpid())).touch()
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    loop.wait_while_paused(tmp_path)


def test_the_trainer_holds_until_the_process_that_asked_for_quiet_lets_go(tmp_path, monkeypatch):
    monkeypatch.delenv("GENMO_PAUSED_BY", raising=False)  # set when build.py runs this
    held = tmp_path / str(os.getpid())
    held.touch()
    (tmp_path / "999999999").touch()  # a dead process's file holds nobody up
    threading.Timer(0.2, held.unlink).start()
    loop.wait_while_paused(tmp_path, interval=0.05)
    assert not held.exists()
