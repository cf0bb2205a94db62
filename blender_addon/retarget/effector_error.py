# SPDX-License-Identifier: GPL-3.0-or-later
"""How far small errors in a take's channels move the hands and feet, by forward kinematics.

Key reduction asks this for thousands of choices of keys, so the answer is linear: a bone that is turned by a small
rotation vector w displaces a point below it by w x (point - head). The dense take gives heads and points once. At the
sizes allowed (half a degree a bone) what is neglected is below a hundredth of a millimetre on a human figure;
`displacements_exact` measures without that neglect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import skeleton
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from .quaternion import FloatArray
from .rig_pose import location_frame, pose_world

EFFECTOR_ROLES: Final = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")
"""Roles whose bones' heads must stay where the dense take has them."""
LIMBS: Final = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
"""Joints of one side; each one is the next one's parent in the SMPL body."""


@dataclass(frozen=True, eq=False)
class EffectorModel:
    """Points of E hands and feet over F frames of a dense take, and how S error sources displace them.

    A source is three channels' worth of error: the rotation of a bone [rad, in the posed bone's own axes] or its
    location [armature units, in its location axes].
    """

    rig: RigSnapshot
    bones: tuple[str, ...]
    """The bones that carry the effectors."""
    points: FloatArray
    """(E, F, 3) world positions in the dense take."""
    pair_source: NDArray[np.intp]
    """(P,) source of each pair of a source and an effector that it moves."""
    pair_effector: NDArray[np.intp]
    """(P,)"""
    effect: FloatArray
    """(P, F, 3, 3) world displacement of the effector per unit of the source's error."""

    def contributions(self, errors: FloatArray) -> FloatArray:
        """Errors (S, F, 3) -> the share (P, F, 3) of each pair in its effector's displacement."""
        return np.asarray(np.einsum("pfij,pfj->pfi", self.effect, errors[self.pair_source]))

    def total(self, contributions: FloatArray) -> FloatArray:
        """Shares (P, F, 3) -> world displacement (E, F, 3) of the effectors."""
        moved: FloatArray = np.tensordot(self._incidence, contributions, axes=1)
        return moved

    @cached_property
    def _incidence(self) -> FloatArray:
        """(E, P) 1 where the pair is of the effector."""
        incidence: FloatArray = (np.arange(len(self.points))[:, None] == self.pair_effector).astype(np.float64)
        return incidence

    def displacements_exact(
        self, rotations: Mapping[str, FloatArray], locations: Mapping[str, FloatArray]
    ) -> FloatArray:
        """World displacement (E, F, 3) when the bones have these channels: quaternions (F, 4), locations (F, 3)."""
        posed = pose_world(self.rig, rotations, locations, self.bones, frames=self.points.shape[1])
        return np.stack([posed[bone][:, :3, 3] for bone in self.bones]) - self.points


def effector_model(
    rig: RigSnapshot,
    bone_map: BoneMap,
    rotations: Mapping[str, FloatArray],
    locations: Mapping[str, FloatArray],
    sources: Sequence[tuple[str, bool]],
) -> EffectorModel | None:
    """The model for a dense take; None when the rig has no mapped hands and feet below the sources' bones.

    `rotations` (F, 4) and `locations` (F, 3) as in a PoseTrack; `sources`: (bone, whether it is its location).
    """
    ends = tuple(bone_map.bones[role] for role in EFFECTOR_ROLES if role in bone_map.bones)
    frames = len(next(iter((*rotations.values(), *locations.values()))))
    parents = [rig.bone_names[p] for p in rig.parents if p >= 0]
    posed = pose_world(rig, rotations, locations, {*ends, *(bone for bone, _ in sources), *parents}, frames=frames)
    pairs: list[tuple[int, int]] = []
    effects: list[FloatArray] = []
    for number, (bone, shifts) in enumerate(sources):
        index = rig.index(bone)
        for effector, end in enumerate(ends):
            if not (rig.is_below(rig.index(end), index) or (shifts and end == bone)):
                continue
            lever = posed[end][:, :3, 3] - posed[bone][:, :3, 3]
            effects.append(_shift_effect(rig, bone, posed, frames) if shifts else _turn_effect(posed[bone], lever))
            pairs.append((number, effector))
    if not pairs:
        return None
    table = np.array(pairs, dtype=np.intp)
    points = np.stack([posed[bone][:, :3, 3] for bone in ends])
    return EffectorModel(rig, ends, points, table[:, 0], table[:, 1], np.stack(effects))


def body_scale(rig: RigSnapshot, bone_map: BoneMap) -> float:
    """Length of the character's limbs in the world over that of the SMPL body's; 1 where none is mapped whole.

    Arms and legs count alike: a figure with short legs and long arms errs as far with its hands as a larger one.
    """
    own, body = 0.0, 0.0
    for side in ("left", "right"):
        for limb in LIMBS:
            roles = [f"{side}_{joint}" for joint in limb]
            chain = [bone_map.get(role) for role in roles]
            if None not in chain:
                heads = np.array([rig.rest_world[rig.index(str(bone)), :3, 3] for bone in chain])
                own += float(np.linalg.norm(np.diff(heads, axis=0), axis=1).sum())
                joints = [skeleton.JOINT_NAMES.index(role) for role in roles[1:]]
                body += float(np.linalg.norm(skeleton.REST_OFFSETS[joints].astype(np.float64), axis=1).sum())
    return own / body if body else 1.0


def _turn_effect(posed: FloatArray, lever: FloatArray) -> FloatArray:
    """(F, 3, 3) matrices that take a rotation vector in a bone's own axes to (axes @ vector) x lever."""
    axes = posed[:, :3, :3] / np.linalg.norm(posed[:, :3, :3], axis=-2, keepdims=True)
    return np.asarray(np.cross(axes, lever[:, :, None], axis=1))


def _shift_effect(rig: RigSnapshot, bone: str, posed: Mapping[str, FloatArray], frames: int) -> FloatArray:
    """(F, 3, 3) matrices that take a change of location channels to a displacement in the world."""
    parent = rig.parents[rig.index(bone)]
    frame = location_frame(rig, bone, posed[rig.bone_names[parent]] if parent >= 0 else None)
    return np.broadcast_to(frame, (frames, 3, 3))
