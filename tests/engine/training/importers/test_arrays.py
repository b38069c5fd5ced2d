"""Pickles are read as arrays or not at all: nothing that they ask for is ever run."""

import io
import os
import pickle

import numpy as np
import pytest

from genmo_blender.engine.training.importers.arrays import read_pickle
from genmo_blender.protocol.failures import StorageFailure

CONTENT = {
    "floats": np.arange(12, dtype=np.float64).reshape(3, 4),
    "singles": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big endian": np.arange(4, dtype=">i4"),
    "scalar": np.float32(93.5),
    "empty": np.zeros((0, 3)),
    "plain": 3,
}


def write(path, content, protocol):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(5))
def test_arrays_of_every_protocol_come_back(tmp_path, protocol):
    read = read_pickle(write(tmp_path / "a.pkl", CONTENT, protocol))
    assert set(read) == set(CONTENT)
    for name, value in CONTENT.items():
        assert np.array_equal(read[name], value) and np.asarray(read[name]).dtype.kind == np.asarray(value).dtype.kind


def test_a_pickle_of_another_numpy_comes_back(tmp_path):
    """Names of numpy 1 and 2 differ by an underscore."""
    text = pickle.dumps(CONTENT, protocol=2)
    ours, theirs = (b"numpy._core.", b"numpy.core.") if b"numpy._core." in text else (b"numpy.core.", b"numpy._core.")
    (tmp_path / "a.pkl").write_bytes(text.replace(ours, theirs))
    assert np.array_equal(read_pickle(tmp_path / "a.pkl")["floats"], CONTENT["floats"])


class Runs:
    """Whose pickle makes a file when it is loaded as pickles usually are."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(5))
def test_code_in_a_pickle_does_not_run(tmp_path, protocol):
    path = write(tmp_path / "a.pkl", {"poses": np.zeros(3), "x": Runs(tmp_path / "made")}, protocol)
    with pytest.raises(StorageFailure, match="which is no array") as caught:
        read_pickle(path)
    assert "a.pkl" in caught.value.sentence and not (tmp_path / "made").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "made").exists()  # it would have run


@pytest.mark.parametrize(
    "program",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\nfromfile\n(S'x'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        b"(lp0\n.",
        b"S'text'\n.",
        b"Pid\n.",
        # Attributes set on what is allowed: (ndarray, (None, {"array": 1})) built.
        b"cnumpy\nndarray\n(N(dS'array'\nI1\nstb.",
        b"",
        b"\x80\x04",
        b"no pickle at all",
    ],
)
def test_hostile_and_broken_programs_are_refused_in_one_sentence(tmp_path, program):
    (tmp_path / "a.pkl").write_bytes(program)
    with pytest.raises(StorageFailure, match="a.pkl") as caught:
        read_pickle(tmp_path / "a.pkl")
    assert "\n" not in str(caught.value)


def test_arrays_of_objects_and_arrays_that_lie_about_their_size_are_refused(tmp_path):
    with pytest.raises(StorageFailure, match="not numbers|not of numbers"):
        read_pickle(write(tmp_path / "o.pkl", {"x": np.array([1, "a"], dtype=object)}, 2))
    text = pickle.dumps({"x": np.zeros(3)}, protocol=2).replace(b"K\x03\x85", b"K\x7f\x85")
    assert io.BytesIO(text).read(1) == b"\x80"
    (tmp_path / "l.pkl").write_bytes(text)
    with pytest.raises(StorageFailure, match="l.pkl"):
        read_pickle(tmp_path / "l.pkl")
