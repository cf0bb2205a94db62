# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured clips straight from a data set's folder new_joint_vecs, without a detour over rotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...data.store import Clip
from ...errors import RequestError
from .loading import read_array


@dataclass(frozen=True)
class JointVecs:
    """<id>.npy (T, features) each, at `fps`. A clip of the name id@start-end is that part of it, in seconds."""

    folder: Path
    features: int
    fps: float

    def has(self, clip: Clip) -> bool:
        return self._path(clip).is_file()

    def read(self, clip: Clip, rows: int) -> Tensor:
        """The first `rows` of a clip (T', F), fewer where it is shorter. Raises RequestError (bad_joint_vecs)."""
        path = self._path(clip)
        try:
            values = read_array(path, (None, self.features))
            _, _, span = clip.name.partition("@")
            start, end = (int(float(time) * self.fps) for time in span.split("-")) if span else (0, len(values))
        except (RequestError, ValueError) as error:
            detail = error.message if isinstance(error, RequestError) else error
            raise RequestError(
                "bad_joint_vecs",
                f"Clip {clip.name!r} cannot be read from {path}: {detail}",
                "Name the folder new_joint_vecs of the data set that was prepared.",
            ) from error
        return values[start:end][:rows]

    def _path(self, clip: Clip) -> Path:
        # Names of other data sets may hold folders; only the last part can be an id here.
        return self.folder / f"{Path(clip.name.partition('@')[0]).name}.npy"
