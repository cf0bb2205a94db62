# SPDX-License-Identifier: GPL-3.0-or-later
"""UESTC as ACTOR publishes it: SMPL poses that VIBE saw in the videos, and the names of the videos.

vibe_cache_refined.pkl    "pose": list of (T, 72); "orig_cam": list of (T, 4), scale and place in the image
info/names.txt            a3_d0_p012_c1_color.avi: action 3, view 0, subject 12, side 1
info/action_classes.txt   40 names, one a line
info/num_frames_min.txt   frames of each video that are of use

Known (ACTOR's reader): these keys and names, the 51 subjects of the training split, that view 8 of side 2
is left out, and how the depth follows from the scale: 500 / (270 scale), for a focal length of 500 in
images of 540. Inferred: 30 frames a second, and that Y points down. The turn of each view is not needed,
because every clip is turned to face +Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...checkpoints.official.action_names import UESTC
from ...contract.skeleton import REST_OFFSETS
from ...errors import RequestError
from ...pickles.numpy_objects import listed, numbers
from ..store import ClipRecord
from .found import Found, LeftOut
from .labels import mirrored_label
from .pickle_file import read_pickle_file
from .smpl_poses import upright_motion
from .source import Source

FILE: Final = "vibe_cache_refined.pkl"
FPS: Final = 30.0
TRAINING_SUBJECTS: Final = frozenset({
    1, 2, 6, 12, 13, 16, 21, 24, 28, 29, 30, 31, 33, 35, 39, 41, 42, 45, 47, 50, 52, 54, 55, 57, 59, 61, 63, 64, 67,
    69, 70, 71, 73, 77, 81, 84, 86, 87, 88, 90, 91, 93, 96, 99, 102, 103, 104, 107, 108, 112, 113,
})  # fmt: skip
_NAME: Final = re.compile(r"a(\d+)_d(\d+)_p(\d+)_c(\d+)")
_DEPTH: Final = 500.0 / 270.0
_LOST_VIEW: Final = (8, 2)


def open_source(folder: Path, fps: float = 30.0, source_fps: float = FPS, licence: str = "") -> Source:
    """The folder with the pickle and info/. Raises RequestError (bad_source)."""
    content = read_pickle_file(folder / FILE)
    videos = _lines(folder / "info" / "names.txt")
    counts = folder / "info" / "num_frames_min.txt"
    try:
        poses, cameras = listed(content["pose"]), listed(content["orig_cam"])
        frames = [int(line) for line in _lines(counts)] if counts.is_file() else [1 << 30] * len(videos)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{folder} is not UESTC as ACTOR publishes it: {error}."
        raise RequestError("bad_source", message, f"It needs {FILE} and info/names.txt.") from error
    if not len(poses) == len(cameras) == len(videos) == len(frames):
        message = f"{folder} has {len(videos)} names, {len(poses)} poses and {len(frames)} frame counts."
        raise RequestError("bad_source", message, "Get the files again.")
    classes = folder / "info" / "action_classes.txt"
    labels = [_label(line) for line in _lines(classes)] if classes.is_file() else list(UESTC)

    def found() -> Iterator[Found]:
        for video, pose, camera, count in zip(videos, poses, cameras, frames, strict=True):
            yield _clip(video, pose, camera, count, labels, (source_fps, fps), licence)

    return Source("UESTC", fps, REST_OFFSETS, found())


def _clip(
    video: str, pose: object, camera: object, count: int, labels: list[str], rates: tuple[float, float], licence: str
) -> Found:
    name = f"uestc/{video.removesuffix('.avi')}"
    match = _NAME.match(video)
    if match is None:
        return LeftOut(name, "its name is not of the form a0_d0_p001_c1")
    action, view, subject, side = map(int, match.groups())
    if (view, side) == _LOST_VIEW:
        return LeftOut(name, "its view moves around the subject")
    if count < 2:
        return LeftOut(name, f"info/num_frames_min.txt gives it {count} frames")
    if action >= len(labels):
        return LeftOut(name, "its action has no name in info/action_classes.txt")
    try:
        motion = upright_motion(numbers(pose)[:count], _path(numbers(camera)[:count]), *rates)
    except ValueError as error:
        return LeftOut(name, f"it cannot be read: {error}")
    split = "train" if subject in TRAINING_SUBJECTS else "test"
    label = labels[action]
    return ClipRecord(name, *motion, split, label, mirrored_label(label), source="UESTC", licence=licence)


def _path(camera: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale, scale, x, y of the weak-perspective camera (T, 4) -> where the body is (T, 3), in metres."""
    if camera.ndim != 2 or camera.shape[1] != 4 or not (camera[:, 0] > 0).all():
        raise ValueError(f"its cameras are {camera.shape} with scales that are not positive")
    return np.stack([camera[:, 2], camera[:, 3], _DEPTH / camera[:, 0]], 1)


def _label(line: str) -> str:
    return "_".join(re.split(r"[\W_]+", line.strip().lower()))


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError("bad_source", f"{path} cannot be read: {error}.", "Get it again.") from error
