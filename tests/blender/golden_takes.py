# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden motions keyed as the engine's are, without an engine; and where Blender then has the joints."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy
import numpy as np

from blender_addon import generation, targets
from blender_addon.engine_client.events import MotionReady
from tests.retarget import motions

META = {
    "text": "a person walks",
    "action": None,
    "style": None,
    "seed": 3,
    "guidance": 4.0,
    "steps": 50,
    "pack": "research",
    "pack_sha256": "0" * 64,
    "engine_version": "0.1.0",
}


def set_panel(**settings: object) -> None:
    """Settings of the panel, in a scene at the motions' frame rate."""
    bpy.context.scene.render.fps = int(motions.GOLDEN_FPS)
    for name, value in settings.items():
        setattr(bpy.context.scene.mld, name, value)


def key(
    armature: bpy.types.Object, repository: Path, take: int = motions.WALK, *, start_frame: int = 1, **settings: object
) -> bpy.types.Action:
    """A golden take with the panel's settings as given; it is the armature's active Action."""
    set_panel(**settings)
    motion = motions.golden_motion(repository, take)
    placement = generation.Placement.of(bpy.context.scene, start_frame=start_frame)
    job = generation.new_job(armature, {"text": META["text"]}, placement)
    arrays = (motion.rotations, motion.root, motion.contacts, np.asarray(motion.offsets))
    ready = MotionReady(
        1, 0, 1, META["seed"], motion.fps, {**META, "seconds": motion.seconds}, (), *(np.float32(a) for a in arrays)
    )
    generation.apply_motion(job, ready)
    return armature.animation_data.action


def joints(armature: bpy.types.Object, frames: Iterable[int], bones: Iterable[str] | None = None) -> np.ndarray:
    """(F, B, 4, 4) world matrices of the mapped bones, or of those named, as Blender plays them."""
    if bones is None:
        bones = list(targets.ready_rig(armature)[1].bones.values())
    poses = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        poses.append([np.array(armature.matrix_world @ armature.pose.bones[bone].matrix) for bone in bones])
    return np.array(poses)
