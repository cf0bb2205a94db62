# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel knows about the packs without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blender_addon.contract import source_root
from blender_addon.engine_client.vocabulary import Vocabulary, read_vocabularies

SHIPPED = source_root() / "mld_engine" / "packs"


def add_pack(folder: Path, **changes: Any) -> None:
    """A pack's folder with the shipped pack's config.json, some of its keys changed."""
    config = json.loads((SHIPPED / "research" / "config.json").read_text(encoding="utf-8")) | changes
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def test_default_pack() -> None:
    vocabulary = read_vocabularies([SHIPPED])["research"]
    assert vocabulary.conditions == ("TEXT", "ACTION", "UNCONDITIONAL")
    assert len(vocabulary.actions) == 51
    assert {"walk", "wave_right", "salsa"} <= set(vocabulary.actions)
    assert len(vocabulary.styles) == 17
    assert (vocabulary.min_seconds, vocabulary.max_seconds) == (0.8, 10.0)
    assert (vocabulary.steps, vocabulary.guidance_scale) == (50, 4.0)
    assert not vocabulary.few_step
    assert vocabulary.licence_line == "Licence: non-commercial (CC\u00a0BY-NC\u00a04.0)"


def test_the_pack_for_commercial_work() -> None:
    vocabulary = read_vocabularies([SHIPPED])["studio"]
    assert vocabulary.conditions == ("TEXT", "ACTION", "UNCONDITIONAL")
    assert {"walk", "run", "jump", "salsa"} <= set(vocabulary.actions)
    assert "commercial" in vocabulary.licence_line
    assert "non-commercial" not in vocabulary.licence_line


def test_the_first_of_two_packs_with_one_name_counts(tmp_path: Path) -> None:
    add_pack(tmp_path / "own" / "walks", name="walks", licence="CC0", actions=["walk"], conditions=["action"])
    add_pack(tmp_path / "own" / "copy", name="research", actions=[])
    found = read_vocabularies([SHIPPED, tmp_path / "own", tmp_path / "not there"])
    assert list(found) == ["research", "studio", "walks"]
    assert len(found["research"].actions) == 51
    assert found["walks"].licence_line == "Licence: CC0"


def test_what_a_pack_cannot_do_is_told(tmp_path: Path) -> None:
    add_pack(tmp_path / "walks", name="walks", conditions=["action", "unconditional"])
    walks = read_vocabularies([tmp_path])["walks"]
    assert walks.lacks("ACTION") == ""
    reason = walks.lacks("TEXT")
    assert reason == "The model “walks” makes no motion from text, only from action labels or nothing at all."
    assert walks.only == "“walks” makes motion only from action labels or nothing at all."
    assert Vocabulary(pack="gone").only == ""


def test_packs_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    for name, text in {"broken": "{", "other": "[]", "empty": "{}"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(text, encoding="utf-8")
    assert read_vocabularies([tmp_path]) == {}


def test_a_missing_pack_names_itself() -> None:
    missing = Vocabulary(pack="gone")
    assert missing.lacks("TEXT") == "There is no model “gone” here. Choose another one."
    assert missing.licence_line == ""
