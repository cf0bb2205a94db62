# SPDX-License-Identifier: GPL-3.0-or-later
"""One motion file: read with everything a take needs, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..animation.source import SourceTake
from ..contract import amass, skeleton
from ..errors import AddonError
from ..retarget.source_motion import SourceMotion
from .ground import grounded

SUFFIX: Final = ".npz"
SHORTEST_FRAMES: Final = 2
_NO_MOTION: Final = "Choose an .npz with SMPL, SMPL-H or SMPL-X poses, as AMASS and this add-on write them."


class MotionFileError(AddonError):
    """A file that cannot be read or written. `message` says why, `hint` what the animator can do."""


@dataclass(frozen=True)
class MotionFile:
    """A motion that stands on the floor, with its contacts."""

    name: str
    """Of the file, without its folder."""
    take: SourceTake
    """As a take keeps it: float32."""
    meta: dict[str, Any]
    """What the motion was made from; empty in files of other programs."""

    @property
    def motion(self) -> SourceMotion:
        return SourceMotion(*self.take)


def read_motion_file(path: Path) -> MotionFile:
    """A file of this add-on, of `python -m mld_engine generate`, or of AMASS. Raises MotionFileError.

    Files without a skeleton get the average one, in the person's size, and are set on the floor.
    """
    try:
        clip = amass.read(path)
    except FileNotFoundError as error:
        raise MotionFileError(f"There is no file {path}.", "Check the path.") from error
    except OSError as error:
        raise MotionFileError(f"{path} cannot be read: {error.strerror or error}.", "Choose another file.") from error
    except ValueError as error:
        raise MotionFileError(f"“{path.name}” is not a motion in AMASS layout: {error}.", _NO_MOTION) from error
    frames = len(clip.rotations)
    if frames < SHORTEST_FRAMES:
        raise MotionFileError(f"“{path.name}” holds a single pose, not a motion.", _NO_MOTION)
    unknown = np.zeros((frames, len(skeleton.CONTACT_JOINTS)), np.float32)
    take = SourceTake(
        clip.rotations,
        clip.root,
        unknown if clip.contacts is None else clip.contacts,
        skeleton.REST_OFFSETS if clip.offsets is None else clip.offsets,
        clip.fps,
    )
    if clip.offsets is None or clip.contacts is None:
        on_floor = grounded(SourceMotion(*take))
        take = take._replace(
            root=on_floor.root.astype(np.float32),
            contacts=on_floor.contacts.astype(np.float32),
            offsets=on_floor.offsets.astype(np.float32),
        )
    return MotionFile(path.name, take, clip.meta)


def write_motion_file(path: Path, take: SourceTake, meta: Mapping[str, Any]) -> Path:
    """Write the motion, with the suffix `.npz` where it has none; an older file stays when that fails.

    Raises MotionFileError where the folder does not take it.
    """
    path = path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)
    content = amass.to_bytes(*take, meta)
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        if os.name == "posix":
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        reason = error.strerror or str(error)
        raise MotionFileError(
            f"{path} was not written: {reason}.", "Choose another folder or name, or free some space."
        ) from error
    return path
