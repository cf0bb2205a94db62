# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of AMASS .npz files, in whatever folders below they lie.

Rotations are taken as they are. Gender and betas are not read: all clips move the contract's body, and
because a foreign body's legs are longer or shorter, each clip is set on the floor anew. Captions come
from a CSV file in the form of `labels`, with start and end for the parts that BABEL and the like name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...contract import amass
from .folder import Folder, FolderOptions
from .found import Found, LeftOut


def read(path: Path, options: FolderOptions | None = None, scale: float = 1.0) -> Iterator[Found]:
    """Every clip of the files below a folder; files that hold no motion are left out with the reason.

    `scale`: metres of one unit of the path.

    Raises RequestError (bad_source, bad_labels) where there is nothing to read or the CSV is wrong.
    """
    folder = Folder.open(path, ".npz", options or FolderOptions())
    yield from folder.absent()
    for file in folder.files:
        name = folder.name(file)
        try:
            motion = amass.read(file)
        except (OSError, ValueError) as error:
            yield LeftOut(name, f"no motion in AMASS's layout: {error}")
            continue
        title = file.relative_to(path).with_suffix("").as_posix()
        yield from folder.labels.clips(name, title, motion.rotations, motion.root * np.float32(scale), motion.fps)
