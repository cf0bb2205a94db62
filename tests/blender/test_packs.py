# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of the model: found in the folders of packs, greyed where it cannot do what is asked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import bpy
import pytest
from panel_session import ask, refusal, skip_without_engine

from blender_addon import runtime
from blender_addon.contract import source_root

SHIPPED = source_root() / "mld_engine" / "packs" / "research"
SHIPPED_TEXT = (SHIPPED / "config.json").read_text(encoding="utf-8")


@pytest.fixture
def packs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A further folder of packs, with a model that knows labels only."""
    shutil.copytree(SHIPPED, tmp_path / "labels", ignore=shutil.ignore_patterns("hashes.json"))
    config = tmp_path / "labels" / "config.json"
    values = json.loads(config.read_text(encoding="utf-8")) | {"name": "labels", "conditions": ["action"]}
    values["schedule"] |= {"steps": 6, "guidance_scale": 2.5}
    config.write_text(json.dumps(values), encoding="utf-8")
    monkeypatch.setenv("MLD_PACKS_DIR", str(tmp_path))
    return tmp_path


def test_models_are_found_again_when_asked(addon, packs_folder: Path) -> None:
    assert list(runtime.current().packs) == ["research", "studio"]
    bpy.ops.mld.find_packs()
    assert list(runtime.current().packs) == ["research", "studio", "labels"]


@pytest.mark.parametrize(
    "config",
    ["{", "[]", "[" * 100_000, SHIPPED_TEXT.replace('"steps": 50', '"steps": Infinity'),
     SHIPPED_TEXT.replace('"steps": 50', '"steps": 1e20'), SHIPPED_TEXT.replace('"name": "', '"name": "\\ud800')],
    ids=["json", "list", "deep", "infinite", "many", "surrogate"],
)  # fmt: skip
def test_a_broken_model_is_left_out(addon, packs_folder: Path, config: str) -> None:
    assert config != SHIPPED_TEXT
    (packs_folder / "broken").mkdir()
    (packs_folder / "broken" / "config.json").write_text(config, encoding="utf-8")
    bpy.ops.mld.find_packs()
    assert list(runtime.current().packs) == ["research", "studio", "labels"]


@pytest.mark.parametrize("named", ["~nobody-of-that-name/packs", "x" * 5000, "'/quoted'", os.pathsep])
def test_folders_of_models_that_are_not_there(addon, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("MLD_PACKS_DIR", named)
    bpy.ops.mld.find_packs()
    assert list(runtime.current().packs) == ["research", "studio"]


def test_a_model_brings_its_own_settings(addon, packs_folder: Path) -> None:
    bpy.ops.mld.find_packs()
    settings = bpy.context.scene.mld
    settings.action_label = "not one of its labels"
    bpy.ops.mld.use_pack(pack="labels")
    assert (settings.pack, settings.condition) == ("labels", "ACTION")
    assert (settings.steps, settings.guidance_scale, settings.action_label) == (6, 2.5, "")
    assert "no model “gone” here" in refusal(lambda: bpy.ops.mld.use_pack(pack="gone"))
    assert settings.pack == "labels"


def test_what_a_model_cannot_do_is_refused_with_the_reason(addon, mannequin, packs_folder: Path) -> None:
    skip_without_engine()
    bpy.ops.mld.find_packs()
    ask(pack="labels")
    assert "“labels” makes no motion from text, only from action labels" in refusal(bpy.ops.mld.generate)
    ask(pack="gone")
    assert "There is no model “gone” here" in refusal(bpy.ops.mld.generate)


def test_the_chosen_model_makes_the_take(addon, mannequin, packs_folder: Path) -> None:
    skip_without_engine()
    bpy.ops.mld.find_packs()
    ask(pack="labels", condition="ACTION", action_label="walk")
    bpy.ops.mld.generate()
    take = mannequin.animation_data.action
    assert take["mld_pack"] == "labels"
    bpy.ops.mld.use_pack(pack="research")
    bpy.ops.mld.regenerate()
    again = mannequin.animation_data.action
    assert again != take, "the old take stays"
    assert again["mld_pack"] == "labels", "a take is made again by the model that made it"


def test_a_take_is_made_again_whatever_the_panel_has_chosen(addon, mannequin, packs_folder: Path) -> None:
    skip_without_engine()
    bpy.ops.mld.find_packs()
    ask(pack="labels", condition="ACTION", action_label="walk")
    bpy.ops.mld.generate()
    ask(pack="gone", condition="TEXT")
    config = packs_folder / "labels" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"name": "labels"', '"name":  "labels"'))
    bpy.ops.mld.engine_stop()
    assert bpy.ops.mld.regenerate() == {"FINISHED"}
    assert "“labels” have changed since it made the earlier take" in runtime.current().notice.text
    shutil.rmtree(packs_folder / "labels")
    bpy.ops.mld.find_packs()
    assert "“labels”, which made “walk, " in refusal(bpy.ops.mld.regenerate)


def test_the_engine_takes_the_model_whose_licence_the_panel_shows(addon, mannequin, packs_folder: Path) -> None:
    """Two packs whose folders have each other's names."""
    skip_without_engine()
    other = shutil.copytree(packs_folder / "labels", packs_folder / "mine")
    config = other / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text(encoding="utf-8")) | {"licence": "MIT"}), encoding="utf-8")
    swapped = (packs_folder / "labels").rename(packs_folder / "other") / "config.json"
    swapped.write_text(json.dumps(json.loads(swapped.read_text(encoding="utf-8")) | {"name": "mine"}), encoding="utf-8")
    bpy.ops.mld.find_packs()
    assert runtime.current().packs["labels"].licence == "MIT"
    ask(pack="labels", condition="ACTION", action_label="walk")
    bpy.ops.mld.generate()
    assert mannequin.animation_data.action["mld_pack"] == "labels"
