# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones chosen by hand: on a rig that no detection recognises, mirrored, kept as a preset and found again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from mathutils import Vector

from blender_addon import bone_presets, runtime, targets
from blender_addon.rig import roles
from blender_addon.rig.snapshot import RigError
from tests.blender.armatures import make_active, new_armature
from tests.blender.panel_session import refusal

# Armature space, metres, Z up, facing -Y. One leg is shorter and one arm hangs, so the rest pose has no
# mirror plane and its proportions tell neither limbs nor sides.
BODY = {
    "pelvis": ("", (0.0, 0.0, 1.0)),
    "spine3": ("pelvis", (0.0, 0.02, 1.3)),
    "head": ("spine3", (0.0, 0.0, 1.6)),
    "left_shoulder": ("spine3", (0.18, 0.0, 1.45)),
    "left_elbow": ("left_shoulder", (0.45, 0.0, 1.45)),
    "left_wrist": ("left_elbow", (0.7, 0.0, 1.45)),
    "right_shoulder": ("spine3", (-0.14, 0.05, 1.42)),
    "right_elbow": ("right_shoulder", (-0.2, 0.0, 1.0)),
    "right_wrist": ("right_elbow", (-0.24, -0.1, 0.85)),
    "left_hip": ("pelvis", (0.1, 0.0, 0.95)),
    "left_knee": ("left_hip", (0.1, -0.02, 0.5)),
    "left_ankle": ("left_knee", (0.1, 0.0, 0.08)),
    "right_hip": ("pelvis", (-0.13, 0.06, 0.9)),
    "right_knee": ("right_hip", (-0.3, -0.1, 0.65)),
    "right_ankle": ("right_knee", (-0.4, 0.1, 0.3)),
}
"""Role -> parent role, place of the joint."""


@pytest.fixture(autouse=True)
def user_folder(addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for the animator's presets."""
    monkeypatch.setenv("BLENDER_USER_DATAFILES", str(tmp_path / "user"))
    bone_presets.reload()
    yield bone_presets.own_folder()
    monkeypatch.undo()
    bone_presets.reload()


def odd_rig(names: dict[str, str]) -> bpy.types.Object:
    """The lopsided body, with a name for each of its roles, active."""
    bones = []
    for role, (parent, place) in BODY.items():
        head = Vector(place)
        bones.append((names[role], names.get(parent, ""), head, head + Vector((0.0, 0.01, 0.06))))
    return new_armature("Stranger", bones)


def random_names(seed: int = 4) -> dict[str, str]:
    draw = random.Random(seed)
    return {role: "".join(draw.choices("bcdfghjkmpqstvwxz", k=7)) for role in BODY}


def sided_names() -> dict[str, str]:
    """Names whose sides Blender knows and whose words say nothing."""
    letters = {"left": ".L", "right": ".R"}
    return {
        role: "zq" + str(sorted({key.split("_")[-1] for key in BODY}).index(role.split("_")[-1])) + suffix
        for role in BODY
        for suffix in [letters.get(role.split("_")[0], "")]
    }


def choose(armature: bpy.types.Object, role: str, bone: str) -> None:
    """Select the row, click the bone in the viewport, press the eyedropper."""
    armature.mld.role_index = armature.mld.bones.bl_rna.properties.find(role)
    armature.data.bones.active = armature.data.bones[bone]
    assert bpy.ops.mld.bone_from_selection() == {"FINISHED"}


def stored(armature: bpy.types.Object) -> dict[str, str]:
    found = targets.stored_bone_map(armature)
    return dict(found.bones) if found else {}


def choose_all(armature: bpy.types.Object, names: dict[str, str]) -> None:
    for role in roles.ROLES:
        if role in names:
            choose(armature, role, names[role])
        else:
            bpy.ops.mld.clear_bone(role=role)


def write_by_hand(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_a_rig_that_detection_refuses_is_mapped_by_hand() -> None:
    names = random_names()
    armature = odd_rig(names)
    with pytest.raises(RigError):
        targets.ready_rig(armature)
    choose_all(armature, names)
    _, bone_map = targets.ready_rig(armature)
    assert dict(bone_map.bones) == names
    status = runtime.current().rig_status.status(armature)
    assert (status.usable, status.source, status.problems) == (True, targets.BY_HAND, ())


def test_the_first_choice_keeps_what_was_shown(mannequin) -> None:
    shown = dict(runtime.current().rig_status.status(mannequin).bones)
    assert stored(mannequin) == {}
    choose(mannequin, "neck", shown["head"])
    assert stored(mannequin) == {**shown, "neck": shown["head"]}
    assert mannequin.mld.bones_source == targets.BY_HAND
    bpy.ops.mld.detect_bones()
    assert stored(mannequin) == shown


def test_mirror_follows_the_names() -> None:
    names = sided_names()
    armature = odd_rig(names)
    left = {role: bone for role, bone in names.items() if not role.startswith("right_")}
    choose_all(armature, left)
    assert not runtime.current().rig_status.status(armature).usable
    assert bpy.ops.mld.mirror_bones() == {"FINISHED"}
    assert stored(armature) == names
    targets.ready_rig(armature)
    bpy.ops.mld.clear_bone(role="left_knee")
    assert bpy.ops.mld.mirror_bones(side="right") == {"FINISHED"}
    assert stored(armature) == names


def test_mirror_follows_the_rest_pose_where_names_tell_nothing(mannequin) -> None:
    truth = dict(runtime.current().rig_status.status(mannequin).bones)
    new_names = {bone: f"x{number * 37 % 101}" for number, bone in enumerate(truth.values())}
    for bone, name in new_names.items():
        mannequin.data.bones[bone].name = name
    expected = {role: new_names[bone] for role, bone in truth.items()}
    choose_all(mannequin, {role: bone for role, bone in expected.items() if not role.startswith("right_")})
    assert bpy.ops.mld.mirror_bones() == {"FINISHED"}
    assert stored(mannequin) == expected


def test_mirror_says_when_there_is_nothing_to_mirror() -> None:
    names = random_names()
    armature = odd_rig(names)
    choose_all(armature, {"pelvis": names["pelvis"]})
    assert "No bones are chosen on the left side" in refusal(bpy.ops.mld.mirror_bones)
    choose(armature, "left_knee", names["left_knee"])
    before = stored(armature)
    message = refusal(bpy.ops.mld.mirror_bones)
    assert "Nothing can be mirrored" in message
    assert names["left_knee"] in message
    assert stored(armature) == before


def test_wrong_choices_are_kept_and_named() -> None:
    names = random_names()
    armature = odd_rig(names)
    choose_all(armature, names)
    choose(armature, "left_wrist", names["left_elbow"])
    status = runtime.current().rig_status.status(armature)
    assert not status.usable
    assert f"“{names['left_elbow']}” is both" in status.text
    assert armature.mld.bones.left_wrist == names["left_elbow"]
    choose(armature, "left_wrist", names["right_wrist"])
    choose(armature, "right_wrist", names["left_wrist"])
    problems = {problem.role: problem.message for problem in runtime.current().rig_status.status(armature).problems}
    assert set(problems) == {"left_wrist", "right_wrist"}
    assert "is not below Left Lower Arm" in problems["left_wrist"]
    bpy.ops.mld.clear_bone(role="pelvis")
    problems = {problem.role for problem in runtime.current().rig_status.status(armature).problems}
    assert problems == {"pelvis", "left_wrist", "right_wrist"}


def test_a_saved_preset_maps_the_rig_in_the_next_file(user_folder: Path) -> None:
    names = random_names()
    armature = odd_rig(names)
    choose_all(armature, names)
    assert bpy.ops.mld.save_bone_preset(name="Our Hero") == {"FINISHED"}
    assert len(list(user_folder.glob("*.json"))) == 1
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    again = odd_rig(names)
    status = runtime.current().rig_status.status(again)
    assert (status.usable, status.source, status.confidence) == (True, "preset: Our Hero", 1.0)
    assert dict(targets.ready_rig(again)[1].bones) == names
    bpy.ops.mld.detect_bones()
    assert (stored(again), again.mld.bones_source) == (names, "preset: Our Hero")
    with pytest.raises(RigError):
        targets.ready_rig(odd_rig(random_names(seed=5)))


def test_the_panel_notices_a_new_and_a_deleted_preset() -> None:
    names = random_names()
    armature = odd_rig(names)
    choose_all(armature, names)
    twin = odd_rig(names)
    line = runtime.current().rig_status
    assert not line.status(twin).usable
    make_active(armature)
    bpy.ops.mld.save_bone_preset(name="Our Hero")
    assert line.status(twin).usable
    assert bpy.ops.mld.delete_bone_preset(preset="Our Hero") == {"FINISHED"}
    assert not line.status(twin).usable
    assert line.status(armature).usable


def test_a_preset_wins_over_what_the_names_say(mannequin) -> None:
    bpy.ops.mld.clear_bone(role="neck")
    bpy.ops.mld.save_bone_preset(name="Stiff neck")
    bpy.ops.mld.add_mannequin()
    second = bpy.context.view_layer.objects.active
    _, bone_map = targets.ready_rig(second)
    assert "neck" not in bone_map
    assert len(bone_map) == 21


def test_presets_for_more_rigs(user_folder: Path) -> None:
    names = random_names()
    armature = odd_rig(names)
    choose_all(armature, names)
    bpy.ops.mld.save_bone_preset(name="Family", any_rig=True)
    larger = odd_rig(names)
    bpy.ops.object.mode_set(mode="EDIT")
    extra = larger.data.edit_bones.new("tail")
    extra.tail = (0.0, 0.0, 0.2)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert targets.bones_of(larger, targets.read_rig(larger)).source == "preset: Family"


def test_load_replaces_the_map_and_refuses_a_stranger(mannequin) -> None:
    names = random_names()
    bpy.ops.mld.detect_bones()
    before = stored(mannequin)
    stranger = odd_rig(names)
    choose_all(stranger, names)
    bpy.ops.mld.save_bone_preset(name="Stranger")
    for role in BODY:
        bpy.ops.mld.clear_bone(role=role)
    assert bpy.ops.mld.load_bone_preset(preset="Stranger") == {"FINISHED"}
    assert (stored(stranger), stranger.mld.bones_source) == (names, "preset: Stranger")
    make_active(mannequin)
    message = refusal(lambda: bpy.ops.mld.load_bone_preset(preset="Stranger"))
    assert "none of the bones" in message
    assert stored(mannequin) == before
    assert "no bone preset “Other”" in refusal(lambda: bpy.ops.mld.load_bone_preset(preset="Other"))


def test_unreadable_presets_are_named_and_left_out(mannequin, user_folder: Path, capfd) -> None:
    write_by_hand(user_folder, "broken.json", "{ not json")
    wrong = {"format": "mld-bone-map", "version": 1, "name": "Wrong", "bones": {"tummy": "belly"}}
    write_by_hand(user_folder, "wrong.json", json.dumps(wrong))
    assert bpy.ops.mld.detect_bones() == {"FINISHED"}
    messages = bone_presets.library().messages
    assert ["broken.json is not valid JSON" in messages[0], "no role “tummy”" in messages[1]] == [True, True]
    assert "Bone map left out: broken.json" in capfd.readouterr().out
    assert bone_presets.library().own == ()
    targets.ready_rig(mannequin)
    bpy.ops.mld.save_bone_preset(name="Good")
    assert [preset.name for preset in bone_presets.library().own] == ["Good"]


def test_deleting_takes_the_animators_presets_only(mannequin, user_folder: Path) -> None:
    bpy.ops.mld.save_bone_preset(name="Mine")
    (user_folder / "mine_renamed.json").write_bytes(next(user_folder.glob("*.json")).read_bytes())
    assert bpy.ops.mld.delete_bone_preset(preset="Mine") == {"FINISHED"}
    assert list(user_folder.glob("*.json")) == []
    shipped = bone_presets.library().shipped[0].name
    assert "comes with the add-on" in refusal(lambda: bpy.ops.mld.delete_bone_preset(preset=shipped))
    assert "no bone map “Mine”" in refusal(lambda: bpy.ops.mld.delete_bone_preset(preset="Mine"))


def test_saving_says_what_is_missing(mannequin, chain) -> None:
    assert "needs a name" in refusal(lambda: bpy.ops.mld.save_bone_preset(name="  "))
    make_active(mannequin)
    choose(mannequin, "left_knee", mannequin.mld.bones.right_knee or stored_or_shown(mannequin, "right_knee"))
    assert "more than one role" in refusal(lambda: bpy.ops.mld.save_bone_preset(name="Twice"))
    assert bone_presets.library().own == ()


def stored_or_shown(armature: bpy.types.Object, role: str) -> str:
    return runtime.current().rig_status.status(armature).bones[role]


@pytest.mark.parametrize("press", ["choose", "clear", "mirror", "load", "detect"])
def test_one_undo_takes_each_button_back(press: str) -> None:
    names = sided_names()
    armature = odd_rig(names)
    choose_all(armature, names)
    bpy.ops.mld.save_bone_preset(name="Whole")
    choose_all(armature, {role: bone for role, bone in names.items() if not role.startswith("right_")})
    armature.data.bones.active = armature.data.bones[names["pelvis"]]
    before = stored(armature)
    bpy.ops.ed.undo_push(message="before")
    {
        "choose": lambda: bpy.ops.mld.bone_from_selection("EXEC_DEFAULT", True, role="right_knee"),
        "clear": lambda: bpy.ops.mld.clear_bone("EXEC_DEFAULT", True, role="left_knee"),
        "mirror": lambda: bpy.ops.mld.mirror_bones("EXEC_DEFAULT", True),
        "load": lambda: bpy.ops.mld.load_bone_preset("EXEC_DEFAULT", True, preset="Whole"),
        "detect": lambda: bpy.ops.mld.detect_bones("EXEC_DEFAULT", True),
    }[press]()
    assert stored(bpy.data.objects["Stranger"]) != before
    bpy.ops.ed.undo()
    assert stored(bpy.data.objects["Stranger"]) == before


def test_the_button_says_when_no_bone_is_active(mannequin) -> None:
    mannequin.data.bones.active = None
    assert "No bone is active" in refusal(bpy.ops.mld.bone_from_selection)
    mannequin.data.bones.active = mannequin.data.bones[0]
    assert "no role “tail”" in refusal(lambda: bpy.ops.mld.bone_from_selection(role="tail"))
