"""An official Lightning checkpoint becomes ours, and nothing in it runs."""

import io
import os
import pickle
import subprocess
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from genmo_blender.engine.checkpoint import load_checkpoint
from genmo_blender.engine.convert import ConversionReport, convert, key_table
from genmo_blender.engine.network.genmo import GenmoNetwork
from genmo_blender.engine.parity.framework import ParityFolder
from genmo_blender.engine.parity.networks import config_from_sizes, load_small
from genmo_blender.engine.representation.codec import official_statistics
from genmo_blender.model.config import NetworkConfig
from genmo_blender.protocol.failures import ModelFailure

FOLDER = ParityFolder(Path(__file__).parents[1] / "data" / "parity")
CONFIG = config_from_sizes(FOLDER.json("gem_small_{word}.json"))
DENOISER = "pipeline.denoiser3d.denoiser."


class Hostile:
    """Pickles as a shell command that makes the file given."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def official_state() -> "OrderedDict[str, torch.Tensor]":
    """What the release saves: all keys, the fixed tables too, under `model.`."""
    arrays = FOLDER.arrays("gem_small_{word}.safetensors")
    state = OrderedDict((f"model.{k}", torch.from_numpy(v).clone()) for k, v in arrays.items())
    for key, shape in key_table_of(CONFIG).items():
        if key.endswith(".pe"):
            state[f"model.{key}"] = torch.zeros(1).expand(shape)
    return state


def key_table_of(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return key_table(GenmoNetwork(config))


def write(path: Path, state, **more) -> Path:
    torch.save({"state_dict": state, "epoch": 3, "optimizer_states": [{"state": {0: torch.zeros(7)}}], **more}, path)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "gem_smpl.ckpt"


def converted(source: Path, config: NetworkConfig | None = CONFIG) -> tuple[ConversionReport, Path]:
    out = source.with_name("out.safetensors")
    return convert(source, out, config), out


def test_the_converted_network_is_the_official_one(source: Path) -> None:
    report, out = converted(write(source, official_state()))
    loaded = load_checkpoint(out)
    assert loaded.record.text_encoder == "t5-3b" and loaded.record.network == CONFIG
    assert torch.equal(loaded.statistics.std, official_statistics().std)
    expected = load_small(FOLDER).state_dict()
    got = loaded.build().state_dict()
    assert got.keys() == expected.keys() and all(torch.equal(got[k], expected[k]) for k in got)
    assert len(report.recomputed) == 2 + CONFIG.layers and not report.unknown and not report.dropped


def test_every_key_is_accounted_for_and_unknown_ones_are_listed(source: Path) -> None:
    state = official_state()
    state["model.pipeline.endecoder.mean"] = torch.zeros(151)
    state["model.pipeline.denoiser3d.endecoder.std"] = torch.zeros(151)
    state["model.body_model.v_template"] = torch.zeros(5, 3)
    state[f"model.{DENOISER}learned_pos_params"] = torch.zeros(17, 32)  # D24
    state["model.somebody.new"] = torch.zeros(1)
    report, _ = converted(write(source, state))
    assert report.unknown == (f"{DENOISER}learned_pos_params", "somebody.new")
    assert report.dropped == ("body_model.v_template", "pipeline.endecoder.mean", "pipeline.endecoder.std")
    parts = (report.converted, report.recomputed, report.dropped, report.unknown)
    assert sum(map(len, parts)) == len(state)
    assert report.lines()[0].startswith(f"{len(state)} keys:") and len(report.lines()) == 3


def test_keys_without_the_prefix_and_a_bare_state_dict_are_read_too(source: Path) -> None:
    torch.save({k.removeprefix("model."): v for k, v in official_state().items()}, source)
    report, _ = converted(source)
    assert len(report.converted) == len(GenmoNetwork(CONFIG).state_dict())


def test_nothing_in_the_file_runs(source: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hyper = {"a": Hostile(marker), "b": [Hostile(marker), subprocess.Popen], "c": {Hostile(marker): 1}, "d": Path("x")}
    state = official_state()
    state["model.evil"] = Hostile(marker)
    state["model.gate"] = torch.nn.Parameter(torch.ones(1))
    report, _ = converted(write(source, state, hyper_parameters=hyper, callbacks=Hostile(marker)))
    assert not marker.exists()
    assert report.unknown == ("gate",)
    torch.load(source, weights_only=False)  # the file is as hostile as it should be
    assert marker.exists()


def rewritten(source: Path, change, compression: int = zipfile.ZIP_STORED) -> None:
    """The archive with its pickle replaced."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = next(n for n in entries if n.endswith("data.pkl"))
    entries[name] = change(entries[name])
    with zipfile.ZipFile(source, "w", compression) as archive:
        for entry, data in entries.items():
            archive.writestr(entry, data)


ATTACKS = {
    "sets attributes of a known function": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}U\x08__code__K\x01sb.",
    "sets attributes of the placeholder": b"\x80\x02cos\nsystem\n}U\x04nameK\x01sb.",
    "calls through getattr": b"\x80\x02cbuiltins\ngetattr\ncos\n\n\x86R.",
    "is an endless stream": b"\x80\x02" + b"]" * 1000,
    "is empty": b"",
    "remembers at a huge index": b"\x80\x02]r\xff\xff\xff\x7f.",
    "rebuilds a tensor from no storage": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02K\x03K\x04tR.",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_hostile_pickle_ends_in_a_sentence(source: Path, attack: bytes) -> None:
    write(source, official_state())
    rewritten(source, lambda data: attack)
    with pytest.raises(ModelFailure):
        converted(source)
    converted(write(source, official_state()))  # and has left nothing behind for the next file


def test_a_compressed_archive_is_refused(source: Path) -> None:
    write(source, official_state())
    rewritten(source, lambda data: data, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFailure):
        converted(source)


def view_outside_its_storage(data: bytes) -> bytes:
    """A pickle whose first parameter claims more numbers than its storage holds."""

    class Persistent(pickle.Pickler):
        def persistent_id(self, item):
            return item.pid if isinstance(item, Storage) else None

    class Storage:
        pid = ("storage", torch.FloatStorage, "0", "cpu", 10)

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Storage(), 0, (17, 32), (32, 1), False, OrderedDict())

    file = io.BytesIO()
    Persistent(file, protocol=2).dump({"state_dict": {k: Tensor() for k in ("learned_pos_params",)}})
    return file.getvalue()


def test_a_tensor_outside_its_storage_is_refused(source: Path) -> None:
    write(source, official_state())
    rewritten(source, view_outside_its_storage)
    with pytest.raises(ModelFailure) as caught:
        converted(source)
    assert caught.value.code == "weights_corrupt"


@pytest.mark.parametrize(
    "key", ["learned_pos_params", f"{DENOISER}blocks.1.attn.key.bias", "audio_encoder.0.bn1.weight"]
)
def test_a_missing_key_is_named(source: Path, key: str) -> None:
    state = official_state()
    del state[f"model.{key}"]
    with pytest.raises(ModelFailure, match="lacks " + key):
        converted(write(source, state))


def test_a_wrong_shape_and_values_that_are_not_numbers_are_named(source: Path) -> None:
    state = official_state()
    key = f"model.{DENOISER}embed_text.bias"
    state[key] = torch.zeros(3)
    with pytest.raises(ModelFailure, match=r"embed_text.bias .* has size \(3,\), expected \(64,\)"):
        converted(write(source, state))
    state[key] = torch.full((64,), float("nan"))
    with pytest.raises(ModelFailure, match="embed_text.bias .* not numbers"):
        converted(write(source, state))


def test_without_a_config_the_file_must_be_one_of_the_published_ones(source: Path) -> None:
    with pytest.raises(ModelFailure, match="checkpoint of another configuration"):
        converted(write(source, official_state()), config=None)


@pytest.mark.parametrize("kept", [0, 10, 0.3, 0.9])
def test_a_truncated_file_is_refused(source: Path, kept: float) -> None:
    data = write(source, official_state()).read_bytes()
    source.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(ModelFailure) as caught:
        converted(source)
    assert caught.value.code == "weights_corrupt"


def test_a_damaged_number_is_noticed(source: Path) -> None:
    data = bytearray(write(source, official_state()).read_bytes())
    data[len(data) // 2] ^= 0xFF
    source.write_bytes(bytes(data))
    with pytest.raises(ModelFailure):
        converted(source)


def test_a_missing_file_and_an_empty_archive_are_refused(source: Path) -> None:
    with pytest.raises(ModelFailure, match="does not exist"):
        converted(source)
    torch.save([1, 2, 3], source)
    with pytest.raises(ModelFailure, match="no state dict"):
        converted(source)


@pytest.mark.parametrize(
    ("config", "file", "keys"),
    [
        (NetworkConfig.official(), "full_size_layout.json", 709),
        (NetworkConfig.official_regression(), "full_size_layout_regression.json", 267),
    ],
)
def test_the_key_table_is_the_published_layout(config: NetworkConfig, file: str, keys: int) -> None:
    layout = {key: tuple(shape) for key, shape in FOLDER.json(file).items()}
    assert len(layout) == keys and key_table_of(config) == layout
