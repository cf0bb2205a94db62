# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of control rigs: each must name every part of the body once, on both sides alike."""

from __future__ import annotations

import pytest

from blender_addon.control_rigs.description import ControlRig
from blender_addon.control_rigs.drive import retarget_rig
from blender_addon.control_rigs.families import FAMILIES
from blender_addon.control_rigs.fit import control_modes
from blender_addon.retarget.options import RetargetOptions
from blender_addon.rig import roles
from blender_addon.rig.bone_map import detect
from blender_addon.rig.name_tables import FAMILIES as NAME_TABLES
from tests.retarget import motions
from tests.rig.humanoids import make_humanoid

SPINE = {"pelvis", "spine1", "spine2", "spine3"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_description_covers_the_body(family: ControlRig) -> None:
    assert set(family.controls) == set(roles.ROLES) - SPINE
    assert len(set(family.controls.values())) == len(family.controls)
    assert [(limb.side, limb.kind) for limb in family.limbs] == [
        ("left", "arm"),
        ("right", "arm"),
        ("left", "leg"),
        ("right", "leg"),
    ]
    named = [*family.controls.values(), *family.carried_by, *family.carried_by.values()]
    for limb in family.limbs:
        named += [limb.goal, limb.pole, limb.tip, *limb.neutral, *(switch.bone for switch in limb.all_switches)]
        assert limb.mode_switch.fk != limb.mode_switch.ik
    assert not [name for name in named if "{" in name]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_known_to_the_bone_detection_by_the_same_name(family: ControlRig) -> None:
    assert family.name in {table.name for table in NAME_TABLES}


def test_ik_bones_without_a_switch_are_left_alone() -> None:
    """Game skeletons have such bones beside the limbs; nothing follows them."""
    rig, _ = make_humanoid(extras=("root", "ik"))
    bone_map = detect(rig).bone_map
    beside = [bone for bone in rig.bone_names if "ik" in bone.lower().split("_")]
    assert beside
    assert control_modes(rig, bone_map) == ()
    driven = retarget_rig(motions.still_motion(), rig, bone_map, RetargetOptions(scene_fps=30.0), mode="IK")
    assert not set(beside) & set(driven.track.bones)
