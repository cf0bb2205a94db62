# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion <-> `.npz` files in AMASS's layout, which `contract.amass` describes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from ..contract import amass, skeleton
from ..errors import RequestError
from ..motion import Motion
from .files import atomic_file

_FOREIGN: Final = "bad_motion_file"


def write_amass(path: Path, motion: Motion) -> None:
    """Write `motion`; the same motion gives the same bytes.

    Raises EngineError (`output_failed`) when the file cannot be written; an older file then stays.
    """
    with atomic_file(path) as stream:
        stream.write(
            amass.to_bytes(motion.rotations, motion.root, motion.contacts, motion.offsets, motion.fps, motion.meta)
        )


def read_amass(path: Path) -> Motion:
    """Read a file of `write_amass` or another AMASS file of SMPL, SMPL-H or SMPL-X poses.

    What only our files have falls back to: `offsets` the contract's rest skeleton, `contacts`
    zeros, `meta` empty, the rest pelvis SMPL's neutral one.

    Raises RequestError (`bad_motion_file`) for anything that is not such a file.
    """
    try:
        clip = amass.read(path)
    except FileNotFoundError as error:
        raise RequestError(_FOREIGN, f"There is no file {path}.", "Check the path.") from error
    except (OSError, ValueError) as error:
        raise RequestError(
            _FOREIGN,
            f"{path} is not a motion in AMASS layout: {error}.",
            "Give an .npz made by `generate` or by AMASS.",
        ) from error
    contacts = (len(clip.rotations), len(skeleton.CONTACT_JOINTS))
    return Motion(
        rotations=clip.rotations,
        root=clip.root,
        contacts=np.zeros(contacts, np.float32) if clip.contacts is None else clip.contacts,
        offsets=skeleton.REST_OFFSETS.copy() if clip.offsets is None else clip.offsets,
        fps=clip.fps,
        meta=clip.meta,
    )
