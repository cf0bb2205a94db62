# SPDX-License-Identifier: GPL-3.0-or-later
"""SourceMotion: the generated motion as the add-on holds it, on the SMPL skeleton, Y up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ..contract import skeleton
from . import quaternion
from .errors import RetargetError
from .quaternion import FloatArray

UNIT_TOLERANCE: Final = 1e-2
"""How far from 1 the length of a received quaternion may be; it is normalised all the same."""


def _joint_levels() -> tuple[tuple[int, ...], ...]:
    depth = [0] * skeleton.JOINT_COUNT
    for joint, parent in enumerate(skeleton.PARENTS[1:], start=1):
        depth[joint] = depth[parent] + 1
    return tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(1, max(depth) + 1))


_LEVELS: Final = _joint_levels()
"""Joints by distance from the pelvis: those of one level are computed in one go."""


@dataclass(frozen=True, eq=False)
class SourceMotion:
    """T frames of a body in motion: metres, Y up, left +X, facing +Z at rest. Arrays are kept in float64.

    Raises RetargetError when the arrays do not fit together or hold numbers that are not finite.
    """

    rotations: FloatArray
    """(T, 22, 4) wxyz, local, relative to world-aligned rest frames."""
    root: FloatArray
    """(T, 3) position of the pelvis."""
    contacts: FloatArray
    """(T, 4) 0 .. 1: left ankle, left toe, right ankle, right toe on the floor."""
    offsets: FloatArray
    """(22, 3) rest position of each joint relative to its parent."""
    fps: float

    def __post_init__(self) -> None:
        for name in ("rotations", "root", "contacts", "offsets"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64))
        frames = self.rotations.shape[0] if self.rotations.ndim else 0
        joints = skeleton.JOINT_COUNT
        shapes = {
            "rotations": (frames, joints, 4),
            "root": (frames, 3),
            "contacts": (frames, len(skeleton.CONTACT_JOINTS)),
            "offsets": (joints, 3),
        }
        hint = "Generate the motion again; if it happens again, restart the engine."
        for name, shape in shapes.items():
            array = getattr(self, name)
            if frames == 0 or array.shape != shape:
                raise RetargetError(
                    f"The motion's {name} have the shape {array.shape}, expected {shape} with 1 frame or more.", hint
                )
            if not np.all(np.isfinite(array)):
                raise RetargetError(f"The motion's {name} hold numbers that are not finite.", hint)
        if not (np.isfinite(self.fps) and self.fps > 0.0):
            raise RetargetError(f"The motion has {self.fps} frames per second.", hint)
        if np.any(np.abs(np.linalg.norm(self.rotations, axis=-1) - 1.0) > UNIT_TOLERANCE):
            raise RetargetError("The motion's rotations are not unit quaternions.", hint)
        object.__setattr__(self, "rotations", quaternion.normalize(self.rotations))

    @property
    def frames(self) -> int:
        return len(self.rotations)

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    def rotations_world(self) -> FloatArray:
        """(T, 22, 4) rotation of each joint relative to its rest, in the motion's own Y-up world."""
        world = self.rotations.copy()
        for level in _LEVELS:
            parents = [skeleton.PARENTS[joint] for joint in level]
            world[:, level] = quaternion.multiply(world[:, parents], self.rotations[:, level])
        return world

    def joints_world(self, rotations_world: FloatArray | None = None) -> FloatArray:
        """(T, 22, 3) joint positions, Y up. Give `rotations_world` where it is already known."""
        world = self.rotations_world() if rotations_world is None else rotations_world
        positions = np.empty((self.frames, skeleton.JOINT_COUNT, 3))
        positions[:, 0] = self.root
        for level in _LEVELS:
            parents = [skeleton.PARENTS[joint] for joint in level]
            positions[:, level] = positions[:, parents] + quaternion.rotate(world[:, parents], self.offsets[level, :])
        return positions

    def resampled(self, times: ArrayLike, fps: float) -> SourceMotion:
        """The motion at `times` (F,) in seconds, which lie 1 / fps apart; frame i lies at i / self.fps, ends are held.

        Rotations by slerp; positions and contacts along straight lines. Lines go with slerp: between two
        frames of a planted foot, joints and pelvis then move in the same proportion and the foot stays put,
        while a cubic path of the pelvis lets it wobble.
        """
        at = np.clip(np.asarray(times, dtype=np.float64) * self.fps, 0.0, self.frames - 1)
        # A time computed as i / fps must hit frame i itself, whatever the rounding of the division.
        nearest = np.round(at)
        at = np.where(np.abs(at - nearest) < 1e-6, nearest, at)
        before = np.floor(at).astype(np.int64)
        after = np.minimum(before + 1, self.frames - 1)
        share = (at - before)[:, None]
        rotations = self.rotations[before]
        if share.any():
            rotations = quaternion.slerp(rotations, self.rotations[after], share)

        def line(values: FloatArray) -> FloatArray:
            result: FloatArray = values[before] + share * (values[after] - values[before])
            return result

        return SourceMotion(
            rotations=rotations,
            root=line(self.root),
            contacts=line(self.contacts),
            offsets=self.offsets,
            fps=fps,
        )
