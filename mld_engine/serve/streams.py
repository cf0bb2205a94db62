# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's private ends of the pipes to its client.

Whatever a library prints, from Python or from C, must never land between two messages. So the
engine moves the pipes to descriptors that nobody else knows, and lets descriptor 1 lead to
stderr and descriptor 0 to an empty input.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from numpy.typing import NDArray

from ..contract.protocol import Message, read_message, write_message
from ..errors import EngineError


class ClientGone(Exception):  # noqa: N818  (an expected end, not an error)
    """The other end of the pipe is closed: nobody is left to answer."""


class Channel:
    """Messages in and out. Any thread may send; one thread reads."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = threading.Lock()

    def receive(self) -> Message | None:
        """The next message; None at the end of the stream. Raises ProtocolError."""
        return read_message(self._reader)

    def send(self, kind: str, arrays: Mapping[str, NDArray[Any]] | None = None, /, **fields: Any) -> None:
        """Send one message of type `kind`. Raises ClientGone when nobody listens any more."""
        try:
            with self._sending:
                write_message(self._writer, {"type": kind, **fields}, arrays)
        except OSError as error:
            raise ClientGone from error

    def send_error(self, request_id: object, error: EngineError, *, fatal: bool = False) -> None:
        """Send `error` as the answer to `request_id`; None where it belongs to no request."""
        self.send(
            "error",
            id=request_id,
            code=error.code,
            message=error.message,
            hint=error.hint,
            details=error.details,
            fatal=fatal,
        )


def claim_standard_streams() -> Channel:
    """Take over stdin and stdout for messages; from here on both look elsewhere to everybody else."""
    reader = os.dup(0)
    writer = os.dup(1)
    if os.name == "nt":
        import msvcrt

        for descriptor in (reader, writer):
            msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        os.fstat(2)
    except OSError:
        os.dup2(nothing, 2)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    # Text that a library printed before this moment still waits in Python's buffer: out to stderr with it.
    if sys.stdout is not None:
        sys.stdout.flush()
    # Unbuffered: a thread that waits in a raw read holds no lock that the end of the process would need.
    return Channel(os.fdopen(reader, "rb", buffering=0), os.fdopen(writer, "wb"))
