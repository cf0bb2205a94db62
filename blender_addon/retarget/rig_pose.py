# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward kinematics of the target: where its bones are in the world, from a snapshot and pose channels.

Implements Blender's pose evaluation without constraints and drivers: inherited rotation and scale, local
location, connected bones. Bones without channels of their own keep their present pose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..rig.snapshot import RigSnapshot
from . import quaternion
from .inherit_scale import column_lengths, rotation_and_scale
from .options import PoseTrack
from .quaternion import FloatArray


def track_world(rig: RigSnapshot, track: PoseTrack, bones: Iterable[str] | None = None) -> dict[str, FloatArray]:
    """World matrices (F, 4, 4) of the named bones, all bones by default, with the track's channels applied.

    Column 3 is the head, column 1 the direction of the bone. Raises RigError for an unknown bone.
    """
    posed = pose_world(rig, track.rotations, track.locations, bones, frames=track.frame_count)
    if track.object_path is None:
        return posed
    moved = np.tile(np.eye(4), (track.frame_count, 1, 1))
    moved[:, :3, 3] = track.object_path
    return {bone: np.asarray(moved @ matrices) for bone, matrices in posed.items()}


def pose_world(
    rig: RigSnapshot,
    rotations: Mapping[str, FloatArray],
    locations: Mapping[str, FloatArray],
    bones: Iterable[str] | None = None,
    *,
    frames: int,
) -> dict[str, FloatArray]:
    """As `track_world`, from channels: rotations (F, 4) and locations (F, 3) of matrix_basis by bone name."""
    wanted = range(len(rig)) if bones is None else [rig.index(bone) for bone in bones]
    poses = _armature_poses(rig, rotations, locations, wanted)
    shape = (frames, 4, 4)
    return {rig.bone_names[i]: np.broadcast_to(rig.world @ poses[i], shape) for i in wanted}


def effective_rest(
    rig: RigSnapshot, turned: Iterable[str], moved: Iterable[str], bones: Iterable[str] | None = None
) -> dict[str, FloatArray]:
    """World matrices (4, 4) with the `turned` bones unrotated, the `moved` ones in place, all others as posed now.

    This is the pose from which a motion starts: what the animator did to bones that get no keys counts as
    part of the character's build.
    """
    rotations = dict.fromkeys(turned, quaternion.IDENTITY[None])
    locations = dict.fromkeys(moved, np.zeros((1, 3)))
    return {bone: matrix[0] for bone, matrix in pose_world(rig, rotations, locations, bones, frames=1).items()}


def location_frame(rig: RigSnapshot, bone: str, parent_world: FloatArray | None) -> FloatArray:
    """(..., 3, 3) what one unit of the bone's location channels does in the world, under a posed parent.

    `parent_world`: the parent's world matrix (..., 4, 4); ignored for a bone without one.
    """
    index = rig.index(bone)
    parent = rig.parents[index]
    if parent < 0 or parent_world is None:
        return np.asarray(rig.world[:3, :3] @ (rig.rest[index, :3, :3] if rig.use_local_location[index] else np.eye(3)))
    axes = parent_world[..., :3, :3]
    if not rig.use_local_location[index]:
        return axes
    return np.asarray(axes @ _offsets(rig, [index])[0, :3, :3])


def basis_rotation(
    rig: RigSnapshot, bone: str, world_rotations: FloatArray, parent_world: FloatArray | None
) -> FloatArray:
    """The rotation of matrix_basis (F, 4) that gives a bone the world orientation `world_rotations` (F, 4).

    `parent_world`: the posed parent's world matrices (F, 4, 4); ignored for a bone without one. Exact unless the
    parent is sheared.
    """
    index = rig.index(bone)
    parent = rig.parents[index]
    if parent < 0 or parent_world is None:
        carrier = rig.rest_world[index]
    else:
        pose = np.linalg.inv(rig.world) @ parent_world
        offset = _offsets(rig, [index])[0]
        matrix, _ = rotation_and_scale(
            pose, rig.rest[parent], offset, bool(rig.inherit_rotation[index]), rig.inherit_scale[index]
        )
        carrier = rig.world @ matrix
    return quaternion.multiply(quaternion.conjugate(quaternion.from_matrix(carrier)), world_rotations)


def _offsets(rig: RigSnapshot, indices: list[int]) -> FloatArray:
    """(n, 4, 4) bones at rest relative to their parents at rest; roots relative to the armature."""
    parents = [rig.parents[index] for index in indices]
    carriers = np.where(np.array(parents)[:, None, None] < 0, np.eye(4), rig.rest[parents])
    return np.asarray(np.linalg.inv(carriers) @ rig.rest[indices])


def _armature_poses(
    rig: RigSnapshot, rotations: Mapping[str, FloatArray], locations: Mapping[str, FloatArray], wanted: Iterable[int]
) -> dict[int, FloatArray]:
    """Poses in armature space of the wanted bones and their ancestors: (F, 4, 4), or (1, 4, 4) where nothing moves."""
    needed: set[int] = set()
    for index in wanted:
        if index not in needed:
            needed.update((index, *rig.ancestors(index)))
    order = sorted(needed)
    poses: dict[int, FloatArray] = {-1: np.eye(4)[None]}
    for index, offset in zip(order, _offsets(rig, order), strict=True):
        name = rig.bone_names[index]
        basis = _basis(rig, index, rotations.get(name), locations.get(name))
        above = poses[rig.parents[index]]
        simple = rig.inherit_rotation[index] and rig.use_local_location[index] and rig.inherit_scale[index] == "FULL"
        poses[index] = above @ (offset @ basis) if simple else _unusual_pose(rig, index, above, offset, basis)
    return poses


def _basis(rig: RigSnapshot, index: int, turned: FloatArray | None, moved: FloatArray | None) -> FloatArray:
    """matrix_basis (F, 4, 4): the channels given, the present ones otherwise; scale is always the present one."""
    present = rig.basis[index]
    count = max(1 if turned is None else len(turned), 1 if moved is None else len(moved))
    basis = np.empty((count, 4, 4))
    basis[:] = present
    if turned is not None:
        basis[:, :3, :3] = quaternion.to_matrix(turned) * column_lengths(present[:3, :3])
    if moved is not None:
        basis[:, :3, 3] = moved
    if rig.connected[index]:
        basis[:, :3, 3] = 0.0
    return basis


def _unusual_pose(
    rig: RigSnapshot, index: int, parent_pose: FloatArray, offset: FloatArray, basis: FloatArray
) -> FloatArray:
    """The pose of a bone that does not take over its parent's rotation, scale or location axes as a whole."""
    parent = rig.parents[index]
    hung = parent_pose @ offset
    if parent < 0:
        matrix, scale_after = hung, np.ones((1, 3))
    else:
        matrix, scale_after = rotation_and_scale(
            parent_pose, rig.rest[parent], offset, bool(rig.inherit_rotation[index]), rig.inherit_scale[index]
        )
    pose: FloatArray = matrix @ basis
    # Hinged bones and those that drop the parent's scale still hang from where the parent's full pose puts them.
    frame = hung if rig.use_local_location[index] else parent_pose
    pose[..., :3, 3] = hung[..., :3, 3] + np.einsum("...ij,...j->...i", frame[..., :3, :3], basis[..., :3, 3])
    pose[..., :3, :3] *= scale_after[..., None, :]
    return pose
