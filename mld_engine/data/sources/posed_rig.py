# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion of an arbitrary humanoid skeleton, and the way from it to the rotations of the SMPL body.

The way is the add-on's retargeting backwards. There a bone gets D(f) = F C R_s(f) C^-1 F^-1 A, where D
is its world rotation since the rest pose, F C the character's facing and A what lays its rest limb
along the T-pose's; so R_s(f) = (F C)^-1 D(f) A^-1 (F C).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...contract.skeleton import JOINT_COUNT, JOINT_INDEX, PARENTS, REST_OFFSETS
from .bone_mapper import alignment, bone_map, plan, quaternion, root, snapshot

FloatArray = NDArray[np.float64]
_SPINE: Final = tuple(JOINT_INDEX[name] for name in plan.SPINE_JOINTS)
_NECK: Final = (JOINT_INDEX["spine3"], JOINT_INDEX["neck"])


@dataclass(frozen=True)
class PosedRig:
    """rotations (T, N, 4): world rotations wxyz of the rig's bones since its rest pose; heads (T, N, 3) in the
    world, in the unit of the rig's own heads. Whatever axis points up, it is the one of the rest pose."""

    rig: snapshot.RigSnapshot
    rotations: FloatArray
    heads: FloatArray


def body_motion(posed: PosedRig, bones: bone_map.BoneMap) -> tuple[FloatArray, FloatArray]:
    """-> local rotations (T, 22, 4) wxyz and pelvis path (T, 3) in metres, Y up, of the contract's body.

    The path is scaled by the ratio of the legs. Roles without a bone go rigidly with what carries them,
    spine joints without one share the turn of their neighbours. Raises RetargetError where the bone map
    is not complete.
    """
    rig = posed.rig
    chosen = plan.make_plan(rig, bones)
    stance = alignment.measure_stance(rig, bones, chosen)
    offsets = REST_OFFSETS.astype(np.float64)
    aligned = alignment.align_roles(rig, bones, stance, offsets)

    def in_body(index: int, align: FloatArray) -> FloatArray:
        turned = quaternion.multiply(posed.rotations[:, index], quaternion.conjugate(align))
        turned[:, 1:] = turned[:, 1:] @ stance.frame
        return turned

    known = {JOINT_INDEX[role]: in_body(rig.index(bone), aligned[role]) for role, bone in bones.bones.items()}
    followed = [(bone, in_body(bone.index, stance.upright)) for bone in chosen.bones]
    spine = {0.0: known[0]}
    spine |= {_SPINE.index(bone.low) + bone.share: turned for bone, turned in followed if bone.high in _SPINE[1:]}
    neck = {0.0: spine[3.0]} | {bone.share: turned for bone, turned in followed if (bone.low, bone.high) == _NECK}
    for place, joint in enumerate(_SPINE):
        known[joint] = _between(spine, float(place))
    if len(neck) > 1:
        known[_NECK[1]] = neck[1.0] if 1.0 in neck else neck[max(neck)]
    world = _with_unmapped(known)
    ratio = root.leg_ratio(bones, stance, offsets)
    hips = [rig.index(bones.bones[f"{side}_hip"]) for side in ("left", "right")]
    middle = posed.heads[:, hips].mean(1) @ stance.frame / ratio
    between = offsets[[JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(0)
    path = middle - quaternion.rotate(world[:, 0], between)
    return quaternion.continuous(_local(world)), path


def _between(chain: dict[float, FloatArray], place: float) -> FloatArray:
    """The rotation (T, 4) at a place along a chain of rotations at known places."""
    below, above = max(at for at in chain if at <= place), min(at for at in chain if at >= place)
    if below == above:
        return chain[below]
    return quaternion.slerp(chain[below], chain[above], np.array((place - below) / (above - below)))


def _with_unmapped(known: dict[int, FloatArray]) -> FloatArray:
    """(T, 22, 4): joints without a rotation take that of their parent; a neck alone, half of the head's."""
    neck, head, chest = JOINT_INDEX["neck"], JOINT_INDEX["head"], JOINT_INDEX["spine3"]
    if neck not in known and head in known:
        known[neck] = quaternion.slerp(known[chest], known[head], np.array(0.5))
    for joint in range(JOINT_COUNT):
        if joint not in known:
            known[joint] = known[PARENTS[joint]]
    return np.stack([known[joint] for joint in range(JOINT_COUNT)], 1)


def _local(world: FloatArray) -> FloatArray:
    below = quaternion.multiply(quaternion.conjugate(world[:, list(PARENTS[1:])]), world[:, 1:])
    return np.concatenate([world[:, :1], below], 1)
