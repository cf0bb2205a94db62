# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user reads while things get installed: plain lines, or one JSON object a line for the add-on's panel."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any, Final

from .errors import SetupError

_LOCK: Final = threading.Lock()


class Console:
    """Progress on stdout, errors on stderr; safe to use from several threads.

    With `as_json`, each progress line is {"stage", "message", "fraction"}: fraction 0 .. 1 or null. The last
    of them has the stage `done` and the engine's `python`, or the stage `failed` and a `hint`.
    """

    def __init__(self, *, as_json: bool = False, label: str = "") -> None:
        self.as_json = as_json
        self._label = label

    def labelled(self, label: str) -> Console:
        """The same console, each line marked: for environments that are made at the same time."""
        return Console(as_json=self.as_json, label=label)

    def stage(self, stage: str, message: str, fraction: float | None = None) -> None:
        """A new piece of work has begun."""
        self._write(message, {"stage": stage, "message": message, "fraction": fraction})

    def detail(self, stage: str, message: str, fraction: float | None = None, *, important: bool = True) -> None:
        """What the piece of work is at. An unimportant detail is shown in the panel only."""
        if self.as_json or important:
            self._write(f"  {message}", {"stage": stage, "message": message, "fraction": fraction})

    def note(self, message: str = "") -> None:
        """Something to read that is no progress."""
        self._write(message, {"stage": "note", "message": message, "fraction": None} if message else None)

    def error(self, error: SetupError) -> None:
        """Why nothing came of it; stderr also carries the tool's own last lines."""
        if self.as_json:
            self._write("", {"stage": "failed", "message": error.message, "hint": error.hint, "fraction": None})
        with _LOCK:
            for line in error.lines:
                sys.stderr.write(f"  | {line}\n")
            text = [f"Error: {error.message}", error.hint]
            sys.stderr.write((" " if self.as_json else "\n").join(part for part in text if part) + "\n")
            sys.stderr.flush()

    def result(self, python: str) -> None:
        """The engine's Python, by contract the last line of stdout."""
        if self.as_json:
            self._write("", {"stage": "done", "message": "The engine is ready.", "fraction": 1.0, "python": python})
        with _LOCK:
            sys.stdout.write(python + "\n")
            sys.stdout.flush()

    def _write(self, text: str, record: dict[str, Any] | None) -> None:
        if self.as_json:
            if record is None:
                return
            line = json.dumps(record)
        else:
            line = f"[{self._label}] {text}" if self._label and text else text
        with _LOCK:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
