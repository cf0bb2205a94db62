# SPDX-License-Identifier: GPL-3.0-or-later
"""A real engine process and the plainest client of it: one thread reads, every wait has an end."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mld_engine.contract.protocol import (
    PROTOCOL_VERSION,
    STARTUP_NOISE_BYTES,
    Message,
    ProtocolError,
    read_message,
    write_message,
)

REPOSITORY = Path(__file__).resolve().parents[2]
ANSWERS = ("done", "cancelled", "error")


def quiet_environment(**extra: str) -> dict[str, str]:
    """The environment of a child: two threads, no compiled files left in the checkout."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **extra}


class EngineProcess:
    """`python -m mld_engine serve`, or another program that becomes it."""

    def __init__(self, *options: str, program: Sequence[str] = ("-m", "mld_engine"), hello: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *program, "serve", "--device", "cpu", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env=quiet_environment(),
        )
        self.received: queue.Queue[Message | ProtocolError | None] = queue.Queue()
        self.errors: list[bytes] = []
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()
        if hello:
            self.send("hello", protocol=PROTOCOL_VERSION)

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            noise = STARTUP_NOISE_BYTES
            while (message := read_message(self.process.stdout, noise=noise)) is not None:
                self.received.put(message)
                noise = 0
            self.received.put(None)
        except ProtocolError as error:
            self.received.put(error)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def send(self, kind: str, **fields: Any) -> None:
        assert self.process.stdin is not None
        write_message(self.process.stdin, {"type": kind, **fields})

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next(self, timeout: float = 60.0) -> Message:
        """The next message; AssertionError at the end of the stream, or when it breaks."""
        item = self.received.get(timeout=timeout)
        assert isinstance(item, Message), f"no message but {item!r}; stderr: {self.stderr()}"
        return item

    def until(self, *kinds: str) -> list[Message]:
        """Messages up to and including the first of one of these kinds."""
        messages = [self.next()]
        while messages[-1].type not in kinds:
            messages.append(self.next())
        return messages

    def generate(self, request_id: object, **fields: Any) -> list[Message]:
        """Send a request and read up to its answer; a status in between belongs to the panel."""
        self.send("generate", id=request_id, **fields)
        messages = [message for message in self.until(*ANSWERS) if message.type != "status"]
        assert all(message.header["id"] == request_id for message in messages)
        return messages

    def stderr(self) -> str:
        return b"".join(self.errors).decode(errors="replace")

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self, timeout: float) -> int:
        """Exit status; subprocess.TimeoutExpired when the process is still there."""
        status = self.process.wait(timeout)
        for thread in self._threads:
            thread.join(5)
        return status

    def stop(self) -> None:
        """End the process whatever it does."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


def damaged_copy(folder: Path) -> Path:
    """The default pack with one bit of its denoiser turned over."""
    shutil.copytree(REPOSITORY / "mld_engine" / "packs" / "research", folder)
    with (folder / "denoiser.safetensors").open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte ^ 1]))
    return folder


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie that nobody collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def gone_after(pid: int, limit: float) -> float | None:
    """Seconds until the process ended; None when it outlived `limit`."""
    started = time.monotonic()
    while time.monotonic() - started < limit:
        if not runs(pid):
            return time.monotonic() - started
        time.sleep(0.02)
    return None
