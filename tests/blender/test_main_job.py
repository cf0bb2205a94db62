# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job whole: the panel's request, the real engine, the default pack, keys on each kind of rig.

Whether the rig does what the motion does is told from joint positions that Blender evaluates and from the
motion that the take remembers, by the oracle of tests/retarget, which shares nothing with the retargeter.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.animation import takes  # noqa: E402
from blender_addon.animation.source import read_source_take  # noqa: E402
from blender_addon.retarget.source_motion import SourceMotion  # noqa: E402
from tests.blender.known_rigs import MIXAMO, ROLES  # noqa: E402
from tests.blender.panel_session import ask, skip_without_engine  # noqa: E402
from tests.retarget import limb_oracle  # noqa: E402

Case = tuple[Any, dict[str, str]]
SMPL_LEG_METRES = 0.814
CHECKED_EVERY = 4
"""Frames between two poses that are looked at."""


@pytest.fixture(params=["metarig", "mixamo with prefix", "mixamo without", "human-male", "human-kenney", "mannequin"])
def case(request: pytest.FixtureRequest, addon: ModuleType, armatures: ModuleType) -> Case:
    """An armature as its owner has it, active, and which of its bones plays which role."""
    skip_without_engine()
    name = request.param
    if name == "metarig":
        armature, roles = armatures.human_metarig(), ROLES["metarig"]
    elif name == "mixamo with prefix":
        armature, roles = armatures.mixamo("mixamorig:"), MIXAMO
    elif name == "mixamo without":
        armature = armatures.mixamo("")
        roles = {role: bone.removeprefix("mixamorig:") for role, bone in MIXAMO.items()}
    elif name == "mannequin":
        armature, roles = request.getfixturevalue("mannequin"), ROLES["mannequin"]
    else:
        load: Callable[[str], Any] = request.getfixturevalue("import_rig")
        armature, roles = load(name), ROLES[name]
    armature.animation_data_clear()
    bpy.context.view_layer.objects.active = armature
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.0
    return armature, roles


def generate(**settings: object) -> None:
    ask(prompt="an old man walks slowly", seconds=2.0, steps=20, **settings)
    assert bpy.ops.mld.generate() == {"FINISHED"}


def heads_world(armature: Any, roles: dict[str, str], frames: list[int]) -> dict[str, np.ndarray]:
    """Role -> (frames, 3) where Blender has the bones at these scene frames."""
    poses = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        world = np.array(armature.matrix_world)
        poses.append(
            {role: (world @ np.array(armature.pose.bones[bone].matrix))[:3, 3] for role, bone in roles.items()}
        )
    return {role: np.stack([pose[role] for pose in poses]) for role in roles}


def source_motion(action: Any, samples: slice) -> SourceMotion:
    rotations, root, contacts, offsets, fps = read_source_take(action)
    return SourceMotion(rotations[samples], root[samples], contacts[samples], offsets, fps)


def test_limbs_follow_the_skeleton_and_nothing_else_is_keyed(case: Case) -> None:
    armature, roles = case
    generate(foot_lock=False)
    action = armature.animation_data.action
    assert tuple(action.frame_range) == (1.0, 61.0)

    motion = source_motion(action, slice(0, 60, CHECKED_EVERY))
    errors = limb_oracle.limb_errors(motion, heads_world(armature, roles, list(range(1, 61, CHECKED_EVERY))), np.eye(3))
    assert len(errors) == 8
    assert max(error.max() for error in errors.values()) < 1.0

    # The metarig has a second neck bone; it shares the rotation between chest and head.
    shared = {"spine.005"} & set(armature.data.bones.keys())
    assert set(takes.keyed_bones(action)) == {*roles.values(), *shared}


def test_feet_keep_the_ground(case: Case) -> None:
    armature, roles = case
    rest = {
        role: np.array(armature.matrix_world @ armature.data.bones[bone].head_local) for role, bone in roles.items()
    }
    leg = np.linalg.norm(rest["left_knee"] - rest["left_hip"]) + np.linalg.norm(rest["left_ankle"] - rest["left_knee"])
    generate(foot_lock=True)
    frames = list(range(1, 61))
    heads = heads_world(armature, roles, frames)
    contacts = source_motion(armature.animation_data.action, slice(0, 60)).contacts
    for side, column in (("left", 0), ("right", 2)):
        height = (heads[f"{side}_ankle"][:, 2] - rest[f"{side}_ankle"][2]) * SMPL_LEG_METRES / leg
        planted = contacts[:, column] > 0.5
        assert planted.sum() > 5, "a walk puts its feet down"
        assert np.abs(height[planted]).max() < 0.03
        assert height.min() > -0.01


def test_bake_keeps_the_owners_tracks_in_their_order(case: Case) -> None:
    armature, _ = case
    animation = armature.animation_data_create()
    for name in ("legs", "arms"):
        track = animation.nla_tracks.new()
        track.name = name
        track.strips.new(name, 1, bpy.data.actions.new(name))
    generate()
    take = armature.animation_data.action
    assert bpy.ops.mld.bake_to_nla() == {"FINISHED"}
    tracks = armature.animation_data.nla_tracks
    assert [track.name for track in tracks][:2] == ["legs", "arms"]
    assert len(tracks) == 3
    assert tracks[2].strips[0].action == take
    assert armature.animation_data.action is None
