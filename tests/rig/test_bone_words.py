# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs named in an animator's own way: words, sides and hierarchy together tell the roles."""

from __future__ import annotations

import pytest

from blender_addon.rig.bone_map import detect
from tests.rig.humanoids import make_humanoid

TRUNK = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
LIMBS = ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")


def _names(trunk: str, limbs: str, left: str, right: str) -> dict[str, str]:
    names = dict(zip(TRUNK, trunk.split(), strict=True))
    for side, word in (("left", left), ("right", right)):
        names |= {f"{side}_{part}": name.replace("{}", word) for part, name in zip(LIMBS, limbs.split(), strict=True)}
    return names


HABITS = {
    "maya": _names(
        "C_pelvis_J C_spineA_J C_spineB_J C_chest_J C_neck_J C_head_J",
        "{}_clav_J {}_arm_upper_J {}_arm_lower_J {}_hand_J {}_leg_upper_J {}_leg_lower_J {}_foot_J {}_toe_J",
        "L",
        "R",
    ),
    "joints": _names(
        "hips_bind back1_bind back2_bind back3_bind neck_bind skull_bind",
        "collar_{} shoulder_{} elbow_{} wrist_{} hip_{} knee_{} ankle_{} ball_{}",
        "left",
        "right",
    ),
    "arm above forearm": _names(
        "Hip Waist Torso Ribs Neck01 Head",
        "Shoulder{} Arm{} Forearm{} Hand{} Leg{} Shin{} Foot{} Toe{}",
        "_L",
        "_R",
    ),
    "two legs": _names(
        "body_hip body_01 body_02 body_03 body_neck body_head",
        "{}Clavicle {}Bicep {}LowArm {}Hand {}Leg1 {}Leg2 {}Ankle {}Toes",
        "Left",
        "Right",
    ),
    "anatomy": _names(
        "Pelvis lumbar thoracic1 thoracic2 neck skull",
        "scapula.{} humerus.{} radius.{} hand.{} femur.{} tibia.{} foot.{} toe.{}",
        "L",
        "R",
    ),
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("arm_angle", [0.0, 45.0])
def test_habits(habit: str, arm_angle: float):
    names = HABITS[habit]
    extras = ("root", "fingers", "twist", "ik", "hair", "weapon", "face")
    rig, truth = make_humanoid(rename=names, arm_angle=arm_angle, extras=extras)
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.source == "names"
    assert detection.usable


def test_words_help_where_twist_and_ik_bones_share_them():
    names = {
        "left_shoulder": "arm.L", "left_elbow": "arm_lower.L", "left_wrist": "hand.L",
        "right_shoulder": "arm.R", "right_elbow": "arm_lower.R", "right_wrist": "hand.R",
        "left_upper_twist": "arm_twist.L", "right_upper_twist": "arm_twist.R",
        "left_hand_ik": "hand_ik.L", "right_hand_ik": "hand_ik.R",
        "left_elbow_pole": "arm_pole.L", "right_elbow_pole": "arm_pole.R",
        "left_hip": "leg.L", "left_knee": "leg_lower.L", "left_ankle": "foot.L",
        "right_hip": "leg.R", "right_knee": "leg_lower.R", "right_ankle": "foot.R",
        "left_foot_ik": "foot_ik.L", "right_foot_ik": "foot_ik.R",
        "spine1": "spine_a", "spine2": "spine_b", "spine3": "spine_c",
    }  # fmt: skip
    rig, truth = make_humanoid(rename=names, collars=False, toes=False, extras=("root", "twist", "ik"))
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == truth
    assert detection.source == "names"


def test_exchanged_sides_are_noticed():
    """A rig whose left and right were named as seen from the front: a map, but none to use unseen."""
    names = {
        role: role.replace("left", "?").replace("right", "left").replace("?", "right") for role in make_humanoid()[1]
    }
    rig, _ = make_humanoid(rename=names)
    detection = detect(rig)
    assert not detection.usable
    assert any("left" in note and "right" in note for note in detection.notes)
