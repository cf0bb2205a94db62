# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of motion files with a CSV beside them: which files there are, and which clips of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...contract.skeleton import REST_OFFSETS
from ...errors import RequestError
from ..store import ClipRecord
from .found import Found, LeftOut, held_out_split
from .labels import Row, mirrored_texts, read_labels, texts, words_of_name
from .placing import at_fps, placed

DEFAULT_LABELS: Final = "captions.csv"


@dataclass(frozen=True)
class FolderOptions:
    """How the files of a folder become clips.

    labels          the CSV file; None for captions.csv in the folder, where there is one
    names           captions from file names for files without a row
    fps             frame rate of the data set
    drop            frames left out at the start of every file
    held_out        share of the files for val and test, where the CSV names no split
    licence, source for clips whose row says nothing else
    """

    labels: Path | None = None
    names: bool = False
    fps: float = 30.0
    drop: int = 0
    held_out: float = 0.0
    licence: str = ""
    source: str = ""


class Labels:
    """The rows of the CSV of a folder, by file."""

    def __init__(self, path: Path, options: FolderOptions) -> None:
        """Raises RequestError (bad_labels) for a CSV that cannot be used."""
        self.options = options
        labels = options.labels or (path / DEFAULT_LABELS if (path / DEFAULT_LABELS).is_file() else None)
        self._rows: dict[str, list[Row]] = {}
        for row in read_labels(labels) if labels else ():
            self._rows.setdefault(Path(row.file).as_posix(), []).append(row)

    def rows(self, name: str) -> Sequence[Row]:
        """The clips of a file: its rows, else one for the whole of it."""
        if name in self._rows:
            return self._rows[name]
        captions = texts(words_of_name(Path(name).stem)) if self.options.names else ()
        return [Row(name, captions=captions, captions_mirrored=mirrored_texts(captions))]

    def absent(self, names: Collection[str]) -> Iterator[LeftOut]:
        """Rows of files that are not there."""
        return (LeftOut(name, "the CSV names it, but it is not there") for name in self._rows if name not in names)

    def clips(
        self, name: str, title: str, rotations: NDArray[np.float32], root: NDArray[np.float32], fps: float
    ) -> Iterator[Found]:
        """The clips of the file `name` whose motion is local rotations (T, 22, 4) and pelvis path (T, 3) at `fps`.

        They are called `title`, and parts of the file after the second at which they start.
        """
        options = self.options
        for row in self.rows(name):
            first = max(options.drop, round(row.start * fps))
            last = len(root) if math.isinf(row.end) else min(len(root), round(row.end * fps))
            clip = title if row.whole else f"{title}@{row.start:g}"
            if last - first < 2:
                yield LeftOut(clip, "nothing of the file lies between its start and its end")
                continue
            resampled = at_fps(rotations[first:last], root[first:last], fps, options.fps)
            turned, moved = placed(*resampled, REST_OFFSETS, ground=True)
            yield ClipRecord(
                clip, turned, moved, row.split or held_out_split(name, options.held_out), row.action,
                row.action_mirrored, row.style, row.captions, row.captions_mirrored, row.source or options.source,
                row.licence or options.licence,
            )  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """The motion files below a folder and the rows of its CSV. Make one with `open`."""

    path: Path
    files: tuple[Path, ...]
    labels: Labels

    @classmethod
    def open(cls, path: Path, suffix: str, options: FolderOptions) -> Folder:
        """Raises RequestError: bad_source for a folder without such files, bad_labels for a bad CSV."""
        if not path.is_dir():
            raise RequestError("bad_source", f"There is no folder {path}.", "Check the path.")
        files = tuple(sorted(file for file in path.rglob("*") if file.suffix.lower() == suffix and file.is_file()))
        if not files:
            raise RequestError("bad_source", f"There is no {suffix} file in {path} or below.", "Check the path.")
        return cls(path, files, Labels(path, options))

    def name(self, file: Path) -> str:
        """The file as the CSV names it."""
        return file.relative_to(self.path).as_posix()

    def absent(self) -> Iterator[LeftOut]:
        """Rows of files that are not there."""
        return self.labels.absent({self.name(file) for file in self.files})
