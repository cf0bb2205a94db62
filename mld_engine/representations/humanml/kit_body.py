# SPDX-License-Identifier: GPL-3.0-or-later
"""KIT's 21 joints of the Master Motor Map (MMM) on the 22-joint SMPL body, and back.

Known from the format: the order of the joints (root, BP, BT, BLN, BUN, then shoulder, elbow, wrist of
the left and the right arm, then hip, knee, ankle, mid-foot and toe of the left and the right leg) and
the dimensions of MMM's reference model. The data set's positions were computed with Y and Z swapped
(Ahuja & Morency, 2019, "Language2Pose"), which is a reflection: a step of MMM's LEFT leg, and of the
text's, is one at the geometric right. Negating X gives back the body that was recorded; so here 11 to
15 are the left leg although the feature extractor calls them right.

Inferred: MMM has no collars and its neck sits low, so shoulders, neck and collars follow the chest
rigidly; spine1 and spine2 share the turn of BP; the head leans with BLN to BUN and turns with the
chest. That positions of the root are millimetres of the recorded person, while the joints around it are
those of the one-metre model, follows from the same code, which scales neither: so the body is enlarged
to the size of the legs here, but its path is not, and the floor has to be found anew.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...contract.skeleton import JOINT_COUNT, JOINT_INDEX, PARENTS
from ...rotations import matrix_to_6d, quaternion_to_matrix, rotate, rotation_vector_to_quaternion, sixd_to_matrix
from .skeleton import KIT

_ROOT, _BP, _BT, _BLN, _BUN = range(5)
_LIMBS: Final = {
    "left": ((5, 6, 7), (11, 12, 13, 14, 15)),
    "right": ((8, 9, 10), (16, 17, 18, 19, 20)),
}
"""Side -> KIT's shoulder, elbow, wrist, and its hip, knee, ankle, mid-foot, toe."""
_MID_FOOT: Final = (0.6, -18.7, 23.8)
_TOE: Final = (-8.8, -14.4, 53.7)
"""MMM's ankle to mid-foot and on to the toe of the left foot at rest, facing +Z with X to the RIGHT, in KIT's unit."""
_TOES_OUT: Final = math.radians(10.8)
"""The contract's foot at rest points this much further outward than MMM's."""
_PATH: Final = 0.001
"""Metres for one unit of the root's path."""
_MIRROR: Final = (-1.0, 1.0, 1.0)


def kit_to_body(kit: Tensor, offsets: Tensor) -> Tensor:
    """KIT joints (..., T, 21, 3) as published, rest offsets (22, 3) in metres
    -> joints (..., T, 22, 3) in metres of exactly that body, at some height over the floor."""
    kit, offsets = kit * kit.new_tensor(_MIRROR), offsets.to(kit)
    path = kit[..., :1, :]
    joints = (kit - path) * _body_scale(offsets) + path * _PATH
    hips = joints[..., 11, :] - joints[..., 16, :]
    shoulders = joints[..., 5, :] - joints[..., 8, :]
    pelvis = _frame(hips, joints[..., _BP, :] - joints[..., _ROOT, :])
    waist = _frame(normalize(hips, dim=-1) + normalize(shoulders, dim=-1), joints[..., _BT, :] - joints[..., _BP, :])
    chest = _frame(shoulders, joints[..., _BLN, :] - joints[..., _BT, :])
    neck = _frame(shoulders, joints[..., _BUN, :] - joints[..., _BLN, :])

    between_hips = (offsets[_joint("left_hip")] + offsets[_joint("right_hip")]) / 2
    start = (joints[..., 11, :] + joints[..., 16, :]) / 2 - rotate(pelvis, between_hips)
    placed = {0: start}

    def place(name: str, frame: Tensor) -> None:
        joint = _joint(name)
        placed[joint] = placed[PARENTS[joint]] + rotate(frame, offsets[joint])

    def point(name: str, direction: Tensor) -> None:
        joint = _joint(name)
        placed[joint] = placed[PARENTS[joint]] + offsets[joint].norm() * direction

    for name, frame in (("spine1", pelvis), ("spine2", waist), ("spine3", waist), ("neck", chest), ("head", neck)):
        place(name, frame)
    for side, ((shoulder, elbow, wrist), (hip, knee, ankle, _, toe)) in _LIMBS.items():
        shin = _direction(joints, knee, ankle)
        out = _TOES_OUT if side == "left" else -_TOES_OUT
        foot = rotate(quaternion_to_matrix(rotation_vector_to_quaternion(-out * shin)), _direction(joints, ankle, toe))
        place(f"{side}_collar", chest)
        place(f"{side}_shoulder", chest)
        point(f"{side}_elbow", _direction(joints, shoulder, elbow))
        point(f"{side}_wrist", _direction(joints, elbow, wrist))
        place(f"{side}_hip", pelvis)
        point(f"{side}_knee", _direction(joints, hip, knee))
        point(f"{side}_ankle", shin)
        point(f"{side}_foot", foot)
    return torch.stack([placed[joint] for joint in range(JOINT_COUNT)], -2)


def body_to_kit(rotations: Tensor, positions: Tensor) -> Tensor:
    """World rotations (..., T, 22, 3, 3) and joints (..., T, 22, 3) in metres
    -> joints (..., T, 21, 3) of MMM's reference model, mirrored as published, in KIT's unit."""
    lengths = KIT.bone_lengths(positions)

    def along(turned: Tensor, vector: tuple[float, float, float]) -> Tensor:
        return rotate(turned, positions.new_tensor(vector))

    def frames(name: str) -> Tensor:
        return rotations[..., _joint(name), :, :]

    def toward(name: str) -> Tensor:
        return _direction(positions, PARENTS[_joint(name)], _joint(name))

    middle = (positions[..., _joint("left_hip"), :] + positions[..., _joint("right_hip"), :]) / 2
    placed = {_ROOT: middle / _PATH}
    waist = sixd_to_matrix(matrix_to_6d(frames("spine1")) + matrix_to_6d(frames("spine2")))
    spine = ((_BP, frames("pelvis")), (_BT, waist), (_BLN, frames("spine3")), (_BUN, frames("neck")))
    for joint, turned in spine:
        placed[joint] = placed[joint - 1] + lengths[joint] * along(turned, (0.0, 1.0, 0.0))
    for side, ((shoulder, elbow, wrist), (hip, knee, ankle, mid_foot, toe)) in _LIMBS.items():
        outward = 1.0 if side == "left" else -1.0
        placed[shoulder] = placed[_BLN] + lengths[shoulder] * along(frames(f"{side}_collar"), (outward, 0.0, 0.0))
        placed[hip] = placed[_ROOT] + lengths[hip] * along(frames("pelvis"), (outward, 0.0, 0.0))
        for joint, above, name in (
            (elbow, shoulder, "elbow"),
            (wrist, elbow, "wrist"),
            (knee, hip, "knee"),
            (ankle, knee, "ankle"),
        ):
            placed[joint] = placed[above] + lengths[joint] * toward(f"{side}_{name}")
        for joint, (right, height, ahead) in ((mid_foot, _MID_FOOT), (toe, _TOE)):
            placed[joint] = placed[joint - 1] + along(frames(f"{side}_ankle"), (-right * outward, height, ahead))
    joints = torch.stack([placed[joint] for joint in range(KIT.joints)], -2)
    return joints * joints.new_tensor(_MIRROR)


def _body_scale(offsets: Tensor) -> Tensor:
    """Metres of a body with rest offsets (22, 3) for one unit of MMM's model: the ratio of thigh and shin."""
    legs = offsets[[_joint("left_knee"), _joint("left_ankle")]].square().sum(-1).sqrt().sum()
    first, second = KIT.leg
    return legs / (KIT.lengths[first] + KIT.lengths[second])


def _joint(name: str) -> int:
    return JOINT_INDEX[name]


def _direction(joints: Tensor, start: int, end: int) -> Tensor:
    return normalize(joints[..., end, :] - joints[..., start, :], dim=-1)


def _frame(left: Tensor, up: Tensor) -> Tensor:
    """Rotations (..., 3, 3) with Y exactly along `up` (..., 3) and X as near to `left` as that allows."""
    y = normalize(up, dim=-1)
    z = normalize(torch.linalg.cross(left, y), dim=-1)
    return torch.stack([torch.linalg.cross(y, z), y, z], -1)
