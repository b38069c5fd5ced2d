import json
import os
import threading
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from genmo_blender.engine.checkpoint import load_checkpoint, save_checkpoint
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.training import corpus, loop, presets, running, state
from genmo_blender.engine.training.command import checkpoint_of
from genmo_blender.engine.training.importers import shards
from genmo_blender.protocol.failures import ModelFailure, RequestFailure, StorageFailure
from tests.engine.training import curve

DATA = Path(__file__).parents[2] / "data" / "motion"


@pytest.fixture(scope="module")
def built():
    return corpus.build(shards.load(DATA))


@pytest.fixture(scope="module")
def small():
    return curve.small_preset()


def trainer(built, small, seed=0, **more):
    return curve.small_trainer(built, small, seed, **more)


def weights(trained):
    return torch.cat([p.detach().flatten() for p in trained.network.parameters()])


def test_training_lowers_the_loss_and_reaches_every_parameter_of_its_task(built, small):
    one = trainer(built, small)
    first = sum(one.step(0.1)["loss"] for _ in range(5))
    for _ in range(60):
        one.step(0.1)
    assert sum(one.step(0.1)["loss"] for _ in range(5)) < 0.8 * first
    untouched = [n for n, p in one.state.network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Conditions without data here keep their slots, kinds of sentences are found and not learned; nothing else is dead.
    slots = ("conditions.", "denoiser.heads.pred_cam_head", "denoiser.embed_sentence.kinds")
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

    running.run(one, running.Budget(steps=4), tmp_path, keep, validation=trainer(built, small), report_every=2)
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


def test_weights_of_before_the_bypass_go_on_with_one_that_is_nothing_yet(built, small, tmp_path):
    before = replace(small, network=replace(small.network, head_bypass=False))
    one, path = trainer(built, before), tmp_path / "genmo_mini.safetensors"
    save_checkpoint(path, checkpoint_of(one.state, before, one.statistics, ("encoder", "hash"), "data"), half=False)
    again = state.new_state(small, 5, path).network.state_dict()
    assert all(torch.equal(again[k], v) for k, v in one.state.average.items())
    added = {k: v for k, v in again.items() if k not in one.state.average}
    assert len(added) == 2 and not any(bool(v.any()) for v in added.values())


def test_resuming_nothing_and_an_unknown_preset_are_refused_with_sentences(built, small, tmp_path):
    with pytest.raises(StorageFailure, match="no run to resume"):
        state.load_state(state.new_state(small, 0), tmp_path)
    with pytest.raises(RequestFailure, match="no training preset"):
        presets.preset("huge")


def test_the_trainer_does_not_wait_for_the_process_that_started_it(tmp_path, monkeypatch):
    (tmp_path / str(os.getpid())).touch()
    monkeypatch.setenv("GENMO_PAUSED_BY", str(os.getpid()))
    running.wait_while_paused(tmp_path)


def test_the_trainer_holds_until_the_process_that_asked_for_quiet_lets_go(tmp_path, monkeypatch):
    monkeypatch.delenv("GENMO_PAUSED_BY", raising=False)  # set when build.py runs this
    held = tmp_path / str(os.getpid())
    held.touch()
    (tmp_path / "999999999").touch()  # a dead process's file holds nobody up
    threading.Timer(0.2, held.unlink).start()
    running.wait_while_paused(tmp_path, interval=0.05)
    assert not held.exists()


def test_a_step_whose_gradient_is_no_number_changes_nothing(built, small):
    one = trainer(built, small)
    one.step(0.1)
    before, losses = weights(one.state).clone(), one.losses

    def poisoned(*arguments):
        return {k: v * float("nan") for k, v in losses(*arguments).items()}

    one.losses = poisoned
    assert not torch.isfinite(one.step(0.1)["grad_norm"])
    assert torch.equal(weights(one.state), before)
    one.losses = losses
    assert torch.isfinite(one.step(0.1)["loss"]) and not torch.equal(weights(one.state), before)


def test_in_half_precision_the_losses_are_near_those_in_full_and_the_weights_stay_full(built, small):
    full, half = trainer(built, small), trainer(built, small, half=True)
    a, b = full.step(0.1), half.step(0.1)
    assert torch.isclose(a["loss"], b["loss"], rtol=0.05) and a["loss"] != b["loss"]
    assert all(p.dtype == torch.float32 for p in half.state.network.parameters())


def test_the_learning_rate_follows_the_run_or_is_halved_at_the_epochs_that_a_preset_names(small):
    rates = [loop.learning_rate(small, 1000, progress, 0.0) for progress in (0.0, 0.5, 1.0)]
    assert rates[0] == small.learning_rate > rates[1] > rates[2]
    assert rates[2] == pytest.approx(small.final_rate * small.learning_rate)
    official = presets.presets()["official"]
    halved = [loop.learning_rate(official, 5, 0.5, epoch) for epoch in (499.9, 500, 749.9, 750)]
    assert halved == [2e-4, 1e-4, 1e-4, 5e-5]


def test_a_run_with_a_time_to_keep_ends_with_it_and_with_a_low_rate(built, small, tmp_path, monkeypatch):
    ticks = count()
    clock = SimpleNamespace(monotonic=lambda: 0.05 * next(ticks), sleep=time.sleep)
    monkeypatch.setattr(running, "time", clock)  # a clock of its own: how fast the machine is decides nothing
    one = trainer(built, small)
    budget = running.Budget(seconds=1.0)
    running.run(one, budget, tmp_path, lambda trained: None, report_every=1)
    assert budget.progress(one.state) >= 1 and 5 <= one.state.step <= 10
    assert one.state.optimiser.param_groups[0]["lr"] < 0.5 * small.learning_rate
    spent = one.state.spent
    again = state.load_state(state.new_state(small, 0), tmp_path)
    assert again.spent == spent  # a resumed run has only what is left


def test_a_state_knows_its_statistics_and_the_steps_since_the_last_line(built, small, tmp_path):
    one = trainer(built, small)
    one.state.statistics = one.statistics
    running.run(one, running.Budget(steps=3), tmp_path, lambda trained: None, report_every=2)
    again = state.load_state(state.new_state(small, 0), tmp_path)
    assert torch.equal(again.statistics.mean, one.statistics.mean)


def test_a_killed_run_s_log_is_that_of_an_unbroken_one(built, small, tmp_path):
    def lines(folder):
        return [json.loads(x) | {"seconds": 0} for x in (folder / "log.jsonl").read_text().splitlines()]

    def kill(trained):
        if trained.step == 3:
            raise KeyboardInterrupt

    for folder, save in (("whole", lambda trained: None), ("broken", kill)):
        one = trainer(built, small)
        try:
            running.run(one, running.Budget(steps=6), tmp_path / folder, save, every_seconds=0.0, report_every=2)
        except KeyboardInterrupt:
            one = trainer(built, small, 0)
            state.load_state(one.state, tmp_path / folder)
            assert one.state.step == 3
            running.run(one, running.Budget(steps=6), tmp_path / folder, lambda trained: None, report_every=2)
    assert lines(tmp_path / "whole") == lines(tmp_path / "broken")


def test_weights_and_states_of_another_network_and_damaged_ones_are_refused_with_sentences(built, small, tmp_path):
    one = trainer(built, small)
    other = curve.small_preset(network=replace(small.network, latent_dim=64))
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, checkpoint_of(one.state, small, one.statistics, ("encoder", "hash"), "data"))
    with pytest.raises(ModelFailure, match="weights.safetensors is of another network than the preset's, which is 64"):
        state.new_state(other, 0, path)
    state.save_state(one.state, tmp_path)
    with pytest.raises(StorageFailure, match="another network than this preset's"):
        state.load_state(state.new_state(other, 0), tmp_path)
    saved = tmp_path / state.STATE_NAME
    saved.write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(StorageFailure, match="damaged"):
        state.load_state(state.new_state(small, 0), tmp_path)


def test_the_larger_mini_fits_its_file():
    network = GenmoNetwork(presets.preset("mini_256").network)
    assert 2 * sum(v.numel() for v in network.state_dict().values()) <= 22e6  # in half precision


def test_a_share_of_a_batch_draws_what_the_whole_batch_draws_there(built, small):
    one = trainer(built, replace(small, batch=80))
    t, noise = one.noise(3, slice(0, 40))
    own = slice(12, 37)  # parts of three blocks
    some_t, some_noise = one.noise(3, own)
    rows = [*range(12, 37), *range(52, 77)]
    assert torch.equal(t[rows], some_t) and torch.equal(noise[rows], some_noise)
    assert len(torch.unique(noise[:, 0, 0])) == 80 and 0 <= t.min() and t.max() < 1000
    other = one.draws(3, slice(0, 40), stream=1).normal(2)
    assert not torch.any(torch.isclose(other[:, 0], noise[:, 0, 0]))


def test_a_preset_can_give_most_of_its_samples_to_the_noise_levels_at_which_the_text_decides(built, small):
    def noisy(share):
        one = trainer(built, replace(small, batch=400, noisy_share=share))
        t = torch.cat([one.noise(step, slice(0, 200))[0] for step in range(5)])
        assert 0 <= t.min() and t.max() < 1000
        return (t >= 880).float().mean().item()

    assert abs(noisy(0.0) - 0.12) < 0.03
    assert abs(noisy(0.6) - (0.6 + 0.4 * 0.12)) < 0.04


def test_a_preset_can_draw_the_higher_of_the_other_timesteps_more_often(built, small):
    def high(power):
        one = trainer(built, replace(small, batch=400, noisy_share=0.0, timestep_power=power))
        t = torch.cat([one.noise(step, slice(0, 200))[0] for step in range(5)])
        assert 0 <= t.min() and t.max() < 1000
        return (t >= 500).float().mean().item()

    assert abs(high(1.0) - 0.5) < 0.04 and abs(high(0.5) - 0.75) < 0.04
