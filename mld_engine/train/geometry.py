# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints and their motion from smpl203 features, written so that a CUDA graph can hold it.

`kinematics.forward_kinematics` picks joints by lists of numbers, which are copied to the device at
every call; a graph cannot contain such copies. Here joints are reached by slices only.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor

from ..contract.skeleton import CONTACT_JOINTS, JOINT_COUNT, PARENTS
from ..kinematics import GENERATIONS
from ..representations.smpl203 import CONTACTS, POSITIONS, ROOT_HEIGHT, ROOT_STEP, ROTATIONS, YAW_STEP
from ..rotations import multiply, rotate, rotate_about_y, sixd_to_matrix

_SIZES: Final = [len(generation) for generation in GENERATIONS]


class Geometry(NamedTuple):
    """joints (B, T, 22, 3) metres in each frame's own heading, X and Z from the root; velocity (B, T-1, 22, 3) in the
    world, m/frame, in the heading of the earlier frame; contacts (B, T, 4)."""

    joints: Tensor
    velocity: Tensor
    contacts: Tensor


def decoded_geometry(features: Tensor, offsets: Tensor) -> Geometry:
    """By forward kinematics of the rotations of features (B, T, 203) in physical units; offsets (22, 3)."""
    local = sixd_to_matrix(features[..., ROTATIONS].reshape(*features.shape[:-1], JOINT_COUNT, 6))
    joints = joint_positions(local, _root(features), offsets)
    return Geometry(joints, world_velocity(joints, features), features[..., CONTACTS])


def stored_geometry(features: Tensor) -> Geometry:
    """From the positions that features (B, T, 203) in physical units hold beside the rotations."""
    around = features[..., POSITIONS].reshape(*features.shape[:-1], JOINT_COUNT - 1, 3)
    joints = torch.cat([_root(features)[..., None, :], around], -2)
    return Geometry(joints, world_velocity(joints, features), features[..., CONTACTS])


def joint_positions(local: Tensor, root: Tensor, offsets: Tensor) -> Tensor:
    """Local rotations (..., 22, 3, 3), pelvis (..., 3), rest offsets (22, 3) -> joints (..., 22, 3)."""
    parts = torch.split(local, _SIZES, -3)
    rest = torch.split(offsets, _SIZES, 0)
    rotations, positions = parts[0], root[..., None, :]
    found = [positions]
    for number, (above, joints) in enumerate(pairwise(GENERATIONS), 1):
        slots = [above.index(PARENTS[joint]) for joint in joints]
        parents = _pick(rotations, slots, -3)
        positions = _pick(positions, slots, -2) + rotate(parents, rest[number])
        found.append(positions)
        if number < len(GENERATIONS) - 1:
            rotations = multiply(parents, parts[number])
    return torch.cat(found, -2)


def world_velocity(joints: Tensor, features: Tensor) -> Tensor:
    """Displacement of heading-frame joints (B, T, J, 3) to the next frame in the world, (B, T-1, J, 3) m/frame."""
    steps = features[..., :-1, :]
    x, z = steps[..., ROOT_STEP].unbind(-1)
    root = torch.stack([x, torch.zeros_like(x), z], -1)[..., None, :]
    return rotate_about_y(steps[..., YAW_STEP, None], joints[..., 1:, :, :]) + root - joints[..., :-1, :, :]


def world_change(values: Tensor, features: Tensor) -> Tensor:
    """Change to the next frame of vectors (B, S, J, 3) that stand in the headings of the first S frames."""
    turned = rotate_about_y(features[..., : values.shape[-3] - 1, YAW_STEP, None], values[..., 1:, :, :])
    return turned - values[..., :-1, :, :]


def feet(values: Tensor) -> Tensor:
    """(..., 22, 3) -> (..., 4, 3), in the order of the contact channels."""
    return torch.stack([values[..., joint, :] for joint in CONTACT_JOINTS], -2)


def _root(features: Tensor) -> Tensor:
    height = features[..., ROOT_HEIGHT]
    zero = torch.zeros_like(height)
    return torch.stack([zero, height, zero], -1)


def _pick(values: Tensor, slots: list[int], axis: int) -> Tensor:
    """values[..., slots, ...] along `axis`, from as few slices as there are rising runs in `slots`."""
    runs: list[list[int]] = []
    for slot in slots:
        if runs and slot == runs[-1][-1] + 1:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    pieces = [values.narrow(axis, run[0], len(run)) for run in runs]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, axis)
