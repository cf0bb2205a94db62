# SPDX-License-Identifier: GPL-3.0-or-later
"""What the default pack knows, read from its config.json before any engine runs: labels, limits, licence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_PACK: Final = "research"


@dataclass(frozen=True)
class Vocabulary:
    """Of one pack. Empty where the pack could not be read: the engine then says what is wrong with it."""

    pack: str = DEFAULT_PACK
    licence: str = ""
    """The licence's short name, such as `CC BY-NC 4.0`."""
    actions: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    min_seconds: float = 0.0
    max_seconds: float = float("inf")

    @property
    def licence_line(self) -> str:
        """For the panel: which model, and what its licence allows."""
        if not self.licence:
            return f"Model: {self.pack}"
        use = "non-commercial" if "-NC" in self.licence else "licence"
        return f"Model: {self.pack} — {use} ({self.licence})"


def read_vocabulary(source_root: Path, pack: str = DEFAULT_PACK) -> Vocabulary:
    """The vocabulary of a pack that ships with the engine's source."""
    try:
        config = json.loads((source_root / "mld_engine" / "packs" / pack / "config.json").read_text(encoding="utf-8"))
        fps, frames = float(config["representation"]["fps"]), config["frames"]
        return Vocabulary(
            pack=str(config["name"]),
            licence=str(config["licence"]).split(" (")[0].strip(),
            actions=tuple(str(label) for label in config["actions"]),
            styles=tuple(str(label) for label in config["styles"]),
            min_seconds=float(frames["min"]) / fps,
            max_seconds=float(frames["max"]) / fps,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Vocabulary(pack=pack)
