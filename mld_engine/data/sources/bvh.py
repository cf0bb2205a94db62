# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of BVH files of any humanoid skeleton, any unit and any up axis.

Bones are found by the add-on's mapper and brought to the SMPL body by its retargeting backwards, so
what animators see on their rigs and what is trained on follow one rule. The path is scaled with the
legs: the unit of a file plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from .bone_mapper import errors, quaternion, snapshot
from .bvh_file import BvhFile, BvhSkeleton, read_bvh
from .folder import Folder, FolderOptions
from .found import LEG_METRES, UNIT_HINTS, Found, LeftOut, Note
from .hinges import measure_rolls, without_rolls
from .posed_rig import PosedRig, body_motion
from .rest_pose import Rest, Sample, choose_rest

FloatArray = NDArray[np.float64]
_SAMPLED_FRAMES: Final = 40
"""Frames of each file from which the rest pose and the roll of the limbs are told."""


def read(path: Path, options: FolderOptions | None = None) -> Iterator[Found]:
    """Every clip of the BVH files below a folder, on the contract's body, at the frame rate of the options.

    Raises RequestError (bad_source, bad_labels) where there is nothing to read or the CSV is wrong; a file that
    cannot be read, or whose bones are not found, is left out with the reason. Each file is read twice, so that
    only one has to be in memory.
    """
    folder = Folder.open(path, ".bvh", options or FolderOptions())
    yield from folder.absent()
    skeletons: dict[tuple[object, ...], tuple[BvhSkeleton, list[tuple[Path, Sample]]]] = {}
    for file in folder.files:
        try:
            content = read_bvh(file)
        except RequestError as error:
            yield LeftOut(folder.name(file), error.message)
            continue
        _, samples = skeletons.setdefault(_signature(content.skeleton), (content.skeleton, []))
        samples.append((file, _sample(folder, content)))
    for skeleton, samples in skeletons.values():
        yield from _read_skeleton(folder, skeleton, samples)


def _signature(skeleton: BvhSkeleton) -> tuple[object, ...]:
    """What files of one body have in common. Offsets near the root may hold a place in the room."""
    lengths = np.linalg.norm(skeleton.offsets, axis=1) * (np.array(skeleton.parents) > 0)
    return skeleton.names, skeleton.parents, (lengths / max(float(lengths.max()), 1e-9)).round(2).tobytes()


def _sample(folder: Folder, content: BvhFile) -> Sample:
    first = min(folder.labels.options.drop, len(content.values) - 1)
    frames = np.unique(np.linspace(first, len(content.values) - 1, _SAMPLED_FRAMES).astype(np.int64))
    return Sample(folder.name(content.path), frames, *content.pose(frames))


def _read_skeleton(folder: Folder, skeleton: BvhSkeleton, samples: list[tuple[Path, Sample]]) -> Iterator[Found]:
    """The clips of all files with one and the same skeleton."""
    try:
        rest = choose_rest(skeleton, [sample for _, sample in samples])
        rolls = {}
        if rest.pose.where:
            rolls = measure_rolls([_motion(rest, sample.rotations, sample.heads)[0] for _, sample in samples])
    except (RequestError, errors.RetargetError, snapshot.RigError) as error:
        yield from (LeftOut(sample.file, error.message) for _, sample in samples)
        return
    yield _note(rest, len(samples))
    for file, sample in samples:
        content = read_bvh(file)
        rotations, root = _motion(rest, *content.pose())
        rotations = without_rolls(rotations, rolls)
        title = file.relative_to(folder.path).with_suffix("").as_posix()
        motion = rotations.astype(np.float32), root.astype(np.float32)
        yield from folder.labels.clips(sample.file, title, *motion, content.fps)


def _motion(rest: Rest, rotations: FloatArray, heads: FloatArray) -> tuple[FloatArray, FloatArray]:
    since_rest = quaternion.multiply(rotations, quaternion.conjugate(rest.pose.rotations))
    return body_motion(PosedRig(rest.rig, since_rest, heads * rest.scale), rest.detection.bone_map)


def _note(rest: Rest, files: int) -> Note:
    leg = rest.leg_length()
    units = ((1.0, "metres"), *UNIT_HINTS)
    unit = next((name for scale, name in units if LEG_METRES[0] <= leg * scale <= LEG_METRES[1]), "an unknown unit")
    bones = rest.detection
    found = f"{files} file{'s' * (files != 1)} of {len(rest.rig)} bones: {len(bones.bone_map)} of 22 joints found"
    how = f"{bones.source}, confidence {bones.confidence:g}; legs of {leg:.4g}: {unit}"
    where = f"; its rest pose is no human pose, so {rest.pose.where} serves" if rest.pose.where else ""
    return Note(f"{found} ({how}{where}).")
