# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone plays which role in the rigs of the tests, written down by a person and not by the bone mapper."""

from __future__ import annotations

from blender_addon.contract import skeleton


def both_sides(pattern: str, sides: tuple[str, str], **parts: str) -> dict[str, str]:
    """Role -> bone for both sides; `pattern` holds {part} and {side}."""
    return {
        f"{role_side}_{role}": pattern.format(part=part, side=side)
        for role_side, side in zip(("left", "right"), sides, strict=True)
        for role, part in parts.items()
    }


METARIG = {
    "pelvis": "spine", "spine1": "spine.001", "spine2": "spine.002", "spine3": "spine.003",
    "neck": "spine.004", "head": "spine.006",
    **both_sides("{part}.{side}", ("L", "R"), collar="shoulder", shoulder="upper_arm", elbow="forearm", wrist="hand",
                 hip="thigh", knee="shin", ankle="foot", foot="toe"),
}  # fmt: skip
MIXAMO = {
    "pelvis": "mixamorig:Hips", "spine1": "mixamorig:Spine", "spine2": "mixamorig:Spine1",
    "spine3": "mixamorig:Spine2", "neck": "mixamorig:Neck", "head": "mixamorig:Head",
    **both_sides("mixamorig:{side}{part}", ("Left", "Right"), collar="Shoulder", shoulder="Arm", elbow="ForeArm",
                 wrist="Hand", hip="UpLeg", knee="Leg", ankle="Foot", foot="ToeBase"),
}  # fmt: skip
MALE = {
    "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
    "head": "head",
    **both_sides("{part}_{side}", ("l", "r"), collar="clavicle", shoulder="upperarm", elbow="lowerarm", wrist="hand",
                 hip="thigh", knee="calf", ankle="foot", foot="ball"),
}  # fmt: skip
KENNEY = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Chest", "spine3": "UpperChest", "neck": "Neck", "head": "Head",
    **both_sides("{side}{part}", ("Left", "Right"), collar="Shoulder", shoulder="Arm", elbow="ForeArm", wrist="Hand",
                 hip="UpLeg", knee="Leg", ankle="Foot", foot="Toes"),
}  # fmt: skip
KNIGHT = {
    "pelvis": "hips", "spine1": "spine", "spine3": "chest", "head": "head",
    **both_sides("{part}.{side}", ("l", "r"), shoulder="upperarm", elbow="lowerarm", wrist="wrist", hip="upperleg",
                 knee="lowerleg", ankle="foot", foot="toes"),
}  # fmt: skip


ROLES = {
    "metarig": METARIG,
    "mixamo": MIXAMO,
    "human-male": MALE,
    "human-kenney": KENNEY,
    "knight": KNIGHT,
    "mannequin": {role: role for role in skeleton.JOINT_NAMES},
}
