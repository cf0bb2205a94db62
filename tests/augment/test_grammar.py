# SPDX-License-Identifier: GPL-3.0-or-later
"""The paraphrase grammar: its forms, what it says of a style, and that nobody's free sentences are in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mld_engine.augment.body_parts import ARM_JOINTS, LEG_ACTIONS
from mld_engine.augment.grammar import Grammar, gerund, third_person
from mld_engine.checkpoints.pack import SHIPPED_PACKS

FREE_SENTENCES = Path(__file__).parents[2] / "mld_engine" / "evaluate" / "free_sentences.json"


@pytest.fixture(scope="module")
def english() -> Grammar:
    return Grammar.read()


def labels(kind: str) -> set[str]:
    config = json.loads((SHIPPED_PACKS / "research" / "config.json").read_text(encoding="utf-8"))
    return set(config[kind])


@pytest.mark.parametrize(
    ("verb", "third", "ing"),
    [
        ("walk", "walks", "walking"), ("dance", "dances", "dancing"), ("run", "runs", "running"),
        ("sit", "sits", "sitting"), ("lie", "lies", "lying"), ("carry", "carries", "carrying"),
        ("punch", "punches", "punching"), ("go", "goes", "going"), ("have", "has", "having"),
        ("play", "plays", "playing"), ("box", "boxes", "boxing"), ("bow", "bows", "bowing"),
        ("flee", "flees", "fleeing"),
    ],
)  # fmt: skip
def test_verb_forms(verb: str, third: str, ing: str) -> None:
    assert (third_person(verb), gerund(verb)) == (third, ing)


def test_every_label_of_the_default_pack_has_words(english: Grammar) -> None:
    assert set(english.phrases) == labels("actions")
    assert set(english.manners) == labels("styles")
    assert set(ARM_JOINTS) | set(LEG_ACTIONS) <= labels("actions")


def test_all_verbs_of_a_phrase_take_the_form(english: Grammar) -> None:
    said = set(english.sentences("run_turn_left", "neutral", 400, np.random.default_rng(1)))
    assert any("runs and turns left" in sentence for sentence in said)
    assert any("running and turning left" in sentence for sentence in said)
    assert not any("^" in sentence or "{" in sentence for sentence in said)


def test_a_style_is_told_often_but_not_always(english: Grammar) -> None:
    telling = (*english.manners["old"], *english.styled_subjects["old"])
    said = english.sentences("walk", "old", 500, np.random.default_rng(2))
    share = np.mean([any(words in sentence for words in telling) for sentence in said])
    assert 0.5 < share < 0.9


def test_drawing_is_repeatable_and_without_repeats(english: Grammar) -> None:
    assert english.sentences("bow", "happy", 50, np.random.default_rng(3)) == english.sentences(
        "bow", "happy", 50, np.random.default_rng(3)
    )
    assert len(set(english.sentences("bow", "happy", 50, np.random.default_rng(3)))) == 50


def test_two_actions_at_once_and_in_turn(english: Grammar) -> None:
    generator = np.random.default_rng(4)
    at_once = [english.meanwhile("walk", "wave_left", "neutral", generator) for _ in range(50)]
    assert all("while" in said or "at the same time" in said for said in at_once)
    in_turn = [english.afterwards("sit", "bow", "", generator) for _ in range(50)]
    assert all(" and " in said or "then" in said or "after that" in said for said in in_turn)
    assert english.afterwards("sit", "no such action", "", generator) is None


def test_free_sentences_are_not_in_the_grammar(english: Grammar) -> None:
    """They measure what the grammar did not teach."""
    free = {sentence for sentence, _ in json.loads(FREE_SENTENCES.read_text(encoding="utf-8"))}
    assert len(free) == 282
    for action in english.phrases:
        for style in ("neutral", "old", ""):
            assert free.isdisjoint(english.sentences(action, style, 300, np.random.default_rng(5)))


def test_words_that_are_no_phrases_are_refused(tmp_path: Path) -> None:
    words = {"subjects": ["she"], "frames": ["{subject} {s}"], "styles": {}, "speeds": {}, "directions": {}}
    path = tmp_path / "words.json"
    path.write_text(json.dumps({**words, "actions": {"walk": ["walks on"]}}), encoding="utf-8")
    with pytest.raises(ValueError, match="'walks on' of 'walk' does not start"):
        Grammar.read(path)
    path.write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises(ValueError, match="lacks 'actions'"):
        Grammar.read(path)
