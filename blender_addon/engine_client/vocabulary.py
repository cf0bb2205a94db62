# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pack can do, read from its config.json before any engine runs: labels, limits, licence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DEFAULT_PACK: Final = "research"
CONFIG_FILE: Final = "config.json"
_MANY_STEPS: Final = 1 << 31
_CONDITION_WORDS: Final = {"TEXT": "text", "ACTION": "action labels", "UNCONDITIONAL": "nothing at all"}


@dataclass(frozen=True)
class Vocabulary:
    """Of one pack. One that is not there has no `conditions`: the engine then says what is wrong with it."""

    pack: str
    licence: str = ""
    """The licence's short name, such as `CC BY-NC 4.0`."""
    conditions: tuple[str, ...] = ()
    """Out of TEXT, ACTION, UNCONDITIONAL."""
    actions: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    min_seconds: float = 0.0
    max_seconds: float = float("inf")
    steps: int = 50
    guidance_scale: float = 4.0
    step_counts: tuple[int, ...] = ()
    """The only numbers of steps of a few-step model; empty where any number works."""

    @property
    def found(self) -> bool:
        return bool(self.conditions)

    @property
    def few_step(self) -> bool:
        """Whether the model was distilled for certain numbers of steps: each has its own guidance scale."""
        return bool(self.step_counts)

    @property
    def licence_line(self) -> str:
        """For the panel: the licence's name, after what it forbids; empty where it is not known."""
        if not self.licence:
            return ""
        limited = "-NC" in self.licence or "non-commercial" in self.licence.lower()
        # The name stays in one piece where the sidebar is narrow.
        name = self.licence.replace(" ", "\u00a0")
        return f"Licence: non-commercial ({name})" if limited else f"Licence: {name}"

    @property
    def only(self) -> str:
        """What the model makes motion from, where that is not everything; empty where it is, or is not known."""
        if not self.found or len(self.conditions) == len(_CONDITION_WORDS):
            return ""
        return f"“{self.pack}” makes motion only from {self._able}."

    @property
    def _able(self) -> str:
        return " or ".join(_CONDITION_WORDS[name] for name in self.conditions)

    def lacks(self, condition: str) -> str:
        """Why the pack makes nothing from a condition of TEXT, ACTION, UNCONDITIONAL; empty where it does."""
        if not self.found:
            return f"There is no model “{self.pack}” here. Choose another one."
        if condition in self.conditions:
            return ""
        return f"The model “{self.pack}” makes no motion from {_CONDITION_WORDS[condition]}, only from {self._able}."


def read_vocabularies(folders: Iterable[Path]) -> dict[str, Vocabulary]:
    """The packs in `folders`, by name, in the engine's order: of two with one name, the first one counts.

    A pack that cannot be read is left out.
    """
    found: dict[str, Vocabulary] = {}
    for folder in folders:
        for config in _configs(folder):
            vocabulary = _read(config)
            if vocabulary is not None:
                found.setdefault(vocabulary.pack, vocabulary)
    return found


def _configs(folder: Path) -> list[Path]:
    """None where there is no such folder. A name with a leading dot is a pack that is being written."""
    try:
        return sorted(path for path in folder.glob(f"*/{CONFIG_FILE}") if not path.parent.name.startswith("."))
    except OSError:
        return []


def _read(path: Path) -> Vocabulary | None:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fps, frames, schedule = float(config["representation"]["fps"]), config["frames"], config["schedule"]
        found = Vocabulary(
            pack=str(config["name"]),
            licence=str(config["licence"]).split(" (")[0].strip(),
            conditions=tuple(name for name in _CONDITION_WORDS if name.lower() in config["conditions"]),
            actions=tuple(str(label) for label in config["actions"]),
            styles=tuple(str(label) for label in config["styles"]),
            min_seconds=float(frames["min"]) / fps,
            max_seconds=float(frames["max"]) / fps,
            steps=int(schedule["steps"]),
            guidance_scale=float(schedule["guidance_scale"]),
            step_counts=tuple(sorted(len(preset["timesteps"]) for preset in schedule.get("presets", ()))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None
    return found if _can_be_shown(found) else None


def _can_be_shown(vocabulary: Vocabulary) -> bool:
    """Whether Blender's fields take the texts and numbers: no engine runs a pack in which they do not."""
    numbers = (vocabulary.min_seconds, vocabulary.max_seconds, vocabulary.guidance_scale)
    try:
        " ".join((vocabulary.pack, vocabulary.licence, *vocabulary.actions, *vocabulary.styles)).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return all(map(math.isfinite, numbers)) and 0 < vocabulary.steps < _MANY_STEPS
