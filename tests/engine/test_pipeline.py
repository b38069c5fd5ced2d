"""A request through the real pipeline: real text encoder, real sampler, a small network with random weights."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from genmo_blender.engine.__main__ import main
from genmo_blender.engine.checkpoint import Checkpoint, save_checkpoint
from genmo_blender.engine.conditions.text import load_minilm
from genmo_blender.engine.diffusion.sampler import Guidance
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.pipeline import Pipeline
from genmo_blender.engine.representation.codec import Statistics, official_statistics
from genmo_blender.model.config import NetworkConfig
from genmo_blender.model.record import ModelRecord
from genmo_blender.motion import rotations
from genmo_blender.motion.kinematics import joint_positions
from genmo_blender.motion.skeleton import assets_folder, canonical
from genmo_blender.protocol.cancellation import Cancelled
from genmo_blender.protocol.failures import ModelFailure, RequestFailure
from genmo_blender.protocol.requests import GenerateRequest, StartState, TextSpan


def checkpoint(seed: int = 0) -> Checkpoint:
    torch.manual_seed(seed)
    config = replace(NetworkConfig.mini(), latent_dim=32, layers=2, heads=2)
    encoder = load_minilm(assets_folder() / "text_encoder")
    record = ModelRecord(
        "tiny", config, "genmo_body_22", text_encoder=encoder.name, text_encoder_sha256=encoder.sha256,
        longest_seconds=60.0,
    )  # fmt: skip
    network = GenmoNetwork(config)
    for name, parameter in network.named_parameters():
        if ".gate_" in name:
            torch.nn.init.constant_(parameter, 0.5)
    std = torch.full((151,), 0.3)
    std[148:] = 0.01
    mean = torch.zeros(151)
    mean[:126] = torch.tensor([1.0, 0, 0, 0, 1.0, 0]).repeat(21)
    return Checkpoint(record, Statistics(mean, std), dict(network.state_dict()))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("modèle é") / "tiny model.safetensors"
    save_checkpoint(path, checkpoint())
    return path


@pytest.fixture
def pipeline(weights, tmp_path) -> Pipeline:
    return Pipeline.load(weights, tmp_path / "cache")


def request(**changes) -> GenerateRequest:
    texts = (TextSpan("a person walks forward", 0.0, 1.0), TextSpan("a person waves", 1.0, 2.0))
    return replace(GenerateRequest(2.0, texts, seed=5, steps=4), **changes)


def test_the_same_request_gives_the_same_bytes_and_another_seed_another_motion(pipeline):
    first, second = (pipeline.generate(request()).takes[0] for _ in range(2))
    other = pipeline.generate(request(seed=6)).takes[0]
    assert first.rotations.tobytes() == second.rotations.tobytes()
    assert first.transl.tobytes() == second.transl.tobytes()
    assert not np.allclose(first.rotations, other.rotations)


def test_the_network_is_told_the_facing_at_the_start_for_as_long_as_a_training_window(tmp_path):
    made = checkpoint()
    made.state["conditions.root_goal_embedder.3.weight"].normal_()
    save_checkpoint(tmp_path / "goals.safetensors", made)
    pipeline = Pipeline.load(tmp_path / "goals.safetensors", tmp_path / "cache")
    f_cond = pipeline._inputs(request(duration=5.0, takes=2), lambda *_: None).f_cond
    assert f_cond.shape == (2, 152, 32)  # whole tokens
    assert torch.allclose(f_cond[:, 120:], f_cond[:, 120:121])
    assert bool(((f_cond[:, :120] - f_cond[:, 120:121]).abs().amax(-1) > 1e-3).all())


def test_the_words_and_the_window_they_hold_in_change_the_motion(pipeline):
    plain = pipeline.generate(request(clean_up=False)).takes[0]
    texts = (TextSpan("a person walks forward", 0.0, 1.0), TextSpan("someone sits down", 1.0, 2.0))
    other = pipeline.generate(request(texts=texts, clean_up=False)).takes[0]
    shifted = tuple(replace(t, start=t.start * 0.5, end=t.end * 0.5) for t in request().texts)
    moved = pipeline.generate(request(texts=shifted, clean_up=False)).takes[0]
    assert not np.allclose(plain.rotations, other.rotations, atol=1e-4)
    assert not np.allclose(plain.rotations, moved.rotations, atol=1e-4)


def test_takes_of_one_job_have_seeds_that_follow_one_another_and_differ(pipeline):
    takes = pipeline.generate(request(takes=3)).takes
    assert [t.seed for t in takes] == [5, 6, 7]
    alone = pipeline.generate(request(seed=6)).takes[0]
    assert np.allclose(takes[1].rotations, alone.rotations, atol=2e-3)
    assert not np.allclose(takes[0].rotations, takes[1].rotations, atol=1e-3)


def test_the_motion_starts_where_the_character_stands_and_looks_where_it_looks(pipeline):
    start = StartState((1.5, 0.0, -2.0), 2.1)
    for clean_up in (False, True):
        take = pipeline.generate(request(start=start, clean_up=clean_up)).takes[0]
        assert np.allclose(take.transl[0, [0, 2]], [1.5, -2.0], atol=1e-6)
        assert abs(float(rotations.heading(take.rotations[0, 0].astype(float))) - 2.1) < 1e-5


def test_turning_the_start_turns_the_whole_motion(pipeline):
    here = pipeline.generate(request(clean_up=False)).takes[0]
    there = pipeline.generate(request(clean_up=False, start=StartState((0.0, 0.0, 0.0), np.pi / 2))).takes[0]
    body = canonical()
    a = joint_positions(body, here.rotations.astype(float), here.transl.astype(float))
    b = joint_positions(body, there.rotations.astype(float), there.transl.astype(float))
    turned = rotations.rotate(np.broadcast_to(rotations.about_y(np.pi / 2), (*a.shape[:-1], 4)), a)
    assert np.allclose(turned, b, atol=1e-4)


def test_quaternions_are_unit_and_never_flip(pipeline):
    q = pipeline.generate(request()).takes[0].rotations
    assert np.allclose(np.linalg.norm(q, axis=-1), 1, atol=1e-5)
    assert np.all(np.sum(q[1:] * q[:-1], axis=-1) > 0)


def test_progress_counts_every_stage_to_its_end_and_cancel_stops_between_steps(pipeline):
    seen: list[tuple[str, int, int]] = []
    pipeline.generate(request(), lambda *a: seen.append(a))
    assert ("prompts", 2, 2) in seen and ("solving", 4, 4) in seen and ("cleaning", 1, 1) in seen
    steps: list[int] = []
    with pytest.raises(Cancelled):
        pipeline.generate(
            request(steps=50), lambda s, d, o: steps.append(d) if s == "solving" else None, lambda: len(steps) >= 2
        )
    assert len(steps) == 2


def test_a_range_longer_than_the_model_says_it_can_is_refused_with_its_length(pipeline):
    with pytest.raises(RequestFailure, match="61 s long; this model makes at most 60 s"):
        pipeline.generate(request(duration=61.0))


def test_a_prompt_seen_before_needs_no_text_encoder(weights, tmp_path):
    first = Pipeline.load(weights, tmp_path)
    take = first.generate(request()).takes[0]
    second = Pipeline.load(weights, tmp_path)
    second.text_encoder_folder = tmp_path / "gone"
    assert second.generate(request()).takes[0].rotations.tobytes() == take.rotations.tobytes()
    with pytest.raises(ModelFailure):
        second.generate(request(texts=(TextSpan("never seen before", 0.0, 1.0),)))


def run_generate(*arguments: str | Path) -> int:
    return main(["generate", *map(str, arguments)])


def test_the_command_writes_an_amass_like_file(weights, tmp_path):
    out = tmp_path / "motion.npz"
    done = run_generate("--prompt", "0-1: a person walks", "--prompt", "1-2: a person waves", "--seed", "7",
                        "--steps", "3", "--model", weights, "--out", out)  # fmt: skip
    assert done == 0
    with np.load(out, allow_pickle=False) as data:
        shapes = {k: data[k].shape for k in data.files}
        assert shapes == {
            "root_orient": (60, 3), "pose_body": (60, 63), "trans": (60, 3), "betas": (10,),
            "mocap_frame_rate": (), "joints": (60, 22, 3),
        }  # fmt: skip
        assert float(data["mocap_frame_rate"]) == 30.0
        q = rotations.from_rotation_vector(
            np.concatenate([data["root_orient"][:, None], data["pose_body"].reshape(60, 21, 3)], 1)
        )
        assert np.allclose(joint_positions(canonical(), q, data["trans"]), data["joints"], atol=1e-4)
        assert np.allclose(data["joints"][:, 0], data["trans"])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1000]), "damaged or cut short"),
        (lambda p: p.write_bytes(b"no model at all"), "damaged or cut short"),
        (lambda p: p.unlink(), "There is no model file"),
        (lambda p: _rewrite(p, lambda t: t.pop("statistics.mean")), "does not hold the statistics"),
        (lambda p: _rewrite(p, lambda t: t["denoiser.add_cond_linear.bias"].fill_(float("nan"))), "not numbers"),
    ],
)
def test_a_bad_weights_file_is_refused_with_a_sentence_and_no_traceback(weights, tmp_path, capsys, damage, words):
    path = tmp_path / "weights é.safetensors"
    path.write_bytes(weights.read_bytes())
    damage(path)
    done = run_generate("--prompt", "0-2: a person walks", "--model", path, "--out", tmp_path / "m.npz")
    told = capsys.readouterr().err
    assert done == 1 and words in told and "Traceback" not in told
    assert not (tmp_path / "m.npz").exists()


def test_what_is_no_file_stays_and_a_name_too_long_is_told(weights, tmp_path, capsys):
    pipe = tmp_path / "pipe.npz"
    os.mkfifo(pipe)
    for out, words in ((pipe, "is not a file"), (tmp_path / ("n" * 253), "could not be written")):
        done = run_generate("--prompt", "0-1: a person walks", "--model", weights, "--out", out)
        told = capsys.readouterr().err
        assert done == 1 and words in told and "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir() if not path.is_file()] == ["pipe.npz"] and pipe.is_fifo()


def test_words_that_are_not_heard_are_told(tmp_path, capsys):
    long = "a person " + "walks and waves " * 30
    done = run_generate("--prompt", "0-1: a person walks 🕺", "--prompt", f"1-2: {long}", "--steps", "1",
                        "--out", tmp_path / "m.npz")  # fmt: skip
    told = capsys.readouterr().err
    assert done == 0 and "Not understood: 🕺" in told and "words count" in told


def _rewrite(path: Path, change) -> None:
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, header["__metadata__"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prompt", "walk forward"], "has no range"),
        (["--prompt", "0-4:   "], "has no words"),
        (["--prompt", "3-2: walk"], "ends before it starts"),
        (["--prompt", "0-0.03: walk"], "too short"),
        (["--prompt", "0-2: walk", "--seed", "-4"], "seed"),
        ([], "no prompt and no length"),
    ],
)
def test_bad_arguments_get_a_sentence(weights, tmp_path, capsys, arguments, words):
    done = run_generate(*arguments, "--model", weights, "--out", tmp_path / "m.npz")
    told = capsys.readouterr().err
    assert done == 1 and words in told and "Traceback" not in told


def test_a_converted_official_checkpoint_generates_with_the_t5_that_the_user_has(tmp_path):
    """The road of spec 5.2 for the official network: tiny sizes, everything else as converted."""
    torch.manual_seed(1)
    config = NetworkConfig(latent_dim=16, layers=1, heads=2, text_dim=8)
    record = ModelRecord("gem_smpl", config, "smplx_neutral", text_encoder="t5-3b", gravity_view="down")
    state = dict(GenmoNetwork(config).state_dict())
    save_checkpoint(tmp_path / "official.safetensors", Checkpoint(record, official_statistics(), state))
    down = Pipeline.load(tmp_path / "official.safetensors", tmp_path)
    assert down.model.guidance(2.5) == Guidance.everything(2.5)
    assert torch.equal(down.model.upright, torch.diag(torch.tensor([-1.0, -1.0, 1.0])))
    take = down.generate(request(texts=(), clean_up=False)).takes[0]
    assert take.rotations.shape == (61, 22, 4)
    with pytest.raises(ModelFailure):
        down.generate(request())  # words need the T5, which is not there


def test_every_take_reports_its_jerk_and_slide_before_and_after_the_clean_up(pipeline):
    report = pipeline.generate(request()).takes[0].report
    assert set(report) == {f"{a}_{b}" for a in ("raw", "delivered") for b in ("jerk_mps3", "toe_slide_cmps")}
    assert 0 < report["delivered_jerk_mps3"] < report["raw_jerk_mps3"]
