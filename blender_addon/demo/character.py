# SPDX-License-Identifier: GPL-3.0-or-later
"""The character of the demo: the mannequin, moved by the take through the same steps as in the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import bpy
from mathutils import Vector

from ..animation.metadata import TakeMetadata
from ..animation.take import write_take
from ..motion_files.files import MotionFile
from ..retarget.options import RetargetOptions
from ..retarget.pipeline import retarget
from ..rig.blender_mannequin import add_mannequin
from ..rig.blender_snapshot import read_rig
from ..rig.bone_map import BoneMap, detect

START_FRAME: Final = 1


@dataclass(frozen=True)
class Character:
    """The mannequin with its take. Frames are those of the scene, `last_frame` included."""

    armature: bpy.types.Object
    bone_map: BoneMap
    first_frame: int
    last_frame: int
    metadata: TakeMetadata

    @property
    def meshes(self) -> list[bpy.types.Object]:
        return [item for item in self.armature.children_recursive if item.type == "MESH"]

    def head_of(self, role: str) -> Vector:
        """World position of the head of the bone that plays the role, at the scene's current frame."""
        bone = self.armature.pose.bones[self.bone_map.bones[role]]
        return self.armature.matrix_world @ bone.head

    def forward(self) -> Vector:
        """Horizontal unit vector to where the hips face, at the scene's current frame."""
        left = self.head_of("left_hip") - self.head_of("right_hip")
        return Vector((left.y, -left.x, 0.0)).normalized()


def make_character(take: MotionFile, scene: bpy.types.Scene) -> Character:
    """A mannequin at the origin that plays the take from START_FRAME on; the scene gets its rate and range."""
    scene.render.fps, scene.render.fps_base = round(take.motion.fps), 1.0
    fps = scene.render.fps / scene.render.fps_base
    armature = add_mannequin(bpy.context)
    rig = read_rig(armature)
    bone_map = detect(rig).bone_map
    track = retarget(take.motion, rig, bone_map, RetargetOptions(scene_fps=fps))
    metadata = TakeMetadata.from_engine(take.meta, fps)
    write_take(armature, track, start_frame=START_FRAME, metadata=metadata, rig=rig, bone_map=bone_map)
    last_frame = START_FRAME + round(float(track.frames[-1]))
    scene.frame_start, scene.frame_end = START_FRAME, last_frame
    return Character(armature, bone_map, START_FRAME, last_frame, metadata)
