# SPDX-License-Identifier: GPL-3.0-or-later
"""Finger bones by name and by structure, the palm, and the root bone above the hips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from blender_addon.retarget.relaxed_fingers import relaxed_fingers
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.finger_words import FINGERS
from blender_addon.rig.fingers import find_fingers, palm
from blender_addon.rig.root_bone import find_root_bone
from tests.retarget import limb_oracle, rig_edits
from tests.rig.humanoids import make_humanoid

JAPANESE = {"thumb": "親指", "index": "人指", "middle": "中指", "ring": "薬指", "pinky": "小指"}
STYLES: dict[str, Callable[[str, str, int], str]] = {
    "Mixamo": lambda side, finger, n: f"mixamorig:{side.title()}Hand{finger.title()}{n}",
    "Unreal": lambda side, finger, n: f"{finger}_0{n}_{side[0]}",
    "Rigify": lambda side, finger, n: f"{'' if finger == 'thumb' else 'f_'}{finger}.0{n}.{side[0].upper()}",
    "VRoid": lambda side, finger, n: f"J_Bip_{side[0].upper()}_{finger.title().replace('Pinky', 'Little')}{n}",
    "VRM 1": lambda side, finger, n: f"{side}{finger.title()}{('Proximal', 'Intermediate', 'Distal')[n - 1]}",
    "MMD": lambda side, finger, n: f"{'左' if side == 'left' else '右'}{JAPANESE[finger]}{'１２３'[n - 1]}",
    "Daz": lambda side, finger, n: f"{side[0]}{finger.title().replace('Middle', 'Mid')}{n}",
    "Character Creator": lambda side, finger, n: f"CC_Base_{side[0].upper()}_{finger.title()}{n}",
    "Mixamo control rig": lambda side, finger, n: f"Ctrl_{finger.title()}{n}_{side.title()}",
    "Auto-Rig Pro": lambda side, finger, n: f"c_{finger}{n}.{side[0]}",
}


def named(style: Callable[[str, str, int], str] | None) -> Callable[[str], str]:
    """Names for the keys of the fingers: of the five, the one in front is the thumb."""

    def rename(key: str) -> str:
        if style is None or "_finger:" not in key:
            return key.replace("finger", "bone")
        side, rest = key.split("_", 1)
        _, place, segment = rest.split(":")
        finger = FINGERS[4 - int(place) if side == "left" else int(place)]
        return style(side, finger, int(segment) + 1)

    return rename


@pytest.mark.parametrize("style", STYLES)
def test_names(style: str) -> None:
    rename = STYLES[style]
    rig, roles = make_humanoid(extras=("fingers",), rename=named(rename), rolls=np.random.default_rng(0))
    for side in ("left", "right"):
        found = find_fingers(rig, BoneMap(roles), side)
        names = {finger: tuple(rig.bone_names[index] for index in chain) for finger, chain in found.items()}
        assert names == {finger: tuple(rename(side, finger, n) for n in (1, 2, 3)) for finger in FINGERS}


@pytest.mark.parametrize("angle", [0.0, 45.0, 60.0])
@pytest.mark.parametrize("facing", [0.0, 130.0])
def test_palms_face_down_and_in(angle: float, facing: float) -> None:
    rig, roles = make_humanoid(
        extras=("fingers",), rename=named(STYLES["Unreal"]), random_axes=np.random.default_rng(0),
        arm_angle=angle, facing_degrees=facing,
    )  # fmt: skip
    for side in ("left", "right"):
        directions = palm(rig, BoneMap(roles), side, find_fingers(rig, BoneMap(roles), side))
        assert directions is not None
        out = limb_oracle.about_z(facing) @ [1.0 if side == "left" else -1.0, 0.0, 0.0]
        expected = -np.array([0.0, 0.0, 1.0]) * np.cos(np.radians(angle)) - out * np.sin(np.radians(angle))
        np.testing.assert_allclose(directions[0], expected, atol=1e-6)


def test_five_parallel_chains_of_no_name_do_not_tell_the_palm() -> None:
    """Without a thumb, up and down of a hand cannot be known: nothing is bent rather than bent backwards."""
    rig, roles = make_humanoid(extras=("fingers",), rename=named(None))
    assert len(find_fingers(rig, BoneMap(roles), "left")) == 5
    assert relaxed_fingers(rig, BoneMap(roles)) == {}


def test_locked_and_constrained_fingers_are_left_alone() -> None:
    rig, roles = make_humanoid(extras=("fingers",), rename=named(STYLES["Unreal"]))
    rig = rig_edits.flagged(rig, "constrained", [f"index_0{n}_l" for n in (1, 2, 3)], True)
    rig = rig_edits.flagged(rig, "lock_rotation", [f"ring_0{n}_l" for n in (1, 2, 3)], True)
    posed = relaxed_fingers(rig, BoneMap(roles))
    assert not {"index_01_l", "ring_02_l"} & posed.keys()
    assert {"middle_01_l", "index_01_r", "ring_02_r"} <= posed.keys()


@pytest.mark.parametrize("name", ["root", "Root_M", "RL_BoneRoot", "Master", "anything"])
def test_root_bone(name: str) -> None:
    rig, roles = make_humanoid(extras=("root", "ik"), rename=lambda key: name if key == "root" else key)
    assert find_root_bone(rig, BoneMap(roles)) == name
    for flag in ("constrained", "lock_location"):
        assert find_root_bone(rig_edits.flagged(rig, flag, [name], True), BoneMap(roles)) is None


def test_root_by_name_before_the_topmost() -> None:
    rig, roles = make_humanoid(extras=("root",))
    rig = rig_edits.with_bone_above(rig, "root", "container")
    assert find_root_bone(rig, BoneMap(roles)) == "root"


def test_no_root_bone() -> None:
    rig, roles = make_humanoid()
    assert find_root_bone(rig, BoneMap(roles)) is None
    split, roles = make_humanoid(extras=("pelvis_split",))
    assert find_root_bone(split, BoneMap(roles)) is None
