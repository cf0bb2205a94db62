# SPDX-License-Identifier: GPL-3.0-or-later
"""Names taken apart: side, words, prefixes."""

from __future__ import annotations

import pytest

from blender_addon.rig.bone_names import parse, parse_all


@pytest.mark.parametrize(
    ("text", "side", "words"),
    [
        ("mixamorig:LeftUpLeg", "left", "up leg"),
        ("Hero|mixamorig:RightHandThumb1", "right", "hand thumb 1"),
        ("upperarm_l", "left", "upperarm"),
        ("UpperArm.R", "right", "upper arm"),
        ("L_UpperArm_JNT", "left", "upper arm jnt"),
        ("lThighBend", "left", "thigh bend"),
        ("rShldr", "right", "shldr"),
        ("LHipJoint", "left", "hip joint"),
        ("CC_Base_L_Upperarm", "left", "cc base upperarm"),
        ("J_Bip_C_Hips", "", "j bip c hips"),
        ("Bip01 L Thigh", "left", "bip 01 thigh"),
        ("左ひじ", "left", "ひじ"),
        ("腕.L", "left", "腕"),
        ("右足ＩＫ", "right", "足 ik"),
        ("上半身２", "", "上半身 2"),
        ("DEF-upper_arm.L.001", "left", "def upper arm 001"),
        ("rightforearm", "right", "forearm"),
        ("Right arm", "right", "arm"),
        ("spine.003", "", "spine 003"),
        ("Root", "", "root"),
        ("rig", "", "rig"),
        ("lowerarm", "", "lowerarm"),
        ("hand_R_ik", "right", "hand ik"),
    ],
)
def test_parse(text: str, side: str, words: str):
    name = parse(text)
    assert (name.side, " ".join(name.words)) == (side, words)


def test_both_sides_in_one_name_are_no_side():
    assert parse("L_R_switch").side == ""
    assert parse("L_R_switch").key == ("", "lrswitch")


def test_prefix_of_the_whole_rig_is_set_aside():
    parts = ["hip", "spine", "chest", "neck", "head", "arm_L", "arm_R", "leg_L", "leg_R", "foot_L", "foot_R"]
    names = parse_all([f"char01_{part}" for part in parts] + ["camera"])
    assert names[0].prefix == ("char", "01")
    assert names[0].key == ("", "hip")
    assert names[0].full_key == ("", "char01hip")
    assert names[5].key == ("left", "arm")
    assert names[-1].key == ("", "camera")


def test_few_bones_have_no_common_prefix():
    assert parse_all(["arm_upper", "arm_lower"])[0].prefix == ()
