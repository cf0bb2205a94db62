# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs install_deps.py in the background: progress lines out, cancel by ending the whole process tree.

Interrupting it is safe: the script repairs an unfinished environment when it runs again.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from .environment import child_environment, hidden_window

LOG_NAME: Final = "install.log"
TAIL_LINES: Final = 8
MINIMUM_PYTHON: Final = (3, 10)
_PROBE: Final = "import sys; print(*sys.version_info[:2])"


class InstallState(Enum):
    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class InstallProgress:
    """One line for the panel. `fraction` is 0 .. 1, or None where the length is unknown."""

    stage: str
    message: str
    fraction: float | None


@dataclass(frozen=True)
class InstallEnded:
    state: InstallState
    message: str
    hint: str = ""
    python: Path | None = None
    """The engine's Python, when done."""


InstallEvent = InstallProgress | InstallEnded


def python_candidates(executable: str, prefix: str) -> list[Path]:
    """Where the host application may keep a plain Python, most likely first."""
    base = Path(prefix)
    names = ("python.exe",) if os.name == "nt" else (f"python{sys.version_info[0]}.{sys.version_info[1]}", "python3")
    folders = (base, base / "bin")
    return [Path(executable), *(folder / name for folder in folders for name in names)]


def find_python(candidates: Sequence[Path]) -> Path | None:
    """The first candidate that runs as a Python of at least MINIMUM_PYTHON; waits for each to answer."""
    for candidate in candidates:
        if not candidate.name.lower().startswith("python") or not candidate.is_file():
            continue
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            answer = subprocess.run(
                [str(candidate), "-I", "-c", _PROBE],
                env=child_environment(os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=30,
                check=True,
                **hidden_window(),
            )
            if tuple(int(part) for part in answer.stdout.split()) >= MINIMUM_PYTHON:
                return candidate
    return None


class Installer:
    """One installation at a time. `start` and `cancel` return at once; `poll` tells what happened."""

    def __init__(self) -> None:
        self.state = InstallState.IDLE
        self.progress = InstallProgress("", "", None)
        self._events: queue.Queue[InstallEvent] = queue.Queue()
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[str] | None = None
        self._cancelled = False
        self._thread: threading.Thread | None = None

    def start(
        self,
        candidates: Sequence[Path],
        script: Path,
        arguments: Sequence[str],
        *,
        log_dir: Path,
        environment: Mapping[str, str],
    ) -> None:
        """Run `python script arguments --progress-json` with the first candidate that is a Python."""
        if self.state is InstallState.RUNNING:
            return
        self.state = InstallState.RUNNING
        self.progress = InstallProgress("start", "Preparing the installation", None)
        self._cancelled = False
        self._thread = threading.Thread(
            target=self._run,
            args=(tuple(candidates), script, tuple(arguments), log_dir, child_environment(environment)),
            name="mld-install",
            daemon=True,
        )
        self._thread.start()

    def cancel(self) -> None:
        """End the script and everything it started."""
        with self._lock:
            self._cancelled = True
            if self._popen and self._popen.poll() is None:
                threading.Thread(target=_end_tree, args=(self._popen,), name="mld-install-end", daemon=True).start()

    def close(self, seconds: float = 5.0) -> None:
        """Cancel, and wait until it has ended, at most that long."""
        if self._thread and self._thread.is_alive():
            self.cancel()
            self._thread.join(seconds)

    def poll(self) -> list[InstallEvent]:
        """What has happened since the last call; `state` and `progress` are up to date afterwards."""
        events: list[InstallEvent] = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self._events.get_nowait())
        for event in events:
            if isinstance(event, InstallEnded):
                self.state = event.state
            else:
                self.progress = event
        return events

    def _run(
        self,
        candidates: Sequence[Path],
        script: Path,
        arguments: Sequence[str],
        log_dir: Path,
        environment: dict[str, str],
    ) -> None:
        try:
            ended = self._install(candidates, script, arguments, log_dir, environment)
        except OSError as error:
            ended = InstallEnded(
                InstallState.FAILED, f"The installation could not run: {error}.", "Check the disk, then try again."
            )
        self._events.put(ended)

    def _install(
        self,
        candidates: Sequence[Path],
        script: Path,
        arguments: Sequence[str],
        log_dir: Path,
        environment: dict[str, str],
    ) -> InstallEnded:
        python = find_python(candidates)
        if not python:
            return InstallEnded(
                InstallState.FAILED,
                "No usable Python 3.10 or newer was found in Blender.",
                "Run “python3 install_deps.py” in a terminal and set the Python it prints in the add-on's preferences.",
            )
        log_dir.mkdir(parents=True, exist_ok=True)
        with (log_dir / LOG_NAME).open("w", encoding="utf-8") as log:
            with self._lock:
                if self._cancelled:
                    return InstallEnded(InstallState.CANCELLED, "Installation cancelled.")
                self._popen = subprocess.Popen(
                    [str(python), str(script), *arguments, "--progress-json"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=os.name != "nt",
                    **hidden_window(),
                )
            return self._follow(self._popen, log)

    def _follow(self, popen: subprocess.Popen[str], log: Any) -> InstallEnded:
        assert popen.stdout
        installed: Path | None = None
        failed: dict[str, Any] = {}
        other_lines: list[str] = []
        for line in popen.stdout:
            log.write(line)
            log.flush()
            record = _progress_record(line)
            if record is None:
                other_lines = [*other_lines, line.strip()][-TAIL_LINES:] if line.strip() else other_lines
            elif record["stage"] == "failed":
                failed = record
            elif record["stage"] == "done" and record.get("python"):
                installed = Path(str(record["python"]))
            else:
                self._events.put(_progress(record))
        returncode = popen.wait()
        if self._cancelled:
            return InstallEnded(
                InstallState.CANCELLED, "Installation cancelled.", "Press Install Engine to go on with it."
            )
        if returncode == 0 and installed:
            return InstallEnded(InstallState.DONE, "The engine is installed.", python=installed)
        last = other_lines[-1] if other_lines else f"exit status {returncode}"
        return InstallEnded(
            InstallState.FAILED,
            f"The installation failed: {failed.get('message') or last}",
            str(failed.get("hint") or "Press Install Engine to go on with it; the log tells more."),
        )


def _progress_record(line: str) -> dict[str, Any] | None:
    """The JSON object on the line; None for any other output."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "stage" in record else None


def _progress(record: Mapping[str, Any]) -> InstallProgress:
    fraction = record.get("fraction")
    return InstallProgress(
        str(record["stage"]),
        str(record.get("message") or ""),
        min(max(float(fraction), 0.0), 1.0) if isinstance(fraction, int | float) else None,
    )


def _end_tree(popen: subprocess.Popen[str]) -> None:
    """End a process and its children: pip starts others, which would go on downloading."""
    if os.name == "nt":
        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(popen.pid)], capture_output=True, check=False, **hidden_window()
        )
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, signal.SIGTERM)
        try:
            popen.wait(3.0)
        except subprocess.TimeoutExpired:
            os.killpg(popen.pid, signal.SIGKILL)
