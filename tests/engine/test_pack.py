# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs: found by name or folder, read strictly, compared with their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mld_engine.checkpoints.config import parse_config
from mld_engine.checkpoints.pack import HASH_FILE, PACKS_VARIABLE, Pack, hash_files, list_packs, model_files
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.errors import PackError

CopyPack = Callable[..., Path]
MODEL_FILES = (
    "config.json",
    "decoder.safetensors",
    "encoder.safetensors",
    "denoiser.safetensors",
    "statistics.safetensors",
)


@pytest.fixture(scope="module")
def values(pack: Pack) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(pack.read("config.json"))
    return config


def test_the_default_pack_says_what_it_can_do(pack: Pack) -> None:
    assert (pack.name, pack.fps, pack.min_seconds, pack.max_seconds) == ("research", 30.0, 0.8, 10.0)
    assert pack.conditions == ("text", "action", "unconditional")
    assert "walk" in pack.actions
    assert "tired" in pack.styles
    assert "CC BY-NC 4.0" in pack.licence
    assert pack.offsets.shape == (22, 3)
    assert abs(pack.offsets - REST_OFFSETS).max() < 1e-6
    described = json.loads(json.dumps(pack.describe()))
    assert described["steps"] == 50
    assert described["guidance"] == 4.0
    assert len(described["actions"]) == 51


@pytest.mark.parametrize("name", ["research", "studio"])
def test_every_shipped_file_is_hashed_and_intact(name: str) -> None:
    pack = Pack.open(name)
    hashes = json.loads((pack.directory / HASH_FILE).read_text(encoding="utf-8"))
    assert hashes == hash_files(pack.directory)
    assert {*MODEL_FILES, "golden.safetensors", "MODEL_CARD.md", "LICENSE.txt"} <= set(hashes)
    for file in hashes:
        pack.read(file)


def test_the_card_and_the_licence_carry_the_attribution(pack: Pack) -> None:
    licence = pack.read("LICENSE.txt").decode()
    for words in ("CC BY-NC 4.0", "mocap.cs.cmu.edu", "NSF EIA-0196217", "arXiv 2306.08861", "ACCAD", "Apache"):
        assert words in licence
    assert "non-commercial" in pack.read("MODEL_CARD.md").decode()


def test_the_pack_for_commercial_work_says_what_it_is() -> None:
    pack = Pack.open("studio")
    assert "commercial" in pack.licence
    assert "non-commercial" not in pack.licence
    licence = pack.read("LICENSE.txt").decode()
    for words in ("mocap.cs.cmu.edu", "NSF EIA-0196217", "CC0", "may not be resold", "Apache"):
        assert words in licence
    # What its training data does not have, it does not claim.
    assert not {"carry", "sprint", "raise_both"} & set(pack.actions)
    assert pack.styles == ("neutral", "slow", "tired")


def test_the_identity_of_a_pack_is_that_of_its_model_files(pack: Pack, copy_pack: CopyPack) -> None:
    assert set(model_files(pack.config)) == set(MODEL_FILES)
    lines = sorted(f"{name} {hashlib.sha256(pack.read(name)).hexdigest()}\n" for name in MODEL_FILES)
    assert pack.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert Pack.open(copy_pack(*MODEL_FILES)).sha256 == pack.sha256


def test_a_pack_is_found_in_a_folder_of_packs(pack: Pack, copy_pack: CopyPack, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_pack(*MODEL_FILES)
    mine = folder.rename(folder.with_name("mine"))
    (mine.parent / "broken").mkdir()
    (mine.parent / "broken" / "config.json").write_text("{}")
    monkeypatch.setenv(PACKS_VARIABLE, str(mine.parent))
    assert Pack.open("mine").directory == mine
    problems: list[PackError] = []
    assert [found.directory.name for found in list_packs(problems.append)] == ["research", "studio", "mine"]
    assert [problem.code for problem in problems] == ["pack_corrupt"]
    assert "format_version is missing" in problems[0].message


def test_a_pack_answers_to_the_name_that_it_gives_itself(
    copy_pack: CopyPack, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_pack(*MODEL_FILES)
    (folder / "config.json").write_text(json.dumps(change(values, "name", "city walks")))
    monkeypatch.setenv(PACKS_VARIABLE, str(folder.parent))
    assert Pack.open("city walks").directory == folder


def test_the_name_that_a_pack_gives_itself_goes_before_that_of_a_folder(
    copy_pack: CopyPack, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes keep the former, and are made again by it."""
    first = copy_pack(*MODEL_FILES)
    folder = shutil.copytree(first, tmp_path / "packs" / "one")
    other = shutil.copytree(first, tmp_path / "packs" / "two")
    (folder / "config.json").write_text(json.dumps(change(values, "name", "two")))
    (other / "config.json").write_text(json.dumps(change(values, "name", "one")))
    monkeypatch.setenv(PACKS_VARIABLE, os.pathsep.join(["~nobody-of-that-name", "x" * 5000, str(tmp_path / "packs")]))
    assert Pack.open("two").directory == folder
    assert Pack.open("one").directory == other


def test_a_pack_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    for name in ("nonsense", str(tmp_path / "nonsense")):
        with pytest.raises(PackError, match="research") as caught:
            Pack.open(name)
        assert caught.value.code == "unknown_pack"


def test_a_folder_without_a_configuration_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"lacks config\.json") as caught:
        Pack.open(tmp_path)
    assert caught.value.code == "pack_missing_file"


@pytest.mark.parametrize("name", ["config.json", "denoiser.safetensors"])
def test_a_changed_byte_is_noticed_when_the_file_is_read(copy_pack: CopyPack, name: str) -> None:
    folder = copy_pack("config.json", "denoiser.safetensors", HASH_FILE)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(PackError, match=rf"{name} is damaged") as caught:
        Pack.open(folder).tensors("denoiser")
    assert caught.value.code == "pack_corrupt"
    assert caught.value.details["file"].endswith(name)


def test_a_missing_component_is_named(copy_pack: CopyPack) -> None:
    with pytest.raises(PackError, match=r"lacks decoder\.safetensors") as caught:
        Pack.open(copy_pack("config.json", HASH_FILE)).tensors("decoder")
    assert caught.value.code == "pack_missing_file"


def test_weights_cut_short_are_no_traceback_even_without_hashes(copy_pack: CopyPack) -> None:
    folder = copy_pack("config.json", "statistics.safetensors")
    path = folder / "statistics.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(PackError, match="cannot be read") as caught:
        Pack.open(folder).tensors("statistics")
    assert caught.value.code == "pack_corrupt"


@pytest.mark.parametrize("text", ["[]", '{"config.json": 5}', "no json", "{}"])
def test_a_damaged_list_of_hashes_is_refused(copy_pack: CopyPack, text: str) -> None:
    folder = copy_pack("config.json")
    (folder / HASH_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(PackError, match=r"hashes\.json cannot be read") as caught:
        Pack.open(folder)
    assert caught.value.code == "pack_corrupt"


def test_a_configuration_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{broken")
    with pytest.raises(PackError, match="not JSON") as caught:
        Pack.open(tmp_path)
    assert caught.value.code == "pack_corrupt"


def change(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one key set, or removed where `value` is None."""
    copied: dict[str, Any] = json.loads(json.dumps(values))
    *sections, key = path.split(".")
    target = copied
    for section in sections:
        target = target[section]
    if value is None:
        del target[key]
    else:
        target[key] = value
    return copied


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format_version", None, "format_version is missing"),
        ("format_version", 2, "is 2; this engine reads version 1"),
        ("name", "", "name is '', not a text"),
        ("vae.layers", None, "vae.layers is missing"),
        ("vae.layers", 8, "need an odd number"),
        ("vae.layers", True, "not a whole number"),
        ("vae.layers", "9", "not a whole number"),
        ("vae.d", 250, "divide by 4 heads"),
        ("vae.pos", "rope", "this engine knows learned, sinusoid"),
        ("vae.nfeats", 200, "the rest of the pack has 203"),
        ("vae.drop", 1.0, "must be below 1"),
        ("vae.colour", "red", "vae.colour is not a key"),
        ("frames.max", 301, "more than the VAE's 300"),
        ("frames.min", 301, "above its maximum"),
        ("frames.step", 4, "frames.step is not a key"),
        ("conditions", ["text", "music"], "holds 'music'"),
        ("conditions", [], "conditions is empty"),
        ("actions", ["walk", "walk"], "names something twice"),
        ("actions", ["walk"], "the rest of the pack has 1"),
        ("actions", "walk", "is no list of texts"),
        ("action_styles", [], "action_styles is no JSON object"),
        ("action_styles.walk", ["happy"], "action_styles.walk is no JSON object"),
        ("action_styles.walk", {}, "action_styles.walk is empty"),
        ("action_styles.walk.happy", 0, "action_styles.walk.happy is 0, not a whole number of at least 1"),
        ("action_styles.walk.grumpy", 3, "action_styles.walk.grumpy is of no style of the pack"),
        ("action_styles.moonwalk", {"happy": 3}, "action_styles.moonwalk is of no action of the pack"),
        ("denoiser.text_dim", 512, "the rest of the pack has 384"),
        ("text_encoder", None, "text_encoder is missing"),
        ("text_encoder.normalize", 1, "not true or false"),
        ("schedule.prediction", "score", "this engine knows eps, v, x0"),
        ("schedule.steps", 2000, "more than the 1000 training steps"),
        ("schedule.beta_end", 1.5, "not inside 0 to 1"),
        ("schedule.guidance_scale", float("nan"), "not a number"),
        ("representation.fps", 0, "fps is 0"),
        ("representation.heading", "forward", "this engine knows none, twist, velocity"),
        ("skeleton.parents", [0] * 22, "is not the 22-joint SMPL skeleton"),
        ("skeleton.offsets", [[0, 0]] * 22, "no list of 22 vectors"),
        ("skeleton", [], "skeleton is no JSON object"),
    ],
)
def test_a_wrong_configuration_names_the_key(values: dict[str, Any], path: str, value: object, message: str) -> None:
    with pytest.raises(PackError) as caught:
        parse_config(change(values, path, value), "config.json")
    assert caught.value.code == "pack_corrupt"
    assert message in caught.value.message
    assert caught.value.hint


def test_a_pack_without_text_needs_no_text_encoder(values: dict[str, Any]) -> None:
    changed = change(change(values, "conditions", ["action"]), "text_encoder", None)
    assert parse_config(changed, "config.json").text_encoder is None


def test_a_pack_without_hashes_still_has_an_identity(shared_dir: Path, pack: Pack, tmp_path: Path) -> None:
    studio = Pack.open(shared_dir / "models" / "studio")
    assert not (studio.directory / HASH_FILE).exists()
    assert len(studio.sha256) == 64
    assert studio.sha256 != pack.sha256
    shutil.copyfile(studio.directory / "config.json", tmp_path / "config.json")
    assert "commercial" in Pack.open(tmp_path).licence
