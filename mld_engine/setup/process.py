# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts other programs: their output line by line, nothing of this Python's own settings handed on."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from .errors import SetupError

QUIET_SECONDS: Final = 15.0

_NOT_HANDED_ON: Final = frozenset({
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "PYTHONOPTIMIZE",
    "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV",
})  # fmt: skip


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would steer a child's Python or pip somewhere else."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_HANDED_ON}
    kept.update({"PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PIP_USER": "0"})
    kept.update(extra or {})
    return kept


def hidden_window() -> dict[str, Any]:
    """Keyword arguments that keep Windows from opening a console for a child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {}


def run_lines(
    command: Sequence[str],
    on_line: Callable[[str], None],
    *,
    on_quiet: Callable[[float], None] = lambda _seconds: None,
    cwd: Path | None = None,
    extra_environment: Mapping[str, str] | None = None,
) -> int:
    """Run a program to its end and return its exit status; stdout and stderr arrive line by line.

    `on_quiet(seconds since the start)` is called whenever nothing was printed for QUIET_SECONDS. The
    program ends with us: an exception, Ctrl-C or SIGTERM here stops it. Raises SetupError when it
    cannot be started.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=clean_environment(extra_environment),
            encoding="utf-8",
            errors="replace",
            **hidden_window(),
        )
    except OSError as error:
        raise SetupError(f"{command[0]} could not be started: {error.strerror or error}.") from error
    assert process.stdout
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), name="read-output", daemon=True).start()
    started = time.monotonic()
    try:
        while True:
            try:
                line = lines.get(timeout=QUIET_SECONDS)
            except queue.Empty:
                on_quiet(time.monotonic() - started)
                continue
            if line is None:
                return process.wait()
            on_line(line)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()


def _read(stream: TextIO, lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.rstrip("\r\n"))
    lines.put(None)


def answer(command: Sequence[str], seconds: float = 60.0) -> subprocess.CompletedProcess[str] | None:
    """Run a short program and return what it printed; None when it cannot be started or takes too long."""
    try:
        return subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(),
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
            **hidden_window(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
