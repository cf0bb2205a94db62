# SPDX-License-Identifier: GPL-3.0-or-later
"""The message area of the panel: what happened, what to do next, and buttons that do it."""

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
    offered_segments: int = 0
    """Of how many segments motion of the wanted length can be chained; 0 where that is not the matter."""
    show_log: bool = False

    @property
    def text(self) -> str:
        """One line, for an operator's report."""
        return " ".join(f"{self.message} {self.hint}".split())
