# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bones of a shaped body belong: Z up, facing -Y, soles on z = 0. No bpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import axes, body, skeleton
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot

PROPERTY: Final = "mld_body"
"""ID property of the armature data of a body: what its bones are moved by."""
BODY_BONE: Final = 0.08
FINGER_BONE: Final = 0.02
"""Metres: bones stand upright on their joints and are only as long as they need to be seen."""
_AXES_TOLERANCE: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Stature:
    """The joints of a body as its armature keeps them: metres, Z up, in the model's own origin."""

    model: str
    joints: NDArray[np.float64]
    """(J, 3) with all betas at 0."""
    directions: NDArray[np.float64]
    """(B, J, 3) what one unit of each beta adds."""

    @classmethod
    def of(cls, made: body.Body) -> Stature:
        joints, directions = (np.asarray(array, np.float64) for array in (made.joints, made.joint_directions))
        return cls(made.model, axes.vectors_to_z_up(joints), axes.vectors_to_z_up(directions))

    @property
    def names(self) -> tuple[str, ...]:
        return body.JOINT_NAMES[self.model]

    def heads(self, betas: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
        """(J, 3) joints of the shaped body."""
        return body.shaped(self.joints, self.directions, betas)

    def to_property(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "joints": self.joints.ravel().data,
            "directions": self.directions.ravel().data,
        }

    @classmethod
    def from_property(cls, group: Mapping[str, Any]) -> Stature:
        """Raises KeyError, TypeError or ValueError for a damaged property."""
        model = str(group["model"])
        count = len(body.JOINT_NAMES[model])
        joints = np.array(group["joints"]).reshape(count, 3)
        return cls(model, joints, np.array(group["directions"]).reshape(-1, count, 3))


def bone_length(name: str) -> float:
    return BODY_BONE if name in skeleton.JOINT_INDEX else FINGER_BONE


def rests_as_smpl(rig: RigSnapshot, bone_map: BoneMap) -> bool:
    """Whether the mapped bones still rest in SMPL's axes, as they were built: no other rest pose was applied."""
    rest = rig.rest[[rig.index(bone) for bone in bone_map.bones.values()], :3, :3]
    return bool(np.abs(rest - axes.Y_UP_TO_Z_UP).max() < _AXES_TOLERANCE)
