# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a control rig's deform bones are while a take plays, as Blender evaluates its constraints and drivers."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from blender_addon.animation.take import write_take
from blender_addon.control_rigs.blender_mechanism import read_mechanism
from blender_addon.control_rigs.drive import Driven, retarget_rig
from blender_addon.retarget.options import RetargetOptions
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.blender_snapshot import read_rig
from blender_addon.rig.bone_map import detect
from tests.blender.tracks import metadata

Array = np.ndarray


def drive(armature: bpy.types.Object, motion: SourceMotion, mode: str, foot_lock: bool = False) -> Driven:
    """The motion on the controls of the armature, at the motion's own frame rate."""
    rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
    detection = detect(rig)
    assert detection.usable
    options = RetargetOptions(scene_fps=motion.fps, foot_lock=foot_lock)
    mechanism = read_mechanism(armature, bpy.context.evaluated_depsgraph_get())
    return retarget_rig(motion, rig, detection.bone_map, options, mode=mode, mechanism=mechanism)


def key(armature: bpy.types.Object, driven: Driven, **options: object) -> bpy.types.Action:
    """The driven rig's take, from frame 0 on."""
    return write_take(
        armature,
        driven.track,
        start_frame=0,
        metadata=metadata(),
        rig=driven.rig,
        bone_map=driven.bone_map,
        **options,
    )


def play(armature: bpy.types.Object, joints: Mapping[str, str], frames: list[int]) -> dict[str, Array]:
    """Role -> (len(frames), 4, 4) world matrices of its bone."""
    posed: dict[str, list[Array]] = {role: [] for role in joints}
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        world = np.array(evaluated.matrix_world)
        for role, bone in joints.items():
            posed[role].append(world @ np.array(evaluated.pose.bones[bone].matrix))
    return {role: np.stack(matrices) for role, matrices in posed.items()}


def heads(posed: Mapping[str, Array]) -> dict[str, Array]:
    """Role -> (F, 3) head of its bone."""
    return {role: matrices[:, :3, 3] for role, matrices in posed.items()}


def turns(armature: bpy.types.Object, joints: Mapping[str, str], posed: Mapping[str, Array]) -> dict[str, Array]:
    """Role -> (F, 3, 3) rotation of its bone, in the object's axes, from the rest pose."""
    world = np.array(armature.matrix_world)[:3, :3]
    own = world / np.linalg.norm(world, axis=0)
    found = {}
    for role, bone in joints.items():
        rest = np.array(armature.data.bones[bone].matrix_local)[:3, :3]
        axes = own.T @ (posed[role][:, :3, :3] / np.linalg.norm(posed[role][:, :3, :3], axis=1, keepdims=True))
        found[role] = axes @ rest.T
    return found


def chosen(motion: SourceMotion, frames: list[int]) -> SourceMotion:
    return SourceMotion(
        motion.rotations[frames], motion.root[frames], motion.contacts[frames], motion.offsets, motion.fps
    )
