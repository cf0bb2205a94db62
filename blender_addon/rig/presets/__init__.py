# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone maps as JSON files: shipped ones in this folder, and the animator's own elsewhere.

    {"format": "mld-bone-map", "version": 1, "name": "Our hero",
     "bones": {"pelvis": "hip_ctrl", "left_hip": "leg_1_L", ...},
     "rig": "<fingerprint>"}

`bones` maps roles to bone names. `rig` is optional: with it, the map belongs to rigs with exactly the
same bone names (a map that was remembered for a character); without it, to every rig that has all its bones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .. import roles
from ..snapshot import RigSnapshot

FORMAT: Final = "mld-bone-map"
VERSION: Final = 1
SHIPPED_FOLDER: Final = Path(__file__).resolve().parent
_MAX_BYTES: Final = 1 << 20
_RESERVED: Final = re.compile(r"con|prn|aux|nul|(com|lpt)\w")
"""Names that Windows keeps for devices, with any suffix."""


class PresetError(Exception):
    """A preset file that cannot be read or written. The message names the file and says what is wrong."""


@dataclass(frozen=True)
class Preset:
    """A named bone map, role -> bone name, and the fingerprint of the rig it was made for, if only for that."""

    name: str
    bones: Mapping[str, str]
    rig: str = ""

    def fits(self, rig: RigSnapshot) -> bool:
        """Whether the map belongs to the rig: made for it, or else a map for all rigs with these bones."""
        if self.rig:
            return self.rig == fingerprint(rig)
        return bool(self.bones) and all(bone in rig for bone in self.bones.values())


def fingerprint(rig: RigSnapshot) -> str:
    """SHA-256 of the sorted bone names: the same for every copy of a character, whatever its object is called."""
    return hashlib.sha256("\n".join(sorted(rig.bone_names)).encode("utf-8")).hexdigest()


def load(path: Path) -> Preset:
    """Read one file. Raises PresetError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise PresetError(f"{path.name} is too large to be a bone map.")
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PresetError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise PresetError(f"{path.name} is not valid JSON: {error}.") from error
    return _parse(values, path.name)


def load_folder(folder: Path) -> tuple[tuple[Preset, ...], tuple[str, ...]]:
    """All presets of a folder by file name, and one message for each file that could not be read.

    A folder that does not exist has none.
    """
    presets: list[Preset] = []
    messages: list[str] = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            presets.append(load(path))
        except PresetError as error:
            messages.append(str(error))
    return tuple(presets), tuple(messages)


def in_detection_order(presets: Iterable[Preset]) -> tuple[Preset, ...]:
    """Those made for one rig first, otherwise as given: what was remembered for a character beats a general map."""
    return tuple(sorted(presets, key=lambda preset: not preset.rig))


def save(preset: Preset, folder: Path) -> Path:
    """Write the preset into the folder, replacing one of the same name, and return its path. Raises PresetError.

    The file appears whole or not at all.
    """
    values = {"format": FORMAT, "version": VERSION, "name": preset.name, "bones": dict(preset.bones)}
    if preset.rig:
        values["rig"] = preset.rig
    _parse(values, "The bone map")
    path = folder / f"{file_stem(preset.name)}.json"
    temporary = path.with_suffix(".tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise PresetError(f"{path.name} cannot be written: {error.strerror or error}.") from error
    return path


def delete(name: str, folder: Path) -> None:
    """Remove the preset of that name from the folder, whatever its file is called. Raises PresetError."""
    found = [path for path in sorted(folder.glob("*.json")) if _name_in(path) == name]
    if not found:
        raise PresetError(f"There is no bone map “{name}” in {folder}.")
    for path in found:
        try:
            path.unlink()
        except OSError as error:
            raise PresetError(f"{path.name} cannot be deleted: {error.strerror or error}.") from error


def _name_in(path: Path) -> str | None:
    try:
        return load(path).name
    except PresetError:
        return None


def file_stem(name: str) -> str:
    """A file name without extension for a preset's name, valid on every system and different for different names."""
    plain = re.sub(r"[^\w-]+", "_", name.strip().lower()).strip("_")[:60]
    if plain == name and not _RESERVED.fullmatch(plain):
        return plain
    return f"{plain or 'map'}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:6]}"


def _parse(values: Any, source: str) -> Preset:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise PresetError(f"{source} is not a bone map: “format” must be “{FORMAT}”.")
    if values.get("version") != VERSION:
        raise PresetError(
            f"{source} has version {values.get('version')!r}; this add-on reads version {VERSION}. Update the add-on."
        )
    name, bones, rig = values.get("name"), values.get("bones"), values.get("rig", "")
    if not isinstance(name, str) or not name.strip():
        raise PresetError(f"{source}: “name” must be a text.")
    if not isinstance(bones, dict) or not bones:
        raise PresetError(f"{source}: “bones” must map roles to bone names.")
    if not isinstance(rig, str):
        raise PresetError(f"{source}: “rig” must be a text.")
    for role, bone in bones.items():
        if role not in roles.LABELS:
            raise PresetError(f"{source}: there is no role “{role}”. Roles are: {', '.join(roles.ROLES)}.")
        if not isinstance(bone, str) or not bone:
            raise PresetError(f"{source}: the bone of “{role}” must be a name.")
    twice = sorted({bone for bone in bones.values() if list(bones.values()).count(bone) > 1})
    if twice:
        raise PresetError(f"{source}: “{twice[0]}” plays more than one role.")
    return Preset(name, bones, rig)
