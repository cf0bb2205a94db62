# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a RigSnapshot from an armature object, on Blender 4.2 to 5.x.

Only reads: no mode switch, no change of selection, pose or scene. Linked and overridden objects are
read like any other.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .snapshot import RigError, RigSnapshot


def read_rig(armature_object: bpy.types.Object, depsgraph: bpy.types.Depsgraph | None = None) -> RigSnapshot:
    """The armature object as it stands now.

    With a depsgraph, the object's world matrix is the evaluated one, which is right also where it has
    constraints or was just changed; the pose channels are always the original's, for these get keyed.
    Raises RigError when the object is no armature, has no bones, is being edited, or its world matrix
    is mirrored, sheared or unevenly scaled.
    """
    if armature_object is None or armature_object.type != "ARMATURE":
        what = "Nothing is selected." if armature_object is None else f"“{armature_object.name}” is not an armature."
        raise RigError(what, "Select the character's armature.")
    if armature_object.mode == "EDIT":
        raise RigError(
            f"“{armature_object.name}” is in Edit Mode, so its pose cannot be read.",
            "Leave Edit Mode (Tab) and try again.",
        )
    bones = _parents_first(armature_object.data.bones)
    pose = armature_object.pose
    pose_bones = [pose.bones.get(bone.name) for bone in bones] if pose is not None else []
    if bones and (not pose_bones or any(pose_bone is None for pose_bone in pose_bones)):
        raise RigError(
            f"The pose of “{armature_object.name}” does not match its bones yet.",
            "Switch to Pose Mode and back once, then try again.",
        )
    index = {bone.name: i for i, bone in enumerate(bones)}
    source = armature_object if depsgraph is None else armature_object.evaluated_get(depsgraph)
    return RigSnapshot(
        name=armature_object.name,
        bone_names=tuple(index),
        parents=tuple(-1 if bone.parent is None else index[bone.parent.name] for bone in bones),
        rest=_matrices([bone.matrix_local for bone in bones]),
        lengths=np.array([bone.length for bone in bones], dtype=np.float64),
        world=np.array(source.matrix_world, dtype=np.float64),
        basis=_basis(pose_bones),
        rotation_modes=tuple(pose_bone.rotation_mode for pose_bone in pose_bones),
        inherit_rotation=_flags([bone.use_inherit_rotation for bone in bones]),
        inherit_scale=tuple(bone.inherit_scale for bone in bones),
        use_local_location=_flags([bone.use_local_location for bone in bones]),
        connected=_flags([bone.use_connect and bone.parent is not None for bone in bones]),
        lock_location=_flags([tuple(pose_bone.lock_location) for pose_bone in pose_bones], 3),
        lock_rotation=_flags([tuple(pose_bone.lock_rotation) for pose_bone in pose_bones], 3),
        lock_rotation_w=_flags([_locks_w(pose_bone) for pose_bone in pose_bones]),
        deform=_flags([bone.use_deform for bone in bones]),
        constrained=_flags([_is_constrained(pose_bone) for pose_bone in pose_bones]),
    )


def _parents_first(bones: bpy.types.bpy_prop_collection) -> list[bpy.types.Bone]:
    """All bones depth first from the roots; a bone's own order among its siblings is kept."""
    ordered: list[bpy.types.Bone] = []
    stack = [bone for bone in reversed(list(bones)) if bone.parent is None]
    while stack:
        bone = stack.pop()
        ordered.append(bone)
        stack.extend(reversed(bone.children))
    return ordered


def _matrices(matrices: list[Any]) -> NDArray[np.float64]:
    return np.array(matrices, dtype=np.float64).reshape(-1, 4, 4)


def _basis(pose_bones: list[bpy.types.PoseBone]) -> NDArray[np.float64]:
    """matrix_basis of each bone, its axes exactly as long as the scale channels say.

    Blender multiplies them out in single precision, so a turned bone's axes are off by some 1e-7, and keys
    solved from them would depend on the pose that the rig happened to be in.
    """
    basis = _matrices([pose_bone.matrix_basis for pose_bone in pose_bones])
    scales = np.abs(np.array([tuple(pose_bone.scale) for pose_bone in pose_bones], dtype=np.float64).reshape(-1, 3))
    lengths = np.linalg.norm(basis[:, :3, :3], axis=1)
    basis[:, :3, :3] *= np.divide(scales, lengths, out=np.ones_like(scales), where=lengths > 0.0)[:, None]
    return basis


def _flags(values: list[Any], columns: int = 0) -> NDArray[np.bool_]:
    array = np.array(values, dtype=np.bool_)
    return array.reshape(-1, columns) if columns else array.reshape(-1)


def _locks_w(pose_bone: bpy.types.PoseBone) -> bool:
    """The w channel is locked on its own only where the animator asked for four separate locks."""
    return bool(pose_bone.lock_rotations_4d and pose_bone.lock_rotation_w)


def _is_constrained(pose_bone: bpy.types.PoseBone) -> bool:
    return any(constraint.enabled and constraint.influence > 0.0 for constraint in pose_bone.constraints)
