# SPDX-License-Identifier: GPL-3.0-or-later
"""Message frames between the add-on and the engine, over the engine's stdin and stdout.

One message is

    4 bytes  b"MLD\\x01"
    4 bytes  little-endian length of the header
    header   UTF-8 JSON object; `arrays` lists {"name", "dtype", "shape"} of what follows
    arrays   raw little-endian C-order bytes, in that order

No pickle, no socket, no temporary file. Every message has a `type`; the types and their fields:

    client -> engine
      hello     protocol                                   first message; answered by the engine's hello
      generate  id, text | action [style] | neither, seconds, seed, count, guidance, steps, chain, pack
                (a field that is absent or null means the pack's default)
      cancel    id
      packs
      shutdown
    engine -> client
      status    stage, message                             a line for the panel, while starting and
                                                           while a request waits for the text encoder
      hello     protocol, engine_version, pid, device, device_name, packs, default_pack, warnings
      progress  id, take, count, step, total               take counts from 0
      motion    id, take, count, seed, fps, meta, warnings + arrays rotations (T,22,4) wxyz,
                root (T,3), contacts (T,4), offsets (22,3); float32, metres, Y up
      done      id, takes, milliseconds {text, sampling, decoding, total},
                peak_memory {ram, gpu}                     bytes, where known
      cancelled id, takes                                  takes already sent stay valid
      packs     packs, default_pack
      error     id (or null), code, message, hint, details, fatal
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

PROTOCOL_VERSION: Final = 1
MAGIC: Final = b"MLD\x01"
MAX_HEADER_BYTES: Final = 1 << 20
MAX_ARRAY_BYTES: Final = 1 << 28
MAX_DIMENSIONS: Final = 8
STARTUP_NOISE_BYTES: Final = 1 << 16
"""What a client's first `read_message` should allow as `noise`."""
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
    "uint8": np.dtype("u1"),
}

_PREFIX = struct.Struct("<4sI")


class ProtocolError(Exception):
    """A frame that cannot be understood.

    `recoverable` tells whether the stream still stands at a frame boundary: a header that is no
    JSON can be skipped, a wrong magic number cannot.
    """

    def __init__(self, message: str, *, recoverable: bool) -> None:
        super().__init__(message)
        self.recoverable = recoverable


@dataclass(frozen=True)
class Message:
    """A header and its arrays, in the order in which they travel. Arrays that were read are read-only."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return str(self.header.get("type", ""))


def write_message(
    stream: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Write one frame and flush. Arrays must have a dtype of `DTYPES`; the stream blocks.

    Raises ValueError for another dtype or an oversized header, OSError when the pipe is closed.
    """
    chunks: list[bytes] = []
    described: list[dict[str, Any]] = []
    for name, array in (arrays or {}).items():
        dtype = array.dtype.name
        if dtype not in DTYPES:
            raise ValueError(f"array {name!r} has dtype {dtype}; frames carry {sorted(DTYPES)}")
        described.append({"name": name, "dtype": dtype, "shape": list(array.shape)})
        chunks.append(np.ascontiguousarray(array, dtype=DTYPES[dtype]).tobytes())
    # Escaped to ASCII: half a surrogate pair, which a text field can hold, has no UTF-8 form.
    body = json.dumps({**header, "arrays": described}, allow_nan=False).encode("ascii")
    if len(body) > MAX_HEADER_BYTES:
        raise ValueError(f"header of {len(body)} bytes; the limit is {MAX_HEADER_BYTES}")
    rest = memoryview(b"".join([_PREFIX.pack(MAGIC, len(body)), body, *chunks]))
    while rest:  # an unbuffered pipe may take only a part
        rest = rest[stream.write(rest) :]
    stream.flush()


def read_message(stream: IO[bytes], *, noise: int = 0) -> Message | None:
    """Read one frame; None at a clean end of the stream.

    `noise` bytes at most may stand before the frame and are dropped. Only a client's first read
    should allow any: before the engine can claim its stdout, Python's start-up files may print.

    Raises ProtocolError, recoverable where the next frame can still be read.
    """
    prefix = _read_exactly(stream, _PREFIX.size, allow_end=True)
    while prefix is not None and noise > 0 and not prefix.startswith(MAGIC):
        following = _read_exactly(stream, 1, allow_end=True)
        prefix = None if following is None else prefix[1:] + following
        noise -= 1
    if prefix is None:
        return None
    magic, length = _PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise ProtocolError(f"not a message: starts with {magic!r}", recoverable=False)
    if length > MAX_HEADER_BYTES:
        raise ProtocolError(f"header of {length} bytes; the limit is {MAX_HEADER_BYTES}", recoverable=False)
    body = _read_exactly(stream, length)
    assert body is not None
    try:
        header = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the header is not JSON: {error}", recoverable=True) from error
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise ProtocolError("the header is no object with a type", recoverable=True)
    return Message(header, _read_arrays(stream, header.pop("arrays", [])))


def _read_arrays(stream: IO[bytes], described: Any) -> dict[str, NDArray[Any]]:
    try:
        layout = [(str(d["name"]), DTYPES[d["dtype"]], tuple(int(n) for n in d["shape"])) for d in described]
        total = sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in layout)
        sizes = [size for _, _, shape in layout for size in shape]
        if total > MAX_ARRAY_BYTES or any(not 0 <= size <= MAX_ARRAY_BYTES for size in sizes):
            raise ValueError("shapes out of range")
        if any(len(shape) > MAX_DIMENSIONS for _, _, shape in layout):
            raise ValueError("too many dimensions")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"the arrays are not described as expected: {error!r}", recoverable=False) from error
    arrays: dict[str, NDArray[Any]] = {}
    for name, dtype, shape in layout:
        data = _read_exactly(stream, dtype.itemsize * math.prod(shape))
        assert data is not None
        arrays[name] = np.frombuffer(data, dtype=dtype).reshape(shape)
    return arrays


def _read_exactly(stream: IO[bytes], size: int, *, allow_end: bool = False) -> bytes | None:
    parts: list[bytes] = []
    missing = size
    while missing:
        part = stream.read(missing)
        if not part:
            if allow_end and missing == size:
                return None
            raise ProtocolError("the stream ended inside a message", recoverable=False)
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
