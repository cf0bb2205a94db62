# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone maps as files: round trip, shipped ones, and every way a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blender_addon.rig import presets, roles
from blender_addon.rig.bone_map import detect
from blender_addon.rig.presets import Preset, PresetError
from tests.rig.humanoids import make_humanoid

BONES = {"pelvis": "hip", "head": "skull"}


def test_round_trip(tmp_path: Path):
    preset = Preset("Rôle d'essai: 右手 / hero", BONES, "ab" * 32)
    path = presets.save(preset, tmp_path / "new" / "folder")
    assert presets.load(path) == preset
    assert path.parent == tmp_path / "new" / "folder"
    assert [file.suffix for file in path.parent.iterdir()] == [".json"]


@pytest.mark.parametrize("name", ["con", "../x", "a/b\\c:*?", "試し☂", "x" * 300, "."])
def test_every_name_has_a_file_that_every_system_takes(tmp_path: Path, name: str):
    path = presets.save(Preset(name, {"pelvis": "hips"}), tmp_path / "maps")
    assert path.parent == tmp_path / "maps"
    assert path.stem != "con"
    assert presets.load(path).name == name
    presets.delete(name, tmp_path / "maps")
    assert not path.exists()


def test_saving_again_replaces(tmp_path: Path):
    presets.save(Preset("Hero", BONES), tmp_path)
    presets.save(Preset("Hero", {**BONES, "neck": "nape"}), tmp_path)
    found, messages = presets.load_folder(tmp_path)
    assert [dict(preset.bones) for preset in found] == [{**BONES, "neck": "nape"}]
    assert messages == ()


def test_like_names_get_different_files(tmp_path: Path):
    for name in ("Hero", "hero", "HERO!", "../hero", "右", "左", "a" * 300):
        presets.save(Preset(name, BONES), tmp_path)
    found, _ = presets.load_folder(tmp_path)
    assert len(found) == 7
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "not a bone map"),
        ({"format": "other"}, "“format”"),
        ({"version": 2}, "version 2"),
        ({"name": ""}, "“name”"),
        ({"name": 3}, "“name”"),
        ({"bones": {}}, "“bones”"),
        ({"bones": ["pelvis"]}, "“bones”"),
        ({"bones": {"tummy": "belly"}}, "no role “tummy”"),
        ({"bones": {"pelvis": 1}}, "bone of “pelvis”"),
        ({"bones": {"pelvis": "a", "head": "a"}}, "“a” plays more than one role"),
        ({"rig": 5}, "“rig”"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path: Path, values, words: str):
    good = {"format": "mld-bone-map", "version": 1, "name": "X", "bones": BONES}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**good, **values} if isinstance(values, dict) else values), encoding="utf-8")
    with pytest.raises(PresetError) as caught:
        presets.load(path)
    assert "mine.json" in str(caught.value)
    assert words in str(caught.value)


def test_broken_files_do_not_hide_the_good_ones(tmp_path: Path):
    presets.save(Preset("Good", BONES), tmp_path)
    (tmp_path / "a_broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "b_bytes.json").write_bytes(b"\xff\xfe\x00")
    found, messages = presets.load_folder(tmp_path)
    assert [preset.name for preset in found] == ["Good"]
    assert len(messages) == 2
    assert "a_broken.json" in messages[0]


def test_missing_file_and_folder(tmp_path: Path):
    with pytest.raises(PresetError, match="cannot be read"):
        presets.load(tmp_path / "none.json")
    assert presets.load_folder(tmp_path / "none") == ((), ())


def test_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PresetError, match="cannot be written"):
        presets.save(Preset("Hero", BONES), tmp_path / "file")


def test_remembered_maps_come_before_general_ones(tmp_path: Path):
    presets.save(Preset("A general one", BONES), tmp_path)
    presets.save(Preset("Z remembered", BONES, "c" * 64), tmp_path)
    found, _ = presets.load_folder(tmp_path)
    assert [preset.name for preset in presets.in_detection_order(found)] == ["Z remembered", "A general one"]


def test_shipped_presets_are_complete_and_found():
    shipped, messages = presets.load_folder(presets.SHIPPED_FOLDER)
    assert messages == ()
    assert shipped
    for preset in shipped:
        assert roles.missing_required(preset.bones) == (), preset.name


def test_shipped_preset_is_used_for_its_rig():
    shipped, _ = presets.load_folder(presets.SHIPPED_FOLDER)
    roblox = next(preset for preset in shipped if preset.name == "Roblox R15")
    rig, truth = make_humanoid(rename=dict(roblox.bones), spine_count=1, neck_count=0, collars=False, toes=False)
    detection = detect(rig, shipped)
    assert detection.source == "preset: Roblox R15"
    assert dict(detection.bone_map.bones) == {role: truth[role] for role in roblox.bones}


def test_fingerprint_is_the_bones_and_nothing_else():
    first, _ = make_humanoid(name="A", arm_angle=0.0)
    second, _ = make_humanoid(name="B", arm_angle=40.0, unit=0.01)
    third, _ = make_humanoid(toes=False)
    assert presets.fingerprint(first) == presets.fingerprint(second)
    assert presets.fingerprint(first) != presets.fingerprint(third)
