"""Frames: what is written is read, in whatever pieces it comes; anything else becomes a sentence."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from genmo_blender.protocol import frames
from genmo_blender.protocol.failures import PipeFailure
from genmo_blender.protocol.frames import DTYPES, MAGIC, PREFIX, VERSION, Decoder, Frame, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
numbers = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
        elements={"allow_nan": False, "allow_infinity": False} if "f" in dtype else None,
    )
)
any_frame = st.builds(
    Frame,
    st.text(max_size=12),
    st.dictionaries(st.text(), json_values, max_size=4),
    st.dictionaries(st.text(), numbers, max_size=4),
)


def assert_same(a: Frame, b: Frame) -> None:
    assert (a.kind, a.fields, a.arrays.keys()) == (b.kind, b.fields, b.arrays.keys())
    for name, array in a.arrays.items():
        assert array.dtype == b.arrays[name].dtype and array.shape == b.arrays[name].shape
        assert array.tobytes() == b.arrays[name].tobytes()


def raw(header: object, payload: bytes = b"", text: bytes | None = None) -> bytes:
    """A frame as no encoder of ours writes it."""
    text = json.dumps(header).encode() if text is None else text
    return PREFIX.pack(MAGIC, VERSION, len(text), len(payload)) + text + payload


def failure_of(data: bytes) -> PipeFailure:
    decoder = Decoder()
    with pytest.raises(PipeFailure) as caught:
        list(decoder.feed(data))
        decoder.finish()
    assert caught.value.sentence
    return caught.value


@given(st.lists(any_frame, max_size=4), st.data())
def test_frames_come_back_from_any_pieces(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder = Decoder()
    got: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += decoder.feed(stream[start:end])
    decoder.finish()
    assert len(got) == len(sent)
    for a, b in zip(sent, got, strict=True):
        assert_same(a, b)


@given(any_frame)
def test_a_frame_comes_back_from_single_bytes(sent: Frame) -> None:
    decoder = Decoder()
    got = [frame for byte in encode(sent) for frame in decoder.feed(bytes([byte]))]
    assert len(got) == 1
    assert_same(sent, got[0])


@given(any_frame, st.data())
def test_a_broken_frame_is_refused_or_waits_for_more_and_never_breaks_the_reader(
    sent: Frame, data: st.DataObject
) -> None:
    stream = bytearray(encode(sent))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    decoder = Decoder()
    try:
        for frame in decoder.feed(bytes(stream)):
            assert isinstance(frame, Frame)
        decoder.finish()
    except PipeFailure as failure:
        assert failure.sentence


@given(st.binary(min_size=1).filter(lambda data: not data.startswith(MAGIC[:1])))
def test_any_foreign_bytes_are_refused(data: bytes) -> None:
    assert failure_of(data).code == "foreign_text"


def test_a_frame_before_foreign_text_is_still_given() -> None:
    decoder = Decoder()
    got = decoder.feed(encode(Frame("hello")) + b"Killed\n")
    assert next(got).kind == "hello"
    with pytest.raises(PipeFailure, match="between two messages: “Killed”"):
        next(got)
    with pytest.raises(PipeFailure):
        list(decoder.feed(encode(Frame("hello"))))


def test_a_banner_is_quoted_by_its_whole_line_even_byte_by_byte() -> None:
    decoder = Decoder()
    with pytest.raises(PipeFailure, match="Welcome to the farm"):
        for byte in b"\r\n  Welcome to the farm\nmore":
            list(decoder.feed(bytes([byte])))


def test_control_characters_of_a_banner_do_not_reach_the_panel() -> None:
    assert all(c.isprintable() for c in failure_of(b"\x1b[31mred\x07\x00\xff\n").sentence)


def test_a_stream_in_text_mode_is_recognised() -> None:
    assert failure_of(encode(Frame("hello")).replace(b"\r\n", b"\n")).code == "foreign_text"


def test_a_stream_that_ends_inside_a_frame_is_refused() -> None:
    assert failure_of(encode(Frame("hello"))[:-1]).code == "truncated_frame"


def test_another_version_is_named_before_anything_else_is_read() -> None:
    assert failure_of(PREFIX.pack(MAGIC, 7, 2**32 - 1, 2**64 - 1)).code == "version_mismatch"


@pytest.mark.parametrize(("header", "payload"), [(frames.MAX_HEADER + 1, 0), (2, frames.MAX_ARRAYS + 1)])
def test_sizes_over_the_caps_are_refused_before_they_arrive(header: int, payload: int) -> None:
    assert failure_of(PREFIX.pack(MAGIC, VERSION, header, payload)).code == "frame_too_large"


def test_a_header_over_the_cap_is_not_written() -> None:
    with pytest.raises(PipeFailure, match="too large"):
        encode(Frame("x", {"text": "a" * frames.MAX_HEADER}))


def described(**changes: object) -> dict[str, object]:
    return {"kind": "x", "fields": {}, "arrays": [{"name": "a", "dtype": "<f4", "shape": [2]} | changes]}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (raw({}), "no kind"),
        (raw([]), "no object"),
        (raw({"kind": 1, "fields": {}, "arrays": []}), "kind is no text"),
        (raw({"kind": "x", "fields": [], "arrays": []}), "fields are no object"),
        (raw({"kind": "x", "fields": {}, "arrays": {}}), "arrays are no list"),
        (raw(None, text=b"{"), "no JSON"),
        (raw(None, text=b"[" * 100_000), "too deep"),
        (raw(None, text=b'{"kind": "\xff"}'), "no UTF-8"),
        (raw(None, text=b'{"kind": "x", "fields": {"a": NaN}, "arrays": []}'), "NaN in JSON"),
        (raw(None, text=b'{"kind": "x", "fields": {"a": -Infinity}, "arrays": []}'), "infinity in JSON"),
        (raw(described(), bytes(4)), "array longer than payload"),
        (raw(described(), bytes(12)), "payload longer than arrays"),
        (raw(described(dtype="|O"), bytes(8)), "objects"),
        (raw(described(dtype=">f4"), bytes(8)), "big-endian"),
        (raw(described(dtype="<c8"), bytes(16)), "complex"),
        (raw(described(dtype=["<f4"]), bytes(8)), "dtype is a list"),
        (raw(described(shape=[-2]), bytes(8)), "negative length"),
        (raw(described(shape=[2.0]), bytes(8)), "length is no integer"),
        (raw(described(shape=[True, 2]), bytes(8)), "length is a truth value"),
        (raw(described(shape=[2**62, 2**62]), bytes(8)), "impossible shape"),
        (raw(described(shape=[0, 2**62]), b""), "empty with an impossible length"),
        (raw(described(shape=[1] * 65), bytes(4)), "too many dimensions"),
        (raw(described(name=5), bytes(8)), "name is no text"),
        (raw(described() | {"arrays": [described()["arrays"][0]] * 2}, bytes(16)), "a name twice"),  # type: ignore[index]
        (raw({"kind": "x", "fields": {}, "arrays": ["a"]}), "array is described by text"),
    ],
)
def test_a_malformed_frame_is_refused(data: bytes, why: str) -> None:
    assert failure_of(data).code == "malformed_frame", why


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_neither_written_nor_read(value: float) -> None:
    with pytest.raises(PipeFailure, match="not numbers"):
        encode(Frame("x", {}, {"a": np.array([1.0, value])}))
    assert failure_of(raw(described(), struct.pack("<2f", 1.0, value))).code == "not_finite"
    with pytest.raises(PipeFailure):
        encode(Frame("x", {"a": value}))


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["a"]), np.zeros(2, complex), np.zeros(2, bool)])
def test_other_kinds_of_array_are_not_written(array: np.ndarray) -> None:
    with pytest.raises(PipeFailure, match="never sent"):
        encode(Frame("x", {}, {"a": array}))


def test_foreign_byte_order_and_layout_are_put_right_when_written() -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T[::-1]
    (got,) = Decoder().feed(encode(Frame("x", {}, {"a": array})))
    np.testing.assert_array_equal(got.arrays["a"], array)


def test_numpy_scalars_in_fields_become_numbers() -> None:
    (got,) = Decoder().feed(encode(Frame("x", {"a": np.float32(0.5), "b": np.int64(3)})))
    assert got.fields == {"a": 0.5, "b": 3}


def test_decoded_arrays_are_writable_and_do_not_share_the_buffer() -> None:
    decoder = Decoder()
    (first,) = decoder.feed(encode(Frame("x", {}, {"a": np.zeros(4, np.uint8), "b": np.ones(4)})))
    list(decoder.feed(encode(Frame("x", {}, {"a": np.full(4, 9, np.uint8), "b": np.zeros(4)}))))
    first.arrays["b"] += 1
    assert first.arrays["a"].tolist() == [0] * 4 and first.arrays["b"].tolist() == [2] * 4
