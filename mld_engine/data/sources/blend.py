# SPDX-License-Identifier: GPL-3.0-or-later
"""The Actions of a .blend: Blender itself plays them, the bone mapper tells whose bones are whose.

The user's Blender (4.2 or newer), or a Python that has it as a module, runs the add-on's
`export_actions.py` on the file; neither the file's scripts nor any window is opened.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError, RequestError
from ...setup.blender import Blender, installed_blender
from ...setup.errors import SetupError
from ...setup.process import answer, run_lines
from .bone_mapper import addon_folder, bone_map, errors, quaternion, snapshot
from .folder import FolderOptions, Labels
from .found import Found, LeftOut
from .posed_rig import PosedRig, body_motion

_SCRIPT: Final = ("animation", "export_actions.py")
_TOLD_LINES: Final = 8


def read(path: Path, blender: str, options: FolderOptions | None = None) -> Iterator[Found]:
    """Every Action of every armature as a clip, named after it; rows of the CSV name Actions as files.

    `blender`: the program, or a Python with the bpy module. Raises RequestError (bad_source, bad_labels), and
    EngineError (blender_failed) where Blender does not start or cannot open the file.
    """
    labels = Labels(path.parent, options or FolderOptions())
    if not path.is_file():
        raise RequestError("bad_source", f"There is no file {path}.", "Check the path.")
    program = _program(blender)
    with tempfile.TemporaryDirectory(prefix="mld-actions-") as folder:
        _export(program, path, Path(folder))
        files = sorted(Path(folder).glob("*.npz"))
        if not files:
            message = f"{path} has no armature with an Action."
            raise RequestError("bad_source", message, "Save the file with its Actions (fake user) and try again.")
        names: set[str] = set()
        for file in files:
            with np.load(file, allow_pickle=False) as content:
                about = json.loads(str(content["about"]))
                pose = np.asarray(content["pose"], np.float64) if "pose" in content else np.zeros((0, 0, 4, 4))
            if "problem" in about:
                yield LeftOut(about["armature"], about["problem"])
                continue
            name = about["action"] if about["action"] not in names else f"{about['armature']}/{about['action']}"
            names.add(name)
            yield from _read_action(labels, name, about, pose)
        yield from labels.absent(names)


def _read_action(labels: Labels, name: str, about: dict[str, Any], pose: NDArray[np.float64]) -> Iterator[Found]:
    rig = snapshot.RigSnapshot.from_dict(about["rig"])
    detection = bone_map.detect(rig)
    if not detection.usable:
        odd = ", ".join(detection.missing) or " ".join(detection.notes)
        yield LeftOut(name, f"the bones of armature {about['armature']!r} are not those of a known body: {odd}")
        return
    turned = quaternion.from_matrix(pose)
    back = quaternion.conjugate(quaternion.from_matrix(rig.rest_world))
    posed = PosedRig(_free(rig), quaternion.multiply(turned, back), pose[..., :3, 3])
    try:
        rotations, root = body_motion(posed, detection.bone_map)
    except (errors.RetargetError, snapshot.RigError) as error:
        yield LeftOut(name, error.message)
        return
    yield from labels.clips(name, name, rotations.astype(np.float32), root.astype(np.float32), float(about["fps"]))


def _free(rig: snapshot.RigSnapshot) -> snapshot.RigSnapshot:
    """The rig at rest with nothing locked: its motion is read, not written."""
    unlocked = np.zeros_like(rig.lock_rotation)
    identity = np.tile(np.eye(4), (len(rig), 1, 1))
    return replace(rig, basis=identity, lock_rotation=unlocked, lock_rotation_w=np.zeros_like(rig.lock_rotation_w))


def _program(named: str) -> Blender:
    try:
        return installed_blender(named)
    except SetupError as error:
        told = answer([named, "-c", "import bpy; print(bpy.app.version_string)"])
        if told is None or told.returncode or not told.stdout.split():
            raise EngineError("blender_failed", error.message, "Name Blender with --blender PATH.") from error
        return Blender(Path(named), is_wheel=True, version=told.stdout.split()[-1])


def _export(program: Blender, path: Path, out: Path) -> None:
    lines: list[str] = []
    command = program.script_command(addon_folder().joinpath(*_SCRIPT), [str(path.resolve()), str(out)])
    try:
        status = run_lines(command, lines.append)
    except SetupError as error:
        raise EngineError("blender_failed", error.message, error.hint) from error
    # A crash while Blender shuts down comes after the last line.
    if not any(line.startswith("mld: ") for line in lines):
        told = " | ".join(line.strip() for line in lines[-_TOLD_LINES:] if line.strip())
        raise EngineError("blender_failed", f"Blender could not read {path} (status {status}): {told}", "")
