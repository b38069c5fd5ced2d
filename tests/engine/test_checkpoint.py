"""Our checkpoint: what goes in comes out, and what is wrong with a file is said in a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from genmo_blender.engine.checkpoint import (
    RECORD,
    Checkpoint,
    load_checkpoint,
    load_parameters,
    quirks_of,
    save_checkpoint,
)
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.quirks import OfficialQuirks
from genmo_blender.engine.representation.codec import Statistics
from genmo_blender.model.record import ModelRecord
from genmo_blender.protocol.failures import ModelFailure, StorageFailure

from .network.networks import MINI, SMALL, random_network


@pytest.fixture
def checkpoint() -> Checkpoint:
    record = ModelRecord(
        name="tiny",
        network=MINI,
        skeleton="genmo_body_22",
        text_encoder="minilm",
        text_encoder_sha256="ab" * 32,
        gravity_view="down",
        strips=("text", "music"),
        longest_seconds=60.0,
        licence="CC0-1.0",
        card={"steps": 12, "data": ["a", "b"]},
    )
    return Checkpoint(record, Statistics(torch.randn(151), torch.rand(151) + 0.1), random_network(MINI).state_dict())


@pytest.fixture
def path(tmp_path: Path, checkpoint: Checkpoint) -> Path:
    file = tmp_path / "a model.safetensors"
    save_checkpoint(file, checkpoint, half=False)
    return file


def edited(path: Path, change, record=None) -> Path:
    """The same file with its tensors changed, and perhaps its record."""
    tensors = load_file(path)
    change(tensors)
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
    save_file(tensors, path, metadata if record is None else record)
    return path


def test_a_checkpoint_comes_back_as_it_was_saved(path: Path, checkpoint: Checkpoint) -> None:
    loaded = load_checkpoint(path)
    assert loaded.record == checkpoint.record and len(loaded.sha256) == 64
    assert torch.equal(loaded.statistics.mean, checkpoint.statistics.mean)
    assert torch.equal(loaded.statistics.std, checkpoint.statistics.std)
    network = loaded.build()
    assert not network.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, checkpoint.state[key])


def test_networks_of_one_checkpoint_share_no_numbers(checkpoint: Checkpoint) -> None:
    one, other = checkpoint.build(), checkpoint.build()
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(1.0)
    for name, value in other.state_dict().items():
        assert torch.equal(value, checkpoint.state[name]), name


def test_half_precision_halves_the_parameters_and_spares_the_statistics(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "half.safetensors", checkpoint)
    loaded = load_checkpoint(tmp_path / "half.safetensors")
    assert torch.equal(loaded.statistics.std, checkpoint.statistics.std)
    for key, value in loaded.state.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, checkpoint.state[key], atol=2e-3, rtol=1e-3)


def test_training_goes_on_from_a_file(path: Path, checkpoint: Checkpoint) -> None:
    network = GenmoNetwork(MINI)
    load_parameters(network, path)
    assert all(torch.equal(v, checkpoint.state[k]) for k, v in network.state_dict().items())


def test_the_quirks_of_the_weights_overrule_the_others(checkpoint: Checkpoint) -> None:
    quirks = quirks_of(checkpoint.record, OfficialQuirks.official())
    assert quirks.gravity_view == "down" and quirks.focal_rule == "diagonal" and quirks.ground_lowest_joint
    assert not quirks_of(checkpoint.record).ground_lowest_joint


def refused(path: Path, code: str) -> ModelFailure:
    with pytest.raises(ModelFailure) as caught:
        load_checkpoint(path)
    assert caught.value.code == code and caught.value.sentence.endswith(".")
    return caught.value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "nothing.safetensors" in refused(tmp_path / "nothing.safetensors", "weights_missing").sentence


@pytest.mark.parametrize("kept", [0, 5, 100, 0.5, 0.999])
def test_a_truncated_file_is_refused(path: Path, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    refused(path, "weights_corrupt")


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 this is no model" * 50)
    refused(path, "weights_corrupt")
    save_file({"x": torch.zeros(3)}, path, {"format": "pt"})
    refused(path, "weights_foreign")


@pytest.mark.parametrize("text", ["", "{", "[1]", "[[1, 2]]", '"x"', '{"format": 1}', '{"format": 1, "network": 3}'])
def test_a_broken_record_is_refused(path: Path, text: str) -> None:
    edited(path, lambda tensors: None, {RECORD: text})
    with pytest.raises(ModelFailure):
        load_checkpoint(path)


def test_another_format_is_refused(path: Path) -> None:
    edited(path, lambda tensors: None, {RECORD: json.dumps({"format": 2})})
    refused(path, "weights_format")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_numbers_are_refused_by_name(path: Path, bad: float) -> None:
    def spoil(tensors) -> None:
        tensors["denoiser.blocks.1.mlp.fc1.weight"][3, 2] = bad

    assert "denoiser.blocks.1.mlp.fc1.weight" in refused(edited(path, spoil), "weights_nan").sentence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.pop("statistics.mean"), "no_statistics"),
        (lambda t: t.pop("statistics.std"), "no_statistics"),
        (lambda t: t.update({"statistics.std": torch.ones(150)}), "no_statistics"),
        (lambda t: t["statistics.std"].fill_(0.0), "weights_nan"),
        (lambda t: t["statistics.mean"].fill_(float("nan")), "weights_nan"),
    ],
)
def test_a_checkpoint_without_usable_statistics_is_refused(path: Path, change, code: str) -> None:
    refused(edited(path, change), code)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("denoiser.embed_text.bias"), "lacks denoiser.embed_text.bias"),
        (lambda t: t.update({"extra": torch.zeros(1)}), "unknown to this network, extra"),
        (lambda t: t.update({"denoiser.embed_text.bias": torch.zeros(5)}), "in another size denoiser.embed_text.bias"),
        (
            lambda t: t.update({"denoiser.embed_text.bias": torch.zeros(32).long()}),
            "kind of number denoiser.embed_text",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_named(path: Path, change, words: str) -> None:
    loaded = load_checkpoint(edited(path, change))
    with pytest.raises(ModelFailure, match=words):
        loaded.build()


def test_weights_of_another_network_are_refused(path: Path) -> None:
    with pytest.raises(ModelFailure):
        load_parameters(GenmoNetwork(SMALL), path)


def test_a_folder_that_cannot_be_written_gives_a_sentence_and_leaves_nothing(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    with pytest.raises(StorageFailure, match="could not be written"):
        save_checkpoint(tmp_path / "no such folder" / "x.safetensors", checkpoint)


def test_a_full_disk_gives_a_sentence_and_leaves_the_file_before_as_it_was(path: Path, checkpoint: Checkpoint) -> None:
    before = path.read_bytes()
    Path(str(path) + ".new").symlink_to("/dev/full")
    with pytest.raises(StorageFailure, match="disk is full"):
        save_checkpoint(path, replace(checkpoint, sha256=""))
    assert path.read_bytes() == before
