# SPDX-License-Identifier: GPL-3.0-or-later
"""Written sentences: both sides, styles, even dealing, and that no measuring sentence is among them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mld_engine.augment.spoken import Dealer, Spoken
from mld_engine.checkpoints.pack import SHIPPED_PACKS
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.sources.labels import mirrored_words
from mld_engine.data.store import ClipRecord, Dataset, DatasetWriter

EVALUATE = Path(__file__).parents[2] / "mld_engine" / "evaluate"


@pytest.fixture(scope="module")
def english() -> Spoken:
    return Spoken.read()


def test_sides_change_places() -> None:
    assert mirrored_words("left arm up, arc_right, upright") == "right arm up, arc_left, upright"


def test_every_label_of_the_default_pack_is_spoken_of(english: Spoken) -> None:
    config = json.loads((SHIPPED_PACKS / "research" / "config.json").read_text(encoding="utf-8"))
    assert set(english.actions) == set(config["actions"])
    for action in english.actions:
        of_action = english.of(action)
        assert set(of_action) <= {"", *config["styles"]}
        assert sum(map(len, of_action.values())) >= 100, action


def test_sided_labels_speak_of_their_side_alone(english: Spoken) -> None:
    for action in english.actions:
        side = action.rpartition("_")[2]
        other = {"left": "right", "right": "left"}.get(side)
        said = [text.lower() for sentences in english.of(action).values() for text in sentences]
        if other is not None:
            assert not any(re.search(rf"(?<![a-z]){other}(?![a-z])", text) for text in said), action
        if side == "left":
            assert all(re.search(r"(?<![a-z])left", text) for text in said), action


def test_measuring_sentences_are_not_taught(english: Spoken) -> None:
    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9 ]", "", text.lower()).strip()

    measuring = {plain(text) for text, _ in json.loads((EVALUATE / "free_sentences.json").read_text(encoding="utf-8"))}
    taught = {plain(text) for action in english.actions for said in english.of(action).values() for text in said}
    assert len(measuring) >= 280
    assert measuring.isdisjoint(taught)


def test_a_style_without_clips_fits_every_clip() -> None:
    spoken = Spoken({"walk": {"": ["go"], "old": ["hobble"], "angry": ["stomp"], "neutral": ["amble"]}})
    styles = {"old", "neutral"}
    assert set(spoken.fitting("walk", "old", styles)) == {"go", "hobble", "stomp"}
    assert set(spoken.fitting("walk", "neutral", styles)) == {"go", "stomp", "amble"}


def test_sentences_are_dealt_evenly(tmp_path: Path) -> None:
    rotations, root = np.tile(np.float32([1, 0, 0, 0]), (30, 22, 1)), np.zeros((30, 3), np.float32)
    with DatasetWriter(tmp_path / "data", name="data", fps=30.0, offsets=REST_OFFSETS) as writer:
        for number in range(10):
            writer.add(ClipRecord(f"{number}", rotations, root, action="wave_left", action_mirrored="wave_right"))
    spoken = Spoken({"wave_left": {"": [f"left {number}" for number in range(40)]}})
    dealer = Dealer(spoken, Dataset.open(tmp_path / "data"), np.random.default_rng(0))
    dealt = [dealer.deal("wave_left", "", 5) for _ in range(10)]
    counts = Counter(text for said in dealt for text in said)
    assert set(counts.values()) <= {2, 3, 4}, "three times forty sentences for ten clips"
    assert len(counts) == 40
    assert all(text.startswith("right") for text in dealer.deal("wave_right", "", 5))
    assert dealer.deal("wave_left", "", 0) == ()
    assert dealer.deal("dance", "", 5) == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [("[", "is not JSON"), ("[]", "no object of actions"), ('{"walk": {"": [3]}}', "is no list of sentences")],
)
def test_other_files_are_refused(content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "said.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        Spoken.read(tmp_path / "said.json")
