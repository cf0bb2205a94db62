# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone maps from files: the animator's own ones in the user's folder, and those that come with the add-on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from .preferences import user_folder
from .rig import presets
from .rig.presets import SHIPPED_FOLDER, Preset

FOLDER: Final = "bone_maps"


@dataclass(frozen=True)
class Library:
    """What was found in the two folders."""

    own: tuple[Preset, ...] = ()
    shipped: tuple[Preset, ...] = ()
    """Without those whose name one of the animator's own has."""
    messages: tuple[str, ...] = ()
    """One for each file that could not be read, and was left out."""

    @property
    def for_detection(self) -> tuple[Preset, ...]:
        """Maps remembered for one rig first, then the animator's own before the shipped ones."""
        return presets.in_detection_order((*self.own, *self.shipped))

    def find(self, name: str) -> Preset | None:
        return next((preset for preset in (*self.own, *self.shipped) if preset.name == name), None)


@cache
def library() -> Library:
    """Both folders as they were when the add-on was registered, or at the last `reload`: drawing reads no files."""
    own, own_messages = presets.load_folder(own_folder())
    shipped, shipped_messages = presets.load_folder(SHIPPED_FOLDER)
    names = {preset.name for preset in own}
    shipped = tuple(preset for preset in shipped if preset.name not in names)
    return Library(own, shipped, (*own_messages, *shipped_messages))


def reload() -> Library:
    """Read both folders again."""
    library.cache_clear()
    return library()


def own_folder() -> Path:
    return user_folder() / FOLDER


def save_own(preset: Preset) -> Path:
    """Write a preset of the animator's, replacing one of the same name. Raises PresetError."""
    path = presets.save(preset, own_folder())
    reload()
    return path


def delete_own(name: str) -> None:
    """Remove a preset of the animator's. Raises PresetError."""
    presets.delete(name, own_folder())
    reload()
