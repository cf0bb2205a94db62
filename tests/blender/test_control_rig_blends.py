# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on generated Rigify rigs that begin and end in the pose that is seen: by where Blender has the skin's bones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Euler  # noqa: E402

from blender_addon.animation import compat, takes  # noqa: E402
from tests.blender import golden_takes  # noqa: E402
from tests.retarget import limb_oracle  # noqa: E402

START, FRAMES = 11, 8


@pytest.fixture(autouse=True)
def registered(addon: object) -> None:
    pass


def turn(rig: bpy.types.Object, bone: str, *angles: float) -> None:
    posed = rig.pose.bones[bone]
    posed.rotation_mode = "QUATERNION"
    posed.rotation_quaternion = Euler(angles).to_quaternion()


def strike_pose(rig: bpy.types.Object, standing: str) -> None:
    """All limbs on FK or IK (`IK poles`: bent towards poles), spine, neck, root and feet's helpers posed as well."""
    for limb in ("upper_arm", "thigh"):
        for side in "LR":
            settings = rig.pose.bones[f"{limb}_parent.{side}"]
            settings["IK_FK"] = float(standing == "FK")
            if standing == "IK poles":
                settings["pole_vector"], settings["pole_parent"] = True, 1
    for side in "LR":
        for part, angles in (
            ("upper_arm", (0.3, 0.2, 0.5)),
            ("forearm", (0.8, 0.0, 0.0)),
            ("hand", (0.2, 0.1, 0.3)),
            ("thigh", (-0.5, 0.1, 0.1)),
            ("shin", (0.9, 0.0, 0.0)),
            ("foot", (0.2, 0.0, 0.1)),
            ("toe", (-0.3, 0.0, 0.0)),
        ):
            turn(rig, f"{part}_fk.{side}", *angles)
        turn(rig, f"foot_heel_ik.{side}", -0.4, 0.0, 0.0)
    rig.pose.bones["hand_ik.L"].location = (-0.25, 0.15, 0.1)
    rig.pose.bones["hand_ik.R"].location = (0.2, 0.15, 0.1)
    rig.pose.bones["foot_ik.L"].location = (0.05, -0.2, 0.15)
    rig.pose.bones["upper_arm_ik_target.L"].location = (0.1, 0.1, 0.2)
    rig.pose.bones["torso"].location = (0.05, 0.03, -0.12)
    rig.pose.bones["root"].location = (1.0, 0.5, 0.0)
    for bone, angles in (
        ("torso", (0.2, 0.1, 0.3)),
        ("hips", (0.1, 0.1, -0.1)),
        ("chest", (0.2, -0.1, 0.2)),
        ("head", (0.2, 0.1, 0.3)),
        ("hand_ik.L", (0.4, 0.2, 0.1)),
        ("foot_ik.L", (0.3, 0.1, 0.1)),
        ("f_middle.02.L", (0.7, 0.0, 0.0)),
    ):
        turn(rig, bone, *angles)
    rig.update_tag()
    bpy.context.view_layer.update()


def skin(rig: bpy.types.Object, *frames: int) -> np.ndarray:
    """(F, B, 4, 4) world matrices of the bones that deform."""
    return golden_takes.joints(rig, frames, [bone.name for bone in rig.data.bones if bone.use_deform])


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.linalg.norm(found[..., :3, 3] - wanted[..., :3, 3], axis=-1).max() < 1e-4
    axes = (m[..., :3, :3] / np.linalg.norm(m[..., :3, :3], axis=-2, keepdims=True) for m in (found, wanted))
    assert limb_oracle.rotation_degrees(*axes).max() < 0.1


@pytest.mark.parametrize("mode", ["FK", "IK"])
@pytest.mark.parametrize("standing", ["FK", "IK", "IK poles"])
def test_begins_and_ends_in_the_pose_that_is_seen(generated, repository: Path, standing: str, mode: str) -> None:
    rig = generated("human")
    strike_pose(rig, standing)
    before = skin(rig, START)[0]
    action = golden_takes.key(
        rig,
        repository,
        start_frame=START,
        control_mode=mode,
        in_place=True,
        blend_in_frames=FRAMES,
        blend_out_frames=FRAMES,
        relax_fingers=True,
    )
    last = int(action.frame_range[1])
    after = skin(rig, START, START + 1, START + FRAMES, last - FRAMES, last)
    assert_same(after[0], before)
    assert_same(after[-1], before)
    moved = np.linalg.norm(after[:, :, :3, 3] - before[:, :3, 3], axis=-1).max(axis=1)
    assert moved[1] < 0.04
    assert (moved[2:4] > 0.15).all()
    keyed = takes.keyed_bones(action)
    assert not [bone for bone in keyed if bone.startswith(("DEF-", "ORG-"))]
    assert "f_middle.02.L" in keyed


def test_the_body_of_the_take_is_as_without_a_blend(generated, repository: Path) -> None:
    """Whatever is eased has its value from the end of the blend on: switches, stretching, helpers of the feet."""
    rig = generated("human")
    strike_pose(rig, "IK")
    frames = range(START + FRAMES, START + 60, 7)
    played = []
    for blend in (0, FRAMES):
        golden_takes.key(rig, repository, start_frame=START, control_mode="IK", in_place=True, blend_in_frames=blend)
        played.append(skin(rig, *frames))
    assert np.linalg.norm(played[0][..., :3, 3] - played[1][..., :3, 3], axis=-1).max() < 1e-4


@pytest.mark.parametrize("mode", ["FK", "IK"])
def test_blended_after_the_fact(generated, repository: Path, mode: str) -> None:
    """The take has switched the limbs over; the pose before it is found all the same."""
    rig = generated("basic")
    for bone in rig.pose.bones:
        if "IK_FK" in bone:
            bone["IK_FK"] = 0.0
    rig.pose.bones["hand_ik.L"].location = (-0.25, 0.15, 0.1)
    rig.pose.bones["torso"].location = (0.0, 0.0, -0.1)
    rig.update_tag()
    bpy.context.view_layer.update()
    before = skin(rig, START)[0]
    golden_takes.key(rig, repository, start_frame=START, control_mode="FK")
    bpy.context.scene.frame_set(40)
    golden_takes.set_panel(blend_in_frames=FRAMES, control_mode=mode)
    assert bpy.ops.mld.rekey_take() == {"FINISHED"}
    assert_same(skin(rig, START)[0], before)
    golden_takes.set_panel(blend_in_frames=0)
    assert bpy.ops.mld.rekey_take() == {"FINISHED"}
    eased = [curve for curve in compat.fcurves(rig.animation_data.action) if curve.data_path.endswith("scale")]
    assert not eased


def test_fingers_of_the_controls_relax_the_skin(generated, armatures, repository: Path) -> None:
    """As on the metarig, which has the same fingers without controls; bones with skin get no keys."""
    rig = generated("human")
    action = golden_takes.key(rig, repository, relax_fingers=True)
    fingers = ("thumb", "f_index", "f_middle", "f_ring", "f_pinky")
    names = [f"{finger}.0{number}.{side}" for finger in fingers for number in (1, 2, 3) for side in "LR"]
    keyed = takes.keyed_bones(action)
    assert set(names) <= set(keyed)
    assert not [bone for bone in keyed if rig.data.bones[bone].use_deform or rig.pose.bones[bone].constraints]
    found, straight = pointing(rig, names, "DEF-")
    metarig = armatures.human_metarig()
    golden_takes.key(metarig, repository, relax_fingers=True)
    wanted, _ = pointing(metarig, names, "")
    assert limb_oracle.degrees_between(found, wanted).max() < 1.0
    assert limb_oracle.degrees_between(found, straight).max() > 20.0


def pointing(armature: bpy.types.Object, names: list[str], prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """(B, 3) directions of finger bones, posed and at rest, both with the hand turned back to its rest pose."""
    hands = [f"{prefix}hand.{name[-1]}" for name in names]
    bones = [*(prefix + name for name in names), *hands]
    posed = golden_takes.joints(armature, [20], bones)[0][:, :3, :3]
    rest = np.array([armature.data.bones[bone].matrix_local for bone in bones])[:, :3, :3]
    count = len(names)
    in_hand = np.einsum("bji,bj->bi", posed[count:], posed[:count, :, 1])
    return np.einsum("bij,bj->bi", rest[count:], in_hand), rest[:count, :, 1]
