# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties, classes and defaults that scripts and the panel rely on; and that registering can be repeated."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector

from blender_addon import properties, registration, runtime
from blender_addon.contract import axes, skeleton, source_root
from blender_addon.rig import roles
from blender_addon.rig.presets import SHIPPED_FOLDER, load
from tests.blender.armatures import make_active, new_armature

CONTRACT = {
    "condition": "TEXT",
    "prompt": "",
    "action_label": "",
    "style_label": "",
    "seconds": 4.0,
    "use_random_seed": True,
    "seed": 0,
    "guidance_scale": 4.0,
    "steps": 50,
    "variations": 1,
    "start_at_playhead": False,
    "in_place": False,
    "in_place_axes": {"X", "Y"},
    "root_target": "HIPS",
    "blend_in_frames": 0,
    "blend_out_frames": 0,
    "relax_fingers": False,
    "foot_lock": True,
    "scale_root": True,
    "key_reduction": "NONE",
    "key_error_degrees": 0.5,
}
OPERATORS = [
    "generate",
    "regenerate",
    "cancel",
    "use_take",
    "delete_take",
    "bake_to_nla",
    "rekey_take",
    "import_motion",
    "export_motion",
    "add_smpl_body",
    "fit_body_bones",
    "detect_bones",
    "bone_from_selection",
    "clear_bone",
    "mirror_bones",
    "save_bone_preset",
    "load_bone_preset",
    "delete_bone_preset",
    "add_mannequin",
    "engine_install",
    "engine_start",
    "engine_stop",
    "random_seed",
    "use_limit_seconds",
    "show_log",
]


def test_scene_properties_and_defaults(addon) -> None:
    panel = bpy.context.scene.mld
    assert {name: getattr(panel, name) for name in CONTRACT} == CONTRACT
    assert {item.identifier for item in panel.bl_rna.properties["condition"].enum_items} == {
        "TEXT",
        "ACTION",
        "UNCONDITIONAL",
    }
    assert {item.identifier for item in panel.bl_rna.properties["key_reduction"].enum_items} == {
        "NONE",
        "LINEAR",
        "BEZIER",
    }
    assert all(panel.bl_rna.properties[name].description for name in CONTRACT)


def test_defaults_are_those_of_the_default_pack(addon) -> None:
    config = json.loads((source_root() / "mld_engine/packs/research/config.json").read_text(encoding="utf-8"))
    panel = bpy.context.scene.mld
    assert panel.guidance_scale == config["schedule"]["guidance_scale"]
    assert panel.steps == config["schedule"]["steps"]
    seconds = panel.bl_rna.properties["seconds"]
    assert seconds.soft_min == pytest.approx(config["frames"]["min"] / config["representation"]["fps"])
    assert seconds.soft_max == pytest.approx(config["frames"]["max"] / config["representation"]["fps"])


@pytest.mark.parametrize(("name", "value"), [("seconds", -1.0), ("seconds", 500.0), ("seed", -1), ("steps", 0)])
def test_wrong_values_are_not_clamped_silently(addon, name: str, value: float) -> None:
    setattr(bpy.context.scene.mld, name, value)
    assert getattr(bpy.context.scene.mld, name) == value


def test_long_prompts_are_kept_whole(addon) -> None:
    bpy.context.scene.mld.prompt = "walk " * 2000
    assert len(bpy.context.scene.mld.prompt) == 10_000


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_exist_and_explain_themselves(addon, name: str) -> None:
    operator = getattr(bpy.ops.mld, name)
    assert operator.idname_py() == f"mld.{name}"
    assert operator.get_rna_type().description


def test_class_names_follow_blenders_habit(addon) -> None:
    kinds = {bpy.types.Operator: "MLD_OT_", bpy.types.Panel: "MLD_PT_", bpy.types.UIList: "MLD_UL_"}
    for cls in registration.CLASSES:
        for base, prefix in kinds.items():
            if issubclass(cls, base):
                assert cls.__name__.startswith(prefix)
            if issubclass(cls, base) and base is bpy.types.Panel:
                assert (cls.bl_space_type, cls.bl_region_type, cls.bl_category) == ("VIEW_3D", "UI", "MLD")


def test_labels_can_be_searched_without_an_engine(addon) -> None:
    search = properties.search_actions
    assert search(None, bpy.context, "WAVE") == ["wave_both", "wave_left", "wave_right"]
    assert search(None, bpy.context, "raise b") == ["raise_both"]
    assert len(search(None, bpy.context, "")) == 51
    assert properties.search_styles(None, bpy.context, "ha") == ["happy"]


def test_settings_are_saved_with_the_file(addon, mannequin, tmp_path: Path) -> None:
    bpy.context.scene.mld.prompt = "a person salutes"
    mannequin.mld.bones.head = "head"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert bpy.context.scene.mld.prompt == "a person salutes"
    assert bpy.data.objects["Mannequin"].mld.bones.head == "head"


def test_register_twice_in_a_row(addon) -> None:
    for _ in range(2):
        addon.unregister()
        assert not hasattr(bpy.types.Scene, "mld")
        with pytest.raises(RuntimeError):
            runtime.current()
        addon.register()
    assert bpy.context.scene.mld.seconds == 4.0


def test_the_licence_is_shown(addon) -> None:
    chosen = runtime.current().vocabulary(bpy.context.scene)
    assert chosen.licence_line == "Licence: non-commercial (CC\u00a0BY-NC\u00a04.0)"


def test_shipped_presets_are_used(addon) -> None:
    preset = load(SHIPPED_FOLDER / "roblox_r15.json")
    body = rest_joints()
    bones = []
    for role, bone in preset.bones.items():
        above = roles.PARENT_ROLE[role]
        while above is not None and above not in preset.bones:
            above = roles.PARENT_ROLE[above]
        head = Vector(body[role])
        bones.append((bone, preset.bones.get(above, ""), head, head + Vector((0.0, 0.0, 0.05))))
    armature = new_armature("Avatar", bones)
    status = runtime.current().rig_status.status(armature)
    assert preset.name in status.text
    assert status.usable


def rest_joints() -> dict[str, tuple[float, float, float]]:
    """Joint positions of the motion's body at rest, Z up."""
    places: list[np.ndarray] = []
    for offset, parent in zip(skeleton.REST_OFFSETS, skeleton.PARENTS, strict=True):
        places.append(offset if parent < 0 else places[parent] + offset)
    points = axes.vectors_to_z_up(np.array(places))
    return {name: tuple(map(float, point)) for name, point in zip(skeleton.JOINT_NAMES, points, strict=True)}


def test_bone_line_of_the_panel(addon, mannequin, chain) -> None:
    status = runtime.current().rig_status
    good = status.status(mannequin)
    assert good.usable
    assert good.text.startswith("Mapped: ")
    assert good.text.endswith("22/22")
    bad = status.status(chain)
    assert not bad.usable
    assert "Left Upper Leg" in bad.text
    make_active(mannequin)
    bpy.ops.mld.detect_bones()
    mannequin.mld.bones.pelvis = "no such bone"
    assert "no such bone" in status.status(mannequin).text
