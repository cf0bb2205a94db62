# SPDX-License-Identifier: GPL-3.0-or-later
"""HumanAct12 as ACTOR publishes it: one pickle, humanact12poses.pkl.

Known (ACTOR's reader): "poses", a list of (T, 72) SMPL rotation vectors; "joints3D", a list of (T, 24, 3)
whose first joint is the pelvis; "y", the class number of each; no split, for training and test are the
same clips; the twelve class names. Inferred: 20 frames a second, which ACTOR's viewer plays, and that Y
points down, as in its viewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ...checkpoints.official.action_names import HUMANACT12
from ...contract.skeleton import REST_OFFSETS
from ...errors import RequestError
from ...pickles.numpy_objects import listed, numbers
from ..store import ClipRecord
from .found import Found, LeftOut, held_out_split
from .labels import mirrored_label
from .pickle_file import read_pickle_file
from .smpl_poses import upright_motion
from .source import Source

FILE: Final = "humanact12poses.pkl"
FPS: Final = 20.0


def open_source(
    path: Path, fps: float = 30.0, source_fps: float = FPS, held_out: float = 0.0, licence: str = ""
) -> Source:
    """The pickle, or the folder that holds it. Raises RequestError (bad_source)."""
    file = path / FILE if path.is_dir() else path
    content = read_pickle_file(file)
    try:
        poses, joints, classes = (listed(content[key]) for key in ("poses", "joints3D", "y"))
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(
            "bad_source", f"{file.name} is no HumanAct12 pickle: {error} is missing or no list.", f"Name {FILE}."
        ) from error
    if not len(poses) == len(joints) == len(classes):
        counts = f"{len(poses)} poses, {len(joints)} joints3D and {len(classes)} y"
        raise RequestError("bad_source", f"{file.name} has {counts}.", "Get the file again.")

    def found() -> Iterator[Found]:
        for number, (pose, joint, label) in enumerate(zip(poses, joints, classes, strict=True)):
            name = f"humanact12/{number:04d}"
            try:
                action = _action(label)
                motion = upright_motion(numbers(pose), numbers(joint)[:, 0], source_fps, fps)
            except (ValueError, IndexError) as error:
                yield LeftOut(name, f"it cannot be read: {error}")
                continue
            yield ClipRecord(
                name, *motion, held_out_split(name, held_out), action, mirrored_label(action), source="HumanAct12",
                licence=licence,
            )  # fmt: skip

    return Source("HumanAct12", fps, REST_OFFSETS, found())


def _action(label: object) -> str:
    if not isinstance(label, (int, np.integer)) or not 0 <= label < len(HUMANACT12):
        raise ValueError(f"its class is {str(label)[:20]}, none of the twelve")
    return HUMANACT12[int(label)]
