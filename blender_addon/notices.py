# SPDX-License-Identifier: GPL-3.0-or-later
"""The message area of the panel: what happened, what to do next, and at most one button that does it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """`level` is one of Blender's report types: INFO, WARNING, ERROR."""

    level: str
    message: str
    hint: str = ""
    offered_seconds: float | None = None
    """The nearest length the engine can make, where the request was longer or shorter: the panel offers it."""
    show_log: bool = False

    @property
    def text(self) -> str:
        """One line, for an operator's report."""
        return " ".join(f"{self.message} {self.hint}".split())
