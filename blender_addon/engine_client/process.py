# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine process: started, read and written by threads, so that the caller never waits for it."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..contract import protocol
from .environment import child_environment, hidden_window

STDERR_LOG: Final = "engine-output.log"
STDERR_LOG_BYTES: Final = 1 << 20
"""The log starts anew once it is larger than this."""
TAIL_LINES: Final = 12


@dataclass(frozen=True)
class Launch:
    """How to start an engine."""

    command: tuple[str, ...]
    working_directory: Path
    environment: Mapping[str, str]
    log_dir: Path


@dataclass(frozen=True)
class ProcessEnded:
    """Last entry of the inbox. `returncode` is None when the process could not be started."""

    returncode: int | None
    reason: str
    log_lines: tuple[str, ...]


def serve_launch(
    python: Path, *, source_root: Path, log_dir: Path, device: str, environment: Mapping[str, str]
) -> Launch:
    """The command for `python -m mld_engine serve`, with the engine's source from `source_root`."""
    return Launch(
        command=(str(python), "-m", "mld_engine", "serve", "--device", device, "--log-dir", str(log_dir)),
        working_directory=source_root,
        environment=child_environment(environment, source_root),
        log_dir=log_dir,
    )


class EngineProcess:
    """Everything that arrives stands in `inbox`, ProcessEnded last; `send` and `close` return at once."""

    def __init__(self, launch: Launch) -> None:
        self.inbox: queue.Queue[protocol.Message | ProcessEnded] = queue.Queue()
        self._launch = launch
        self._outbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._over = threading.Event()
        threading.Thread(target=self._run, name="mld-engine-reader", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Process id once it runs."""
        return self._popen.pid if self._popen else None

    def send(self, header: dict[str, Any]) -> None:
        """Queue a message. What cannot be written any more is dropped: ProcessEnded tells of that."""
        self._outbox.put(header)

    def close(self, grace_seconds: float = 3.0) -> None:
        """Ask the engine to end, and make it end when it has not after the grace; returns at once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._outbox.put({"type": "shutdown"})
        self._outbox.put(None)
        threading.Thread(target=self._make_it_end, args=(grace_seconds,), name="mld-engine-end", daemon=True).start()

    def join(self, seconds: float) -> bool:
        """Wait until the process is gone; whether it is."""
        return self._over.wait(seconds)

    def _run(self) -> None:
        try:
            log = self._open_log()
            log_start = log.tell()
            with self._lock:
                if self._closed:
                    log.close()
                    self._end(None, "closed before it was started", ())
                    return
                self._popen = subprocess.Popen(
                    self._launch.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=self._launch.working_directory,
                    env=dict(self._launch.environment),
                    **hidden_window(),
                )
            log.close()
        except OSError as error:
            self._end(None, str(error), ())
            return
        threading.Thread(target=self._write, args=(self._popen,), name="mld-engine-writer", daemon=True).start()
        reason = self._read(self._popen)
        try:
            returncode = self._popen.wait(5.0)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            returncode = self._popen.wait()
        self._outbox.put(None)
        self._end(returncode, reason, self._tail(log_start))

    def _open_log(self) -> Any:
        self._launch.log_dir.mkdir(parents=True, exist_ok=True)
        path = self._launch.log_dir / STDERR_LOG
        too_large = path.is_file() and path.stat().st_size > STDERR_LOG_BYTES
        log = path.open("wb" if too_large else "ab")
        log.seek(0, 2)
        return log

    def _tail(self, start: int) -> tuple[str, ...]:
        try:
            with (self._launch.log_dir / STDERR_LOG).open("rb") as log:
                end = log.seek(0, 2)
                log.seek(max(min(start, end), end - 16384))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return ()
        return tuple(line.rstrip() for line in text.splitlines() if line.strip())[-TAIL_LINES:]

    def _read(self, popen: subprocess.Popen[bytes]) -> str:
        """Pass messages on until the stream ends; returns why it ended other than cleanly."""
        assert popen.stdout
        # What start-up files of that Python print comes before the engine can keep its output to itself.
        noise = protocol.STARTUP_NOISE_BYTES
        while True:
            try:
                message = protocol.read_message(popen.stdout, noise=noise)
                noise = 0
            except protocol.ProtocolError as error:
                if error.recoverable:
                    continue
                popen.kill()
                return f"it sent something that is no message ({error})"
            except (OSError, ValueError) as error:
                return str(error)
            if message is None:
                return ""
            self.inbox.put(message)

    def _write(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdin
        with contextlib.suppress(OSError):
            while (header := self._outbox.get()) is not None:
                protocol.write_message(popen.stdin, header)
        with contextlib.suppress(OSError):
            popen.stdin.close()

    def _make_it_end(self, grace_seconds: float) -> None:
        if self._over.wait(grace_seconds) or not self._popen:
            return
        self._popen.terminate()
        if not self._over.wait(1.0):
            self._popen.kill()

    def _end(self, returncode: int | None, reason: str, log_lines: tuple[str, ...]) -> None:
        self.inbox.put(ProcessEnded(returncode, reason, log_lines))
        self._over.set()
