"""Model files are read as the engine reads them, and refused in its words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from genmo_blender.engine import checkpoint as torchs
from genmo_blender.lite.checkpoint import load_checkpoint
from genmo_blender.lite.safetensors import parse
from genmo_blender.protocol.failures import ModelFailure
from tests.engine.test_pipeline import checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("modèle 漢") / "tiny model.safetensors"
    torchs.save_checkpoint(path, checkpoint())
    return path


def test_every_number_is_the_engines(weights: Path) -> None:
    ours, expected = load_checkpoint(weights), torchs.load_checkpoint(weights)
    assert ours.record == expected.record and ours.sha256 == expected.sha256
    assert ours.state.keys() == expected.state.keys()
    for key, value in expected.state.items():
        assert np.array_equal(ours.state[key], value.numpy())
    assert np.array_equal(ours.mean, expected.statistics.mean.numpy())
    assert np.array_equal(ours.std, expected.statistics.std.numpy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8])
def test_every_kind_of_number_is_read(dtype: torch.dtype) -> None:
    value = (torch.randn(3, 5) * 40).to(dtype)
    metadata, arrays = parse(save({"a": value, "empty": torch.zeros(0, 2)}, {"who": "we"}))
    assert metadata == {"who": "we"} and arrays["empty"].shape == (0, 2)
    assert np.array_equal(arrays["a"].astype(np.float64), value.double().numpy())


def rewritten(data: bytes, change) -> bytes:  # type: ignore[no-untyped-def]
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


BAD = {
    "gone": None,
    "empty": lambda d: b"",
    "text": lambda d: b"no model at all, but long enough to have a header",
    "cut in the header": lambda d: d[:300],
    "cut in the arrays": lambda d: d[:-1000],
    "with more behind": lambda d: d + b"more",
    "foreign": lambda d: rewritten(d, lambda h: h["__metadata__"].clear()),
    "of another version": lambda d: rewritten(d, lambda h: h["__metadata__"].update(genmo='{"format": 99}')),
    "with a wrong shape": lambda d: rewritten(d, lambda h: h["statistics.mean"].update(shape=[150])),
    "without statistics": lambda d: rewritten(d, lambda h: h.update({"other": h.pop("statistics.mean")})),
    "of NaN": lambda d: d[:-2] + b"\xff\x7f",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_the_engines_words(weights: Path, tmp_path: Path, name: str) -> None:
    path, change = tmp_path / "bad.safetensors", BAD[name]
    if change is not None:
        path.write_bytes(change(weights.read_bytes()))
    told = []
    for load in (load_checkpoint, torchs.load_checkpoint):
        with pytest.raises(ModelFailure) as caught:
            load(path)
        told.append(caught.value.to_dict())
    assert told[0] == told[1] and told[0]["sentence"] and told[0]["remedy"]
