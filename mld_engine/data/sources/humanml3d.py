# SPDX-License-Identifier: GPL-3.0-or-later
"""HumanML3D and KIT-ML in their published folder layouts (Guo et al., 2022).

new_joints/<id>.npy      (T, 22, 3) joint positions in metres, Y up, 20 frames a second; KIT: (T, 21, 3), 12.5
new_joint_vecs/<id>.npy  (T, 263) the same as features; KIT: (T, 251). Read where new_joints lacks the clip
texts, train.txt ...     see `published_texts`
Mean.npy, Std.npy        of the features; kept in the data set, for evaluators that were made with them

Positions become rotations by inverse kinematics. The mirror image of a clip is not read a second time:
training mirrors motion itself, and takes the captions of the published mirror image for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...contract.contacts import TOE_HEIGHT
from ...errors import EngineError, RequestError
from ...ik import fit_rotations
from ...kinematics import forward_kinematics
from ...representations import humanml263, kit251
from ...representations.ground import floor_height, raised
from ...representations.humanml.kit_body import kit_to_body
from ...rotations import quaternion_to_matrix
from ..store import ClipRecord
from .found import Found, LeftOut, unit_problem
from .placing import at_fps, placed
from .published_texts import MIRRORED, WHOLE, Captions, read_captions, read_splits
from .source import Source

_WORST_FIT: Final = 0.08
"""Metres, mean over joints and frames, by which the fitted body may miss the joints."""
_STATISTICS: Final = ("Mean.npy", "Std.npy")
_LEGS: Final = ((1, 4), (4, 7))


@dataclass(frozen=True)
class Layout:
    """What differs between the two data sets. `body_joints` turns published positions into 22 joints in metres."""

    name: str
    fps: float
    joints: int
    features: int
    body: Tensor
    body_joints: Callable[[Tensor], Tensor]
    from_features: Callable[[Tensor], Tensor]


def _on_floor(joints: Tensor) -> Tensor:
    return raised(joints, -floor_height(joints))


HUMANML3D: Final = Layout(
    name="HumanML3D",
    fps=humanml263.FPS,
    joints=22,
    features=263,
    body=humanml263.BODY,
    body_joints=lambda joints: raised(joints, TOE_HEIGHT),
    from_features=lambda rows: raised(humanml263.Humanml263().joints(rows), TOE_HEIGHT),
)
KIT: Final = Layout(
    name="KIT-ML",
    fps=kit251.FPS,
    joints=21,
    features=251,
    body=kit251.BODY,
    body_joints=lambda joints: _on_floor(kit_to_body(joints, kit251.BODY)),
    from_features=lambda rows: kit251.Kit251().joints(rows),
)


def open_source(folder: Path, layout: Layout, fps: float = 30.0, scale: float = 1.0, licence: str = "") -> Source:
    """The published folder as clips of `layout.body` at `fps`.

    `scale`: metres of one unit of the positions, beyond what the layout says. Raises RequestError
    (bad_source) for a folder of another layout or statistics of another data set.
    """
    splits = read_splits(folder)
    if not any((folder / name).is_dir() for name in ("new_joints", "new_joint_vecs")):
        message = f"{folder} has neither new_joints nor new_joint_vecs."
        raise RequestError("bad_source", message, "Name the folder that the data set's own scripts made.")
    files = tuple(
        partial(_write_array, name, _statistics(folder / name, layout))
        for name in _STATISTICS
        if (folder / name).is_file()
    )
    body = layout.body.numpy().astype(np.float32)
    return Source(layout.name, fps, body, _read(folder, layout, splits, fps, scale, licence), files)


def _read(
    folder: Path, layout: Layout, splits: dict[str, str], fps: float, scale: float, licence: str
) -> Iterator[Found]:
    there = {path.stem for name in ("new_joints", "new_joint_vecs") for path in (folder / name).glob("*.npy")}
    for clip, split in splits.items():
        if clip not in there:
            yield LeftOut(clip, f"{split}.txt names it, but there is no motion of that name")
        elif not _is_mirror_image(clip, splits, there):
            try:
                yield from _read_clip(folder, layout, clip, split, fps, scale, licence)
            except (EngineError, OSError, ValueError) as error:
                yield LeftOut(clip, error.message if isinstance(error, EngineError) else f"it cannot be read: {error}")
    for clip in sorted(there - splits.keys()):
        if not (clip.startswith(MIRRORED) and clip.removeprefix(MIRRORED) in there):
            yield LeftOut(clip, "it is in none of the lists train.txt, val.txt and test.txt")


def _is_mirror_image(clip: str, splits: dict[str, str], there: set[str]) -> bool:
    """Whether the clip is the mirror image of one that is read itself."""
    original = clip.removeprefix(MIRRORED)
    return clip.startswith(MIRRORED) and original in splits and original in there


def _read_clip(
    folder: Path, layout: Layout, clip: str, split: str, fps: float, scale: float, licence: str
) -> Iterator[Found]:
    joints = _joints(folder, layout, clip) * scale
    problem = unit_problem(sum(float((joints[:, b] - joints[:, a]).norm(dim=-1).median()) for a, b in _LEGS))
    if problem:
        yield LeftOut(clip, problem)
        return
    fit = fit_rotations(joints, layout.body, fps=layout.fps)
    _, posed = forward_kinematics(quaternion_to_matrix(fit.rotations), fit.root, layout.body)
    error = float((posed - joints).norm(dim=-1).mean())
    if error > _WORST_FIT:
        yield LeftOut(clip, f"the body of {layout.name} does not fit its joints: it is off by {1000 * error:.0f} mm")
        return
    rotations, root = fit.rotations.numpy(), fit.root.numpy()
    for part in read_captions(folder / "texts", clip) or [Captions(WHOLE, (), ())]:
        yield _part(part, clip, split, layout, rotations, root, fps, licence)


def _part(
    part: Captions,
    clip: str,
    split: str,
    layout: Layout,
    rotations: NDArray[np.float32],
    root: NDArray[np.float32],
    fps: float,
    licence: str,
) -> Found:
    start, end = part.span
    name = clip if part.span == WHOLE else f"{clip}@{start:g}-{end:g}"
    frames = slice(None) if part.span == WHOLE else slice(int(start * layout.fps), int(end * layout.fps))
    if len(root[frames]) < 2:
        return LeftOut(name, "the span of its caption lies outside of the clip")
    resampled = at_fps(rotations[frames], root[frames], layout.fps, fps)
    turned, moved = placed(*resampled, layout.body.numpy(), ground=False)
    return ClipRecord(
        name, turned, moved, split, captions=part.texts, captions_mirrored=part.mirrored, source=layout.name,
        licence=licence,
    )  # fmt: skip


def _joints(folder: Path, layout: Layout, clip: str) -> Tensor:
    """(T, 22, 3) metres, Y up. Raises ValueError for an array of another shape."""
    positions, features = (folder / name / f"{clip}.npy" for name in ("new_joints", "new_joint_vecs"))
    path = positions if positions.is_file() else features
    array = np.asarray(np.load(path, allow_pickle=False), np.float32)
    tail = (layout.joints, 3) if path == positions else (layout.features,)
    if len(array) < 2 or array.shape[1:] != tail:
        raise ValueError(f"{path.parent.name}/{path.name} is {array.shape} instead of (T, {', '.join(map(str, tail))})")
    if not np.isfinite(array).all():
        raise ValueError(f"{path.parent.name}/{path.name} holds numbers that are not finite")
    values = torch.from_numpy(array)
    return layout.body_joints(values) if path == positions else layout.from_features(values)


def _statistics(path: Path, layout: Layout) -> NDArray[np.float32]:
    try:
        array = np.asarray(np.load(path, allow_pickle=False), np.float32)
    except (OSError, ValueError) as error:
        raise RequestError("bad_source", f"{path} cannot be read: {error}.", "Get it again.") from error
    usable = array.shape == (layout.features,) and np.isfinite(array).all()
    if not usable or (path.name == "Std.npy" and not (array > 0).all()):
        message = f"{path} is not {layout.name}'s: {array.shape} instead of ({layout.features},), or not positive."
        raise RequestError("bad_source", message, "Use the Mean.npy and Std.npy of this data set.")
    return array


def _write_array(name: str, array: NDArray[np.float32], folder: Path) -> None:
    np.save(folder / name, array, allow_pickle=False)
