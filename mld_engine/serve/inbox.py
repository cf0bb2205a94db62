# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client wants next: a thread reads the pipe, so that a cancel counts while work goes on.

The same thread notices the end of the pipe, which means that the client is gone, and then ends
the process even where the main thread cannot listen, for instance while it imports PyTorch.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import Any, Final

from ..contract.protocol import PROTOCOL_VERSION, Message, ProtocolError
from ..errors import EngineError, RequestError
from .streams import Channel, ClientGone

EXIT_PROTOCOL: Final = 3
"""Exit status after a stream that makes no sense, or a client of another protocol version."""
MAX_WAITING: Final = 64
"""Requests that may wait; a client that sends more has lost count."""
_GRACE_SECONDS: Final = 0.3
"""For the main thread to reach the end of a denoising step; in an import it never does."""

_log = logging.getLogger(__name__)


class Inbox:
    """Requests in order of arrival, for the one thread that does the work."""

    def __init__(self, channel: Channel) -> None:
        self.exit_code = 0
        self._channel = channel
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._running: object = None
        self._cancel_running = False
        self._greeted = False
        self._stopping = False
        self._finished = threading.Event()

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def next(self) -> Message | None:
        """Wait for the next `generate` or `packs`; None when it is time to go."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                return None
            message = self._waiting.popleft()
            self._running, self._cancel_running = message.header.get("id"), False
            return message

    def release(self) -> None:
        """The work of the last `next` is over; called before its answer, so that its id is free again."""
        with self._changed:
            self._running = None

    def cancelled(self) -> bool:
        """Whether the work of the last `next` is no longer wanted."""
        return self._cancel_running or self._stopping

    def finish(self) -> None:
        """The main thread is done: the process may end in its own way."""
        self._finished.set()

    def _read(self) -> None:
        code = EXIT_PROTOCOL
        try:
            code = self._read_to_the_end()
        except ClientGone:
            code = 0
        except Exception:
            _log.exception("the reader failed")
            code = 1
        finally:
            self.exit_code = code
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            if not self._finished.wait(_GRACE_SECONDS):
                os._exit(code)

    def _read_to_the_end(self) -> int:
        """Read until the client leaves, says shutdown, or sends what cannot be read; the exit status."""
        while True:
            try:
                message = self._channel.receive()
                if message is None or message.type == "shutdown":
                    return 0
                self._accept(message)
            except ProtocolError as error:
                hint = "Skipped it." if error.recoverable else "Start the engine again."
                problem = EngineError("malformed", f"A message could not be read: {error}.", hint)
                self._channel.send_error(None, problem, fatal=not error.recoverable)
                if not error.recoverable:
                    return EXIT_PROTOCOL
            except _WrongVersionError as error:
                self._channel.send_error(None, error, fatal=True)
                return EXIT_PROTOCOL
            except _Refused as refused:
                self._channel.send_error(refused.request_id, refused.error)

    def _accept(self, message: Message) -> None:
        kind, request_id = message.type, message.header.get("id")
        if kind == "hello":
            _check_version(message.header.get("protocol"))
            self._greeted = True
        elif not self._greeted:
            raise _Refused(
                request_id,
                EngineError(
                    "protocol_version", "The first message must be hello.", f"Send protocol {PROTOCOL_VERSION}."
                ),
            )
        elif kind == "cancel":
            self._cancel(request_id)
        elif kind == "generate":
            self._add_request(message, request_id)
        elif kind == "packs":
            self._add(message)
        else:
            raise _Refused(request_id, EngineError("unknown_message", f"There is no message {kind[:40]!r}."))

    def _add_request(self, message: Message, request_id: object) -> None:
        if not isinstance(request_id, (str, int)) or isinstance(request_id, bool):
            raise _Refused(None, RequestError("malformed", "generate needs an id, a string or a whole number."))
        with self._changed:
            known = [self._running, *(waiting.header.get("id") for waiting in self._waiting)]
        if request_id in known:
            raise _Refused(request_id, RequestError("malformed", f"The id {request_id!r} is in use."))
        if len(known) > MAX_WAITING:
            raise _Refused(
                request_id,
                RequestError("busy_limit", f"{MAX_WAITING} requests are waiting already.", "Wait, or cancel some."),
            )
        self._add(message)

    def _add(self, message: Message) -> None:
        with self._changed:
            self._waiting.append(message)
            self._changed.notify_all()

    def _cancel(self, request_id: Any) -> None:
        """Flag the running request, or answer for a waiting one; one that is already answered needs nothing."""
        with self._changed:
            if request_id is not None and request_id == self._running:
                self._cancel_running = True
                return
            before = len(self._waiting)
            self._waiting = deque(m for m in self._waiting if m.type != "generate" or m.header["id"] != request_id)
            was_waiting = len(self._waiting) < before
        if was_waiting:
            self._channel.send("cancelled", id=request_id, takes=0)


class _Refused(Exception):  # noqa: N818  (one message is answered with an error; the stream goes on)
    def __init__(self, request_id: object, error: EngineError) -> None:
        super().__init__(error.message)
        self.request_id = request_id
        self.error = error


class _WrongVersionError(EngineError):
    """The client speaks another protocol."""


def _check_version(version: object) -> None:
    if version == PROTOCOL_VERSION and not isinstance(version, bool):
        return
    theirs = version if isinstance(version, int) else "an unknown version"
    raise _WrongVersionError(
        "protocol_version",
        f"The add-on speaks protocol {theirs}, the engine speaks protocol {PROTOCOL_VERSION}.",
        "Add-on and engine come from different versions: install the add-on again, then press Install once more.",
        {"engine": PROTOCOL_VERSION},
    )
