# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations: from the world rotations of the motion's joints to the matrix_basis rotation of each keyed bone.

A bone b that stands at R0 at rest gets the world rotation R(f) = D(f) R0 with D(f) = F C R_s(f) C^-1 F^-1 A: the
joint's rotation carried into the character's frame, on top of what turns its rest limb into the T-pose. Below a
keyed bone a with D_a, everything unkeyed moves rigidly, so the bone's own channel is R0^-1 D_a^-1 D_b R0.
"""

from __future__ import annotations

import numpy as np

from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import quaternion
from .alignment import Stance, align_roles
from .plan import Plan
from .quaternion import FloatArray
from .rotation_modes import apply_locks
from .source_motion import SourceMotion


def solve_rotations(
    rig: RigSnapshot,
    bone_map: BoneMap,
    plan: Plan,
    stance: Stance,
    motion: SourceMotion,
    joints_world: FloatArray,
    *,
    same_rest: bool = False,
) -> dict[str, FloatArray]:
    """Bone -> (T, 4) rotation of matrix_basis, sign-continuous, for every bone of the plan.

    `joints_world`: the motion's world rotations (T, 22, 4), Y up. `same_rest`: as in RetargetOptions.
    """
    upright = dict.fromkeys(bone_map.bones, stance.upright)
    aligned = upright if same_rest else align_roles(rig, bone_map, stance, motion.offsets)
    align = np.stack([aligned[bone.role] if bone.role else stance.upright for bone in plan.bones])
    deltas = quaternion.multiply(_followed(plan, joints_world, stance.frame), align)
    rest = quaternion.from_matrix(np.stack([stance.rest[name] for name in plan.names]))
    basis = _basis(plan, deltas, rest)
    for position, bone in enumerate(plan.bones):
        if rig.lock_rotation[bone.index].any():
            _hold_locked(rig, plan, position, deltas, rest, basis)
            basis = _basis(plan, deltas, rest)
    by_bone = np.ascontiguousarray(np.moveaxis(basis, 1, 0))
    return dict(zip(plan.names, by_bone, strict=True))


def _followed(plan: Plan, joints_world: FloatArray, frame: FloatArray) -> FloatArray:
    """(T, K, 4) the joint rotations that the K bones follow, carried into the character's frame in the world."""
    low = [bone.low for bone in plan.bones]
    followed = joints_world[:, low]
    shared = [position for position, bone in enumerate(plan.bones) if bone.share > 0.0]
    if shared:
        high = [plan.bones[position].high for position in shared]
        share = np.array([plan.bones[position].share for position in shared])
        followed[:, shared] = quaternion.slerp(followed[:, shared], joints_world[:, high], share)
    followed[..., 1:] = followed[..., 1:] @ frame.T
    return followed


def _basis(plan: Plan, deltas: FloatArray, rest: FloatArray) -> FloatArray:
    above = [bone.anchor for bone in plan.bones]
    carried = deltas[:, above]
    carried[:, [position for position, anchor in enumerate(above) if anchor < 0]] = quaternion.IDENTITY
    relative = quaternion.multiply(quaternion.conjugate(carried), deltas)
    basis = quaternion.multiply(quaternion.conjugate(rest), quaternion.multiply(relative, rest))
    return quaternion.continuous(basis)


def _hold_locked(
    rig: RigSnapshot, plan: Plan, position: int, deltas: FloatArray, rest: FloatArray, basis: FloatArray
) -> None:
    """Put into `deltas` what the bone does with its locked channels held, so that bones below make up for it."""
    bone = plan.bones[position]
    held = apply_locks(rig, bone.index, basis[:, position])
    moved = quaternion.multiply(rest[position], quaternion.multiply(held, quaternion.conjugate(rest[position])))
    deltas[:, position] = moved if bone.anchor < 0 else quaternion.multiply(deltas[:, bone.anchor], moved)
