# SPDX-License-Identifier: GPL-3.0-or-later
"""Foot lock on real characters: keyed takes, played by Blender itself, with their bones found automatically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.animation.take import write_take  # noqa: E402
from blender_addon.retarget.options import PoseTrack, RetargetOptions  # noqa: E402
from blender_addon.retarget.pipeline import retarget  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import BoneMap, detect  # noqa: E402
from tests.blender import tracks  # noqa: E402
from tests.retarget import foot_oracle, motions  # noqa: E402

Array = Any
RIGS = ("mannequin", "metarig", "mixamo", "human-male", "human-kenney", "knight")
FPS = 30.0
CENTIMETRE = 0.01


@pytest.fixture(params=RIGS)
def character(request: pytest.FixtureRequest, armatures: Any) -> Any:
    """An armature at rest, alone in its file."""
    name = request.param
    if name == "metarig":
        armature = armatures.human_metarig()
    elif name == "mixamo":
        armature = armatures.mixamo("mixamorig:")
    elif name == "mannequin":
        armature = request.getfixturevalue("mannequin")
    else:
        armature = request.getfixturevalue("import_rig")(name)
    armature.animation_data_clear()
    # Skinned meshes would be deformed on every frame.
    bpy.data.batch_remove([item for item in bpy.data.objects if item != armature])
    bpy.context.view_layer.update()
    return armature


def played(armature: Any, bones: dict[str, str], frames: int) -> dict[str, Array]:
    """Role -> (F, 3) heads of the bones in the world, as Blender plays the active Action from frame 1."""
    heads: dict[str, list[Array]] = {role: [] for role in bones}
    for frame in range(1, frames + 1):
        bpy.context.scene.frame_set(frame)
        world = np.array(armature.matrix_world)
        for role, bone in bones.items():
            heads[role].append((world @ np.array(armature.pose.bones[bone].matrix))[:3, 3])
    return {role: np.array(points) for role, points in heads.items()}


@pytest.mark.parametrize("take", [motions.WALK, motions.STROLL])
def test_planted_feet_stay_on_real_characters(character: Any, take: int, repository: Path) -> None:
    bpy.context.scene.render.fps = int(FPS)
    motion = motions.golden_motion(repository, take)
    rig = read_rig(character)
    bone_map = detect(rig).bone_map
    bones = {role: bone for role, bone in bone_map.bones.items() if role.endswith(("hip", "knee", "ankle", "foot"))}
    rest = {role: rig.rest_world[rig.index(bone), :3, 3] for role, bone in bones.items()}
    heads = {}
    for locked in (False, True):
        track: PoseTrack = retarget(motion, rig, BoneMap(bone_map.bones), RetargetOptions(FPS, foot_lock=locked))
        write_take(character, track, start_frame=1, metadata=tracks.metadata(seed=int(locked)), rig=rig)
        heads[locked] = played(character, bones, track.frame_count)
    loose, held = (foot_oracle.slides(heads[locked], track.contacts).max() for locked in (False, True))
    assert loose > 3 * CENTIMETRE
    assert held < CENTIMETRE
    assert foot_oracle.deepest(heads[True], rest) < 0.5 * CENTIMETRE
    assert foot_oracle.knee_ratio(heads[False], heads[True], FPS) <= 1.3
