# SPDX-License-Identifier: GPL-3.0-or-later
"""The one conversation with the engine: start, handshake, requests, cancel, death and recovery.

Nothing here waits unless its name says so. The owner calls `poll` from its main loop, or `follow`
where there is none, and gets the events in the order in which they happened. Every request ends with
exactly one of RequestDone, RequestCancelled and RequestFailed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

from ..contract import protocol
from .events import (
    EngineFailed,
    EngineInfo,
    EngineReady,
    EngineStatus,
    EngineStopped,
    Event,
    Progress,
    RequestCancelled,
    RequestDone,
    RequestFailed,
    engine_info,
    motion_ready,
)
from .process import EngineProcess, Launch, ProcessEnded

START_SECONDS: Final = 180.0
"""Silence after which a start counts as failed: a cold disk and a virus scanner need their time."""
ANSWER_SECONDS: Final = 120.0
"""Silence after which a running request counts as hung."""
CANCEL_SECONDS: Final = 30.0
"""Time for one denoising step and the answer to a cancel, or to load the text encoder in between."""

RETRY_HINT: Final = "Press Generate to start the engine again; its log tells more."
VERSION_HINT: Final = (
    "Add-on and engine come from different versions: install the add-on from its zip file again, then restart Blender."
)


class State(Enum):
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"


class EngineSession:
    """`launch` is called at each start, and may raise EngineMissing."""

    def __init__(
        self,
        launch: Callable[[], Launch],
        *,
        start_seconds: float = START_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        cancel_seconds: float = CANCEL_SECONDS,
    ) -> None:
        self.info: EngineInfo | None = None
        self.failure: EngineFailed | None = None
        self.status = ""
        self._launch = launch
        self._start_seconds = start_seconds
        self._answer_seconds = answer_seconds
        self._cancel_seconds = cancel_seconds
        self._ids = itertools.count(1)
        self._process: EngineProcess | None = None
        self._ending: list[EngineProcess] = []
        self._waiting: dict[int, dict[str, Any]] = {}
        self._sent: dict[int, int] = {}
        self._cancelled: dict[int, float] = {}
        self._events: list[Event] = []
        self._last_heard = 0.0

    @property
    def state(self) -> State:
        if self._process is None:
            return State.FAILED if self.failure else State.STOPPED
        if self.info is None:
            return State.STARTING
        return State.BUSY if self._sent else State.READY

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def idle_seconds(self) -> float:
        """Time since the engine last said anything, 0 unless it is READY."""
        return time.monotonic() - self._last_heard if self.state is State.READY else 0.0

    def start(self) -> None:
        """Start the engine unless it runs. Raises EngineMissing."""
        if self._process:
            return
        launch = self._launch()
        self.failure, self.info, self.status = None, None, "Starting the engine"
        self._process = EngineProcess(launch)
        self._last_heard = time.monotonic()
        self._process.send({"type": "hello", "protocol": protocol.PROTOCOL_VERSION})

    def stop(self) -> None:
        """End the engine; what it was doing counts as cancelled."""
        if not self._process:
            self.failure = None
            return
        self.cancel()
        self._drop_process()
        self._events.append(EngineStopped())

    def close(self, seconds: float = 4.0) -> None:
        """Stop, and wait until no engine of this session is left, at most that long."""
        self.stop()
        deadline = time.monotonic() + seconds
        for process in self._ending:
            process.join(max(0.0, deadline - time.monotonic()))
        self._ending.clear()

    def generate(self, request: Mapping[str, Any]) -> int:
        """Ask for takes, starting the engine first where needed; returns the request's id.

        `request` holds the fields of the protocol's `generate`. Raises EngineMissing.
        """
        self.start()
        request_id = next(self._ids)
        header = {"type": "generate", "id": request_id, **request}
        try:
            protocol.write_message(io.BytesIO(), header)
        except ValueError:
            self._events.append(
                RequestFailed(
                    request_id,
                    "malformed",
                    "The request is too long, or has characters or numbers that cannot be sent.",
                    "Type the prompt again, shorter and in plain English, and check the numbers.",
                )
            )
            return request_id
        if self.info:
            self._send_request(request_id, header)
        else:
            self._waiting[request_id] = header
        return request_id

    def cancel(self, request_id: int | None = None) -> None:
        """Give up one request, or all. Its later replies are ignored; takes that came before stay valid."""
        for waiting in [i for i in self._waiting if request_id in (None, i)]:
            del self._waiting[waiting]
            self._events.append(RequestCancelled(waiting, 0))
        for sent in [i for i in self._sent if request_id in (None, i)]:
            takes = self._sent.pop(sent)
            self._cancelled[sent] = time.monotonic() + self._cancel_seconds
            if self._process:
                self._process.send({"type": "cancel", "id": sent})
            self._events.append(RequestCancelled(sent, takes))

    def poll(self) -> list[Event]:
        """What has happened since the last call, without waiting."""
        process = self._process
        while process and process is self._process:
            try:
                self._receive(process.inbox.get_nowait())
            except queue.Empty:
                break
        self._check_deadlines()
        events, self._events = self._events, []
        return events

    def wait(self, seconds: float) -> list[Event]:
        """As `poll`, but wait for something to happen, at most that long."""
        if not self._events and self._process:
            with contextlib.suppress(queue.Empty):
                self._receive(self._process.inbox.get(timeout=seconds))
        return self.poll()

    def wait_until_ready(self) -> Iterator[Event]:
        """Events until the engine is ready or gone; blocks. Ends by itself through the start time-out."""
        while True:
            yield from self.wait(0.2)
            if self.state is not State.STARTING:
                return

    def follow(self, request_id: int) -> Iterator[Event]:
        """Events until the request has ended; blocks. Ends by itself through the time-outs."""
        over = False
        while not over:
            for event in self.wait(0.2):
                over = over or (
                    isinstance(event, RequestDone | RequestCancelled | RequestFailed) and event.request_id == request_id
                )
                yield event

    def _send_request(self, request_id: int, header: dict[str, Any]) -> None:
        assert self._process
        self._process.send(header)
        self._sent[request_id] = 0
        self._last_heard = time.monotonic()

    def _receive(self, item: protocol.Message | ProcessEnded) -> None:
        self._last_heard = time.monotonic()
        if isinstance(item, ProcessEnded):
            self._fail("engine_ended", *_how_it_ended(item, self.info is None), item.log_lines)
            return
        handlers: dict[str, Callable[[protocol.Message], None]] = {
            "status": self._on_status,
            "hello": self._on_hello,
            "progress": self._on_progress,
            "motion": self._on_motion,
            "done": self._on_done,
            "cancelled": self._on_cancelled,
            "error": self._on_error,
        }
        handler = handlers.get(item.type)
        if handler is None:
            return
        try:
            handler(item)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._fail("malformed", f"The engine's “{item.type}” message was not understood ({error}).", VERSION_HINT)

    def _on_status(self, message: protocol.Message) -> None:
        self.status = str(message.header.get("message", ""))
        self._events.append(EngineStatus(str(message.header.get("stage", "")), self.status))

    def _on_hello(self, message: protocol.Message) -> None:
        spoken = message.header.get("protocol")
        if spoken != protocol.PROTOCOL_VERSION:
            text = f"The engine speaks protocol version {spoken}, this add-on version {protocol.PROTOCOL_VERSION}."
            self._fail("protocol_version", text, VERSION_HINT)
            return
        self.info, self.status = engine_info(message.header), ""
        self._events.append(EngineReady(self.info))
        waiting, self._waiting = self._waiting, {}
        for request_id, header in waiting.items():
            self._send_request(request_id, header)

    def _on_progress(self, message: protocol.Message) -> None:
        request_id, header = _id_of(message), message.header
        if request_id in self._sent:
            take, count, step, total = (int(header[name]) for name in ("take", "count", "step", "total"))
            self._events.append(Progress(request_id, take, count, step, total))

    def _on_motion(self, message: protocol.Message) -> None:
        if _id_of(message) in self._sent:
            event = motion_ready(message)
            self._sent[event.request_id] += 1
            self._events.append(event)

    def _on_done(self, message: protocol.Message) -> None:
        request_id, header = _id_of(message), message.header
        if self._is_current(request_id):
            milliseconds = {str(name): float(value) for name, value in header["milliseconds"].items()}
            del self._sent[request_id]
            self._events.append(RequestDone(request_id, int(header["takes"]), milliseconds))

    def _on_cancelled(self, message: protocol.Message) -> None:
        request_id = _id_of(message)
        if self._is_current(request_id):
            self._events.append(RequestCancelled(request_id, self._sent.pop(request_id)))

    def _on_error(self, message: protocol.Message) -> None:
        header = message.header
        code, text, hint = (str(header.get(name) or "") for name in ("code", "message", "hint"))
        if header.get("fatal"):
            self._fail(code, text, hint)
            return
        # An error without an id answers a message that the engine could not read: one of those under way.
        concerned = list(self._sent) if header.get("id") is None else [_id_of(message)]
        for request_id in filter(self._is_current, concerned):
            del self._sent[request_id]
            self._events.append(RequestFailed(request_id, code, text, hint, dict(header.get("details") or {})))

    def _is_current(self, request_id: int) -> bool:
        """Whether the answer concerns a request that was not given up."""
        self._cancelled.pop(request_id, None)
        return request_id in self._sent

    def _check_deadlines(self) -> None:
        now = time.monotonic()
        silence = now - self._last_heard
        if self.state is State.STARTING and silence > self._start_seconds:
            text = f"The engine did not start: nothing was heard of it for {silence:.0f} s."
            self._fail("start_timeout", text, RETRY_HINT)
        elif self.state is State.BUSY and silence > self._answer_seconds:
            self._fail("no_answer", f"The engine has not answered for {silence:.0f} s and was ended.", RETRY_HINT)
        elif any(deadline < now for deadline in self._cancelled.values()):
            self._fail("no_answer", "The engine did not react to Cancel and was ended.", RETRY_HINT)

    def _fail(self, code: str, message: str, hint: str, log_lines: tuple[str, ...] = ()) -> None:
        self.failure = EngineFailed(code, message, hint, log_lines)
        lost = [*self._waiting, *self._sent]
        self._drop_process(grace_seconds=0.5)
        self._events += [RequestFailed(request_id, code, message, hint) for request_id in lost]
        self._events.append(self.failure)

    def _drop_process(self, grace_seconds: float = 3.0) -> None:
        assert self._process
        self._process.close(grace_seconds)
        self._ending = [process for process in self._ending if not process.join(0.0)] + [self._process]
        self._process, self.info, self.status = None, None, ""
        self._waiting.clear()
        self._sent.clear()
        self._cancelled.clear()


def _id_of(message: protocol.Message) -> int:
    request_id = message.header["id"]
    if not isinstance(request_id, int):
        raise TypeError(f"id {request_id!r}")
    return request_id


def _how_it_ended(ended: ProcessEnded, was_starting: bool) -> tuple[str, str]:
    """(message, hint)"""
    if ended.returncode is None:
        return (
            f"The engine could not be started: {ended.reason}.",
            "Press Install Engine to repair it, or correct the engine's Python in the preferences.",
        )
    if any("No module named" in line for line in ended.log_lines):
        return (
            f"The engine's Python lacks something it needs: {ended.log_lines[-1]}.",
            "Press Install Engine: it adds what is missing.",
        )
    when = "while it was starting" if was_starting else "unexpectedly"
    why = f"stopped by signal {-ended.returncode}" if ended.returncode < 0 else f"exit status {ended.returncode}"
    last = ended.reason or (ended.log_lines[-1] if ended.log_lines else "")
    return f"The engine ended {when} ({why}). {last}".strip(), RETRY_HINT
