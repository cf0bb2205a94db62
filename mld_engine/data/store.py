# SPDX-License-Identifier: GPL-3.0-or-later
"""A data set on disk: one folder, memory-mapped, without pickle.

dataset.json    format version, name, fps, rest offsets (22, 3) of the body, action and style labels
clips.json      one object a clip: where its frames are, split, labels, captions, source, licence
rotations.npy   (N, 22, 4) float32: local rotations of all clips, wxyz
root.npy        (N, 3) float32: pelvis positions in metres, Y up
text_*.npy      embeddings of the captions, see `embeddings`
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract.skeleton import JOINT_COUNT
from ..errors import EngineError, RequestError
from .arrays import NpyAppender

FORMAT_VERSION: Final = 1
SPLITS: Final = ("train", "val", "test")
DATASET_FILE: Final = "dataset.json"
_CLIPS_FILE: Final = "clips.json"
_ROTATIONS_FILE: Final = "rotations.npy"
_ROOT_FILE: Final = "root.npy"
_PREPARE_AGAIN: Final = "Prepare the data set again, or name a folder that `prepare` wrote."


@dataclass(frozen=True)
class ClipRecord:
    """A clip on its way into a data set.

    rotations (T, 22, 4) local wxyz; root (T, 3) metres, Y up. The mirrored captions and the mirrored
    action describe the motion with left and right swapped; left out, they are those of the clip.
    """

    name: str
    rotations: NDArray[np.float32]
    root: NDArray[np.float32]
    split: str = "train"
    action: str = ""
    action_mirrored: str = ""
    style: str = ""
    captions: tuple[str, ...] = ()
    captions_mirrored: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Clip:
    """A clip of a data set: frames `start` to `start + frames`; empty texts where nothing is known."""

    name: str
    start: int
    frames: int
    split: str
    action: str
    action_mirrored: str
    style: str
    captions: tuple[str, ...]
    captions_mirrored: tuple[str, ...]
    source: str
    licence: str


class DatasetWriter:
    """Writes a data set clip by clip; the folder appears when the `with` block ends without an error.

    `offsets` (22, 3) are the rest offsets in metres of the body that all clips move.
    """

    def __init__(self, folder: Path, *, name: str, fps: float, offsets: NDArray[np.float32]) -> None:
        """Raises RequestError (output_exists) where something is there already."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RequestError("output_exists", f"{folder} exists already.", "Give the name of a new folder.")
        assert offsets.shape == (JOINT_COUNT, 3), f"offsets are {offsets.shape}"
        self._folder = folder
        self._partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
        self._partial.mkdir(parents=True)
        self._head = {"format_version": FORMAT_VERSION, "name": name, "fps": fps, "offsets": offsets.tolist()}
        self._clips: list[Clip] = []
        self._rotations = NpyAppender(self._partial / _ROTATIONS_FILE, (JOINT_COUNT, 4))
        self._root = NpyAppender(self._partial / _ROOT_FILE, (3,))

    def add(self, record: ClipRecord) -> None:
        """Raises RequestError (bad_clip) for a clip that cannot be used: shape, split, numbers that are not finite."""
        problem = _problem(record)
        if problem:
            raise RequestError("bad_clip", f"Clip {record.name!r}: {problem}.", "Leave it out or repair it.")
        texts = {field.name: getattr(record, field.name) for field in fields(record)}
        del texts["rotations"], texts["root"]
        texts["action_mirrored"] = record.action_mirrored or record.action
        texts["captions_mirrored"] = record.captions_mirrored or record.captions
        self._clips.append(Clip(start=self._root.rows, frames=len(record.root), **texts))
        self._rotations.append(record.rotations)
        self._root.append(record.root)

    def add_file(self, write: Callable[[Path], None]) -> None:
        """Let `write(folder)` put further files into the data set, such as embeddings."""
        write(self._partial)

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._rotations.close()
            self._root.close()
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _finish(self) -> None:
        if not self._clips:
            raise RequestError("no_clips", "There is no clip to write.", "Check the folder that was read.")
        actions = {label for clip in self._clips for label in (clip.action, clip.action_mirrored)}
        head = {
            **self._head,
            "licences": sorted({clip.licence for clip in self._clips} - {""}),
            "actions": sorted(actions - {""}),
            "styles": sorted({clip.style for clip in self._clips} - {""}),
        }
        _write_json(self._partial / DATASET_FILE, head)
        _write_json(self._partial / _CLIPS_FILE, [asdict(clip) for clip in self._clips])
        if self._folder.is_dir():
            self._folder.rmdir()
        self._partial.rename(self._folder)


@dataclass(frozen=True)
class Dataset:
    """A data set that is open for reading. Make one with `open`."""

    folder: Path
    name: str
    fps: float
    offsets: NDArray[np.float32]
    licences: tuple[str, ...]
    actions: tuple[str, ...]
    styles: tuple[str, ...]
    clips: tuple[Clip, ...]

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Raises RequestError (bad_dataset) for a folder that is no data set or a damaged one."""
        head = _read_json(folder / DATASET_FILE)
        try:
            if head["format_version"] != FORMAT_VERSION:
                raise ValueError(f"format {head['format_version']} instead of {FORMAT_VERSION}")
            clips = tuple(_clip(values) for values in _read_json(folder / _CLIPS_FILE))
            dataset = cls(
                folder,
                str(head["name"]),
                float(head["fps"]),
                np.asarray(head["offsets"], np.float32).reshape(JOINT_COUNT, 3),
                tuple(head["licences"]),
                tuple(head["actions"]),
                tuple(head["styles"]),
                clips,
            )
            dataset._check()
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise RequestError("bad_dataset", f"The data set {folder} is damaged: {error}.", _PREPARE_AGAIN) from error
        return dataset

    @cached_property
    def rotations(self) -> NDArray[np.float32]:
        """(N, 22, 4), memory-mapped, read only."""
        return np.load(self.folder / _ROTATIONS_FILE, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    @cached_property
    def root(self) -> NDArray[np.float32]:
        """(N, 3), memory-mapped, read only."""
        return np.load(self.folder / _ROOT_FILE, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]

    @property
    def seconds(self) -> float:
        """Length of all clips together."""
        return sum(clip.frames for clip in self.clips) / self.fps

    def record(self, clip: Clip) -> ClipRecord:
        """A clip with its motion, as `DatasetWriter` takes it."""
        frames = slice(clip.start, clip.start + clip.frames)
        return ClipRecord(
            clip.name, np.array(self.rotations[frames]), np.array(self.root[frames]), clip.split, clip.action,
            clip.action_mirrored, clip.style, clip.captions, clip.captions_mirrored, clip.source, clip.licence,
        )  # fmt: skip

    def texts(self) -> list[str]:
        """Every caption that occurs, once, sorted."""
        return sorted({text for clip in self.clips for text in (*clip.captions, *clip.captions_mirrored)})

    def _check(self) -> None:
        frames = len(self.root)
        if self.rotations.shape != (frames, JOINT_COUNT, 4) or self.root.shape != (frames, 3):
            raise ValueError(f"its arrays are {self.rotations.shape} and {self.root.shape}")
        for clip in self.clips:
            if clip.split not in SPLITS or clip.start < 0 or clip.start + clip.frames > frames:
                raise ValueError(f"clip {clip.name!r} lies outside of the arrays or has no known split")


def _problem(record: ClipRecord) -> str:
    frames = len(record.root)
    if record.split not in SPLITS:
        return f"its split is {record.split!r}, not one of {', '.join(SPLITS)}"
    if frames < 2 or record.rotations.shape != (frames, JOINT_COUNT, 4) or record.root.shape != (frames, 3):
        return f"its arrays are {record.rotations.shape} and {record.root.shape}"
    if not (np.isfinite(record.rotations).all() and np.isfinite(record.root).all()):
        return "it holds numbers that are not finite"
    if np.abs(np.linalg.norm(record.rotations, axis=-1) - 1).max() > 1e-3:
        return "its quaternions are not of unit length"
    return ""


def _clip(values: Mapping[str, Any]) -> Clip:
    lists = {key: tuple(values[key]) for key in ("captions", "captions_mirrored")}
    return Clip(**{**values, **lists})


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RequestError(
            "bad_dataset", f"{path.parent} is no data set: it has no {path.name}.", _PREPARE_AGAIN
        ) from error
    except (OSError, ValueError) as error:
        raise EngineError("bad_dataset", f"{path} cannot be read: {error}.", _PREPARE_AGAIN) from error
