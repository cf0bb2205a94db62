# SPDX-License-Identifier: GPL-3.0-or-later
"""A family of control rigs that is known by its description alone: Mixamo's, on a stand-in for the real rig."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.animation import compat  # noqa: E402
from blender_addon.control_rigs.fit import control_modes, find_family  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import detect  # noqa: E402
from tests.blender import control_oracle  # noqa: E402
from tests.blender.mixamo_control_rig import PREFIX, mixamo_control_rig  # noqa: E402
from tests.retarget import limb_oracle, motions  # noqa: E402

JOINTS = {
    "pelvis": "Hips",
    "spine3": "Spine2",
    **{
        f"{side.lower()}_{role}": side + part
        for side in ("Left", "Right")
        for role, part in (
            ("shoulder", "Arm"),
            ("elbow", "ForeArm"),
            ("wrist", "Hand"),
            ("hip", "UpLeg"),
            ("knee", "Leg"),
            ("ankle", "Foot"),
            ("foot", "ToeBase"),
        )
    },
}
JOINTS = {role: PREFIX + bone for role, bone in JOINTS.items()}


def test_the_controls_are_found_and_not_the_bones_they_move() -> None:
    rig = read_rig(mixamo_control_rig())
    detection = detect(rig)
    assert detection.usable
    assert all(bone.startswith("Ctrl_") for bone in detection.bone_map.bones.values())
    family = find_family(rig, detection.bone_map)
    assert family is not None
    assert family.name == detection.source == "Mixamo control rig"
    assert control_modes(rig, detection.bone_map) == ("FK",)


@pytest.mark.parametrize("mode", ["FK", "IK"])
@pytest.mark.parametrize("take", [motions.WALK, motions.RAISED_ARM])
def test_skin_bones_follow_the_skeleton(repository: Path, mode: str, take: int) -> None:
    """Asked for IK, which is not described, the rig is driven on its FK controls, and says so."""
    rig = mixamo_control_rig()
    rig.pose.bones["Ctrl_Hips_Free"].rotation_mode = "XYZ"
    rig.pose.bones["Ctrl_Hips_Free"].rotation_euler = (0.5, 0.0, 0.2)
    bpy.context.scene.render.fps = int(motions.GOLDEN_FPS)
    motion = motions.golden_motion(repository, take)
    frames = list(range(0, motion.frames, 6))
    driven = control_oracle.drive(rig, motion, mode)
    assert [text for text in driven.track.warnings if "IK" in text] == [
        f"The {side} {limb} cannot be switched to IK, so its FK controls are keyed."
        for limb in ("arm", "leg")
        for side in ("left", "right")
        if mode == "IK"
    ]
    action = control_oracle.key(rig, driven)
    posed = control_oracle.play(rig, JOINTS, frames)
    chosen = control_oracle.chosen(motion, frames)
    errors = limb_oracle.limb_errors(chosen, control_oracle.heads(posed), np.eye(3))
    assert len(errors) == 8
    assert max(error.max() for error in errors.values()) < 0.1
    keyed = {curve.data_path.split('"')[1] for curve in compat.fcurves(action)}
    assert all(bone.startswith("Ctrl_") for bone in keyed)
    assert not [bone for bone in keyed if rig.pose.bones[bone].constraints]
