# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the set-up: what happened, what to do next, and the lines that show it."""

from __future__ import annotations

from collections.abc import Sequence


class SetupError(Exception):
    """`message` says what happened, `hint` what to do, `lines` are the last useful lines of a tool's output."""

    def __init__(self, message: str, hint: str = "", lines: Sequence[str] = ()) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
        self.lines = tuple(lines)


class PythonMissing(SetupError):  # noqa: N818 (a state of the computer, not a fault of a run)
    """There is no interpreter of the version that a package is built for."""
