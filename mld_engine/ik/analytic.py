# SPDX-License-Identifier: GPL-3.0-or-later
"""World rotations of the body in closed form, from the directions between joints.

Joints with several children (pelvis, spine3) follow all of them; knees and elbows are hinges; every
other bone takes over the rotation of the bone that carries it and turns by the shortest arc. Bones
without a child (head, wrists, toes) show nothing and stay as they rest on their parent. The scheme is
that of analytic solvers such as HybrIK (Li et al., CVPR 2021), with the learned twist replaced by the
hinges.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..contract.skeleton import JOINT_INDEX, PARENTS
from ..rotations import multiply, rotate
from .anatomy import expected_elbow_hinges, expected_side_axes
from .bone_lengths import CHEST_PIECE, PELVIS_PIECE, segments
from .directions import across, aim, between, from_two, rotation_from_children
from .twist import hinge_directions, tilted_evidence

_UPPER: Final = [JOINT_INDEX[name] for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")]
_LOWER: Final = [JOINT_INDEX[name] for name in ("left_knee", "right_knee", "left_elbow", "right_elbow")]
_END: Final = [JOINT_INDEX[name] for name in ("left_ankle", "right_ankle", "left_wrist", "right_wrist")]
_ANKLES: Final = [JOINT_INDEX[name] for name in ("left_ankle", "right_ankle")]
_TOES: Final = [JOINT_INDEX[name] for name in ("left_foot", "right_foot")]
_CLEAR_RATIO: Final = 1.4
_CLEAR_DIFFERENCE: Final = 0.3
"""By how much the leaning hinge must fit better than the one across the limb's plane to be chosen."""
_DOUBTFUL_LIMB: Final = 0.2
"""Sine beyond the bend at rest up to which a plane that contradicts the expected hinge is not believed."""
_DOUBTFUL_FOOT: Final = 0.3
"""The same for the angle between shin and foot: pointed toes can reach past the shin."""
_FLEXION_AXES: Final = ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 1.0, 0.0))
"""Axis of the contract's T-pose about which a knee takes the shin back and an elbow the forearm to the front."""


def world_rotations(joints: Tensor, offsets: Tensor, fps: float) -> Tensor:
    """Positions (..., T, 22, 3) and rest offsets (22, 3) -> world rotations (..., T, 22, 3, 3).

    `fps` sets how fast a twist may change where the limb's plane does not show it.
    """
    toward = segments(joints)
    world: dict[int, Tensor] = {}
    world[0] = rotation_from_children(offsets[PELVIS_PIECE], toward[..., PELVIS_PIECE, :])
    world[9] = rotation_from_children(offsets[CHEST_PIECE], toward[..., CHEST_PIECE, :])
    for spine, child, share in ((3, 6, 1 / 3), (6, 9, 2 / 3)):
        world[spine] = aim(between(world[0], world[9], share), offsets[child], toward[..., child, :])
    for bone, child in ((12, 15), (13, 16), (14, 17)):
        world[bone] = aim(world[9], offsets[child], toward[..., child, :])
    _pose_limbs(world, toward, offsets, fps)
    _pose_feet(world, toward, offsets, fps)
    for end in (10, 11, 15, 20, 21):
        world[end] = world[PARENTS[end]]
    return torch.stack([world[joint] for joint in range(len(PARENTS))], -3)


def _pose_limbs(world: dict[int, Tensor], toward: Tensor, offsets: Tensor, fps: float) -> None:
    """Add thighs, shins, upper arms and forearms to `world`: each pair shares the axis of its hinge."""
    carriers = _carriers(world, _UPPER)
    upper, upper_rest = _directions(carriers, toward, offsets, _LOWER)
    lower, lower_rest = _directions(carriers, toward, offsets, _END)
    flexion = offsets.new_tensor(_FLEXION_AXES).view_as(upper_rest)
    upper_hinge, lower_hinge = across(flexion, upper_rest), across(flexion, lower_rest)
    # At rest a knee is some ten degrees off straight, sideways: a plane across the hinge of that size is no bend.
    doubtful = torch.linalg.cross(upper_rest, lower_rest).norm(dim=-1) + _DOUBTFUL_LIMB
    # A body bends in the plane of its limb, or keeps the sideways angle of the rest pose, as SMPL's own bodies do.
    lean = (upper_hinge * lower_rest).sum(-1)
    evidence = torch.stack([torch.linalg.cross(upper, lower), tilted_evidence(upper, lower, lean)])
    expected = torch.cat([expected_side_axes(upper[:2]), expected_elbow_hinges(upper[2:])])
    hinges, costs = hinge_directions(upper, evidence, expected, upper_rest, upper_hinge, doubtful, fps)
    # Left and right are built alike, so they choose together.
    pairs = costs.view(2, 2, 2, *costs.shape[2:]).sum(2)
    leaning = (_CLEAR_RATIO * pairs[1] + _CLEAR_DIFFERENCE < pairs[0]).repeat_interleave(2, 0)
    hinge = torch.where(leaning[..., None, None], hinges[1], hinges[0])
    uppers = multiply(carriers, from_two(upper_rest, upper_hinge, upper, hinge))
    lowers = multiply(carriers, from_two(lower_rest, lower_hinge, lower, across(hinge, lower)))
    for index, (thigh, shin) in enumerate(zip(_UPPER, _LOWER, strict=True)):
        world[thigh], world[shin] = uppers[index], lowers[index]


def _pose_feet(world: dict[int, Tensor], toward: Tensor, offsets: Tensor, fps: float) -> None:
    """Add the feet: an ankle turns the foot about the shin and then pitches it, but does not roll it."""
    shins = _carriers(world, _ANKLES)
    shin, shin_rest = _directions(shins, toward, offsets, _ANKLES)
    foot, foot_rest = _directions(shins, toward, offsets, _TOES)
    side_rest = across(torch.linalg.cross(foot_rest, shin_rest), foot_rest)
    evidence = torch.linalg.cross(foot, shin)
    doubtful = torch.full_like(foot_rest[..., 0], _DOUBTFUL_FOOT)
    side, _ = hinge_directions(foot, evidence, expected_side_axes(foot), foot_rest, side_rest, doubtful, fps)
    feet = multiply(shins, from_two(foot_rest, side_rest, foot, side))
    for index, ankle in enumerate(_ANKLES):
        world[ankle] = feet[index]


def _directions(carriers: Tensor, toward: Tensor, offsets: Tensor, joints: list[int]) -> tuple[Tensor, Tensor]:
    """Unit directions of the bones that end in `joints`: observed (J, ..., T, 3) and at rest (J, ..., 1, 3).

    Both are relative to the carriers, world rotations (J, ..., T, 3, 3).
    """
    observed = rotate(carriers.transpose(-1, -2), toward[..., joints, :].movedim(-2, 0))
    rest = normalize(offsets[joints], dim=-1)
    return normalize(observed, dim=-1, eps=1e-9), rest.view(len(joints), *(1,) * (observed.dim() - 2), 3)


def _carriers(world: dict[int, Tensor], joints: list[int]) -> Tensor:
    """World rotations (J, ..., T, 3, 3) of the parents of `joints`."""
    return torch.stack([world[PARENTS[joint]] for joint in joints])
