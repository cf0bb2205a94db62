# SPDX-License-Identifier: GPL-3.0-or-later
"""Message frames: what goes in comes out, and what is no message is told apart from what can be skipped."""

from __future__ import annotations

import io
import json
import os
import struct
import threading

import numpy as np
import pytest

from mld_engine.contract.protocol import (
    MAGIC,
    MAX_HEADER_BYTES,
    ProtocolError,
    read_message,
    write_message,
)


def frame(body: bytes, magic: bytes = MAGIC, length: int | None = None) -> bytes:
    """A frame made by hand, right or wrong."""
    return magic + struct.pack("<I", len(body) if length is None else length) + body


def described(*arrays: dict[str, object]) -> bytes:
    return frame(json.dumps({"type": "x", "arrays": list(arrays)}).encode())


def test_layout_on_the_wire() -> None:
    stream = io.BytesIO()
    write_message(stream, {"type": "hello", "protocol": 1}, {"a": np.array([1.0, 2.0], np.float32)})
    data = stream.getvalue()
    assert data[:4] == b"MLD\x01"
    length = int.from_bytes(data[4:8], "little")
    assert json.loads(data[8 : 8 + length]) == {
        "type": "hello",
        "protocol": 1,
        "arrays": [{"name": "a", "dtype": "float32", "shape": [2]}],
    }
    assert data[8 + length :] == struct.pack("<ff", 1.0, 2.0)


def test_round_trip_of_headers_and_arrays() -> None:
    arrays = {
        "rotations": np.random.default_rng(0).normal(size=(5, 22, 4)).astype(np.float32),
        "order": np.arange(6, dtype=np.int32).reshape(2, 3).T,
        "flags": np.array([0, 255], np.uint8),
        "nothing": np.zeros((0, 3), np.float32),
        "number": np.array(7, np.int32),
    }
    header = {"type": "motion", "id": "ä-1", "meta": {"text": "歩く 🙂", "list": [1, None, 2.5]}}
    stream = io.BytesIO()
    for _ in range(2):
        write_message(stream, header, arrays)
    stream.seek(0)
    for _ in range(2):
        message = read_message(stream)
        assert message is not None
        assert message.header == header
        assert list(message.arrays) == list(arrays)
        for name, array in arrays.items():
            assert message.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(message.arrays[name], array)
    assert read_message(stream) is None


def test_half_a_surrogate_pair_travels() -> None:
    stream = io.BytesIO()
    write_message(stream, {"type": "generate", "text": "walk \ud83d"})
    stream.seek(0)
    message = read_message(stream)
    assert message is not None
    assert message.header["text"] == "walk \ud83d"


def test_unbuffered_pipe_takes_a_large_message() -> None:
    reading, writing = os.pipe()
    array = np.arange(500_000, dtype=np.int32)
    received = []
    with os.fdopen(reading, "rb", buffering=0) as source:
        thread = threading.Thread(target=lambda: received.append(read_message(source)))
        thread.start()
        with os.fdopen(writing, "wb", buffering=0) as sink:
            write_message(sink, {"type": "motion"}, {"a": array})
        thread.join(10)
    np.testing.assert_array_equal(received[0].arrays["a"], array)


@pytest.mark.parametrize(
    "body",
    [b"{not json", b"\xff\xfe", b"[1]", b"{}", b'{"type": 5}', b"[" * 200_000],
    ids=["syntax", "not utf-8", "list", "no type", "type is a number", "deep nesting"],
)
def test_header_that_can_be_skipped(body: bytes) -> None:
    good = io.BytesIO()
    write_message(good, {"type": "packs"})
    stream = io.BytesIO(frame(body) + good.getvalue())
    with pytest.raises(ProtocolError) as caught:
        read_message(stream)
    assert caught.value.recoverable
    message = read_message(stream)
    assert message is not None
    assert message.type == "packs"


@pytest.mark.parametrize(
    "data",
    [
        frame(b"{}", magic=b"HTTP"),
        frame(b"", length=MAX_HEADER_BYTES + 1),
        described({"name": "a", "dtype": "object", "shape": [1]}),
        described({"name": "a", "dtype": "float32", "shape": [-1, -4]}),
        described({"name": "a", "dtype": "float32", "shape": [1 << 30]}),
        described({"name": "a", "dtype": "uint8", "shape": [1] * 100}),
        described({"name": "a", "dtype": "float32"}),
        frame(b'{"type": "x", "arrays": [{"name": "a", "dtype": "uint8", "shape": [Infinity]}]}'),
        frame(b'{"type": "x", "arrays": "abc"}'),
        frame(b'{"type": "x"}')[:-3],
        frame(b'{"type": "x"}')[:5],
        described({"name": "a", "dtype": "float32", "shape": [4]}) + b"\0" * 15,
    ],
    ids=[
        "magic", "huge header", "object dtype", "negative shape", "huge array", "100 dimensions", "no shape",
        "infinite shape", "arrays are text", "cut in the header", "cut in the prefix", "cut in an array",
    ],
)  # fmt: skip
def test_stream_that_makes_no_sense_any_more(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_message(io.BytesIO(data))
    assert not caught.value.recoverable


@pytest.mark.parametrize("noise", [b"", b"hello\n", b"M", b"MLD", b"MLD\x01"[:3] + b"\x02MML", b"x" * 5000])
def test_noise_before_the_first_message_only(noise: bytes) -> None:
    good = io.BytesIO()
    write_message(good, {"type": "status"})
    stream = io.BytesIO(noise + good.getvalue() + b"noise" + good.getvalue())
    message = read_message(stream, noise=5000)
    assert message is not None
    assert message.type == "status"
    with pytest.raises(ProtocolError):
        read_message(stream)
    assert read_message(io.BytesIO(b"only noise"), noise=5000) is None
    with pytest.raises(ProtocolError):
        read_message(io.BytesIO(b"x" * 101 + good.getvalue()), noise=100)


def test_what_must_not_be_sent() -> None:
    stream = io.BytesIO()
    with pytest.raises(ValueError, match="float64"):
        write_message(stream, {"type": "x"}, {"a": np.zeros(3)})
    with pytest.raises(ValueError, match="header"):
        write_message(stream, {"type": "x", "text": "a" * MAX_HEADER_BYTES})
    with pytest.raises(ValueError, match="JSON"):
        write_message(stream, {"type": "x", "seconds": float("nan")})
    assert stream.getvalue() == b""
