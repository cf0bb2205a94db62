# SPDX-License-Identifier: GPL-3.0-or-later
"""The text encoder: checked before use, cached, and what it makes of prompts that are not plain English."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mld_engine.checkpoints.config import TextEncoderConfig
from mld_engine.checkpoints.pack import Pack
from mld_engine.conditions.prompt import plain_text, prompt_warnings
from mld_engine.conditions.text import CachedTextEncoder, load_text_encoder
from mld_engine.errors import PackError


@pytest.fixture(scope="module")
def config(pack: Pack) -> TextEncoderConfig:
    assert pack.config.text_encoder is not None
    return pack.config.text_encoder


@pytest.fixture(scope="module")
def encoder(config: TextEncoderConfig) -> CachedTextEncoder:
    return load_text_encoder(config)


def test_sentences_of_like_meaning_are_close(encoder: CachedTextEncoder) -> None:
    walk, stroll, punch = (encoder.embed(text) for text in ("a person walks", "somebody strolls", "a person punches"))
    assert float(walk @ stroll) > float(walk @ punch)


def test_case_and_blanks_do_not_matter(encoder: CachedTextEncoder) -> None:
    assert torch.equal(encoder.embed("A Person  WALKS"), encoder.embed("a person walks"))


def test_long_texts_are_cut_at_the_packs_limit_and_not_at_the_tokenizers(encoder: CachedTextEncoder) -> None:
    """The tokenizer's own file says 128; the pack says 256 with the two marks at the ends."""
    words = ["walk"] * 300
    assert encoder.count_pieces(" ".join(words)) == 300
    assert encoder.max_pieces == 254

    def with_word_at(index: int) -> Tensor:
        return encoder.embed(" ".join([*words[:index], "jump", *words[index + 1 :]]))

    plain = encoder.embed(" ".join(words))
    assert not torch.equal(with_word_at(253), plain)
    assert torch.equal(with_word_at(254), plain)


def test_embeddings_are_remembered_the_oldest_go_first() -> None:
    class Counting:
        max_pieces = 10
        asked: list[str] = []  # noqa: RUF012

        def count_pieces(self, text: str) -> int:
            return len(text.split())

        def embed(self, text: str) -> Tensor:
            self.asked.append(text)
            return torch.tensor([float(len(text))])

    counting = Counting()
    cached = CachedTextEncoder(counting, capacity=2)
    for text in ("a", "bb", "a", "ccc", "a", "bb"):
        assert cached.embed(text).tolist() == [len(text)]
    assert counting.asked == ["a", "bb", "ccc", "bb"]


def test_other_weights_are_refused(config: TextEncoderConfig) -> None:
    with pytest.raises(PackError, match="SHA-256") as caught:
        load_text_encoder(replace(config, weights_sha256="0" * 64))
    assert caught.value.code == "text_encoder_corrupt"
    assert "install_deps" in caught.value.hint


def test_a_missing_package_is_named(config: TextEncoderConfig) -> None:
    with pytest.raises(PackError, match="gt-no-such-encoder") as caught:
        load_text_encoder(replace(config, package="gt-no-such-encoder"))
    assert caught.value.code == "text_encoder_missing"
    with pytest.raises(PackError, match="another-encoder") as caught:
        load_text_encoder(replace(config, name="another-encoder"))
    assert caught.value.code == "text_encoder_missing"


def test_clip_without_openclip_says_how_to_install_it(
    config: TextEncoderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(PackError, match="OpenCLIP is not installed") as caught:
        load_text_encoder(replace(config, name="clip-vit-large-patch14", model="ViT-L-14-quickgelu"))
    assert caught.value.code == "text_encoder_missing"
    assert caught.value.hint == "Run: python install_deps.py --clip"


ENGLISH = (
    "a person walks forward",
    "an old man walks slowly",
    "bow politely",
    "a person sneaks quietly",
    "a person crouches down and stands up",
    "moonwalks backwards",
    "breakdance windmill",
    "roundhouse kick",
    "she twerks and dabs",
    "tiptoeing sneakily",
    "jumping jacks",
    "a swashbuckling pirate staggers drunkenly",
    "capoeira ginga",
    "limping zombie lurches",
    "trudges wearily uphill",
    "jog wearily",
    "skedaddles offscreen",
    "walk cycle, bouncy",
    "T-pose",
    "salsa",
    "yoko geri",
    "1080 spin, 2x",
    "don't stop, the dancer's pirouette",
)
FOREIGN = (
    "une personne marche lentement",
    "il danse la salsa",
    "marche en arrière",
    "eine Person geht vorwärts",
    "jemand winkt mit der rechten Hand",
    "una persona camina hacia adelante",
    "un uomo corre velocemente",
    "uma pessoa acena com a mão direita",
    "een persoon loopt vooruit",
    "bir kişi yavaşça yürüyor",
    "osoba idzie do przodu",
    "ihminen kävelee eteenpäin",
    "seseorang berjalan maju",
    "a person 走る forward",
)


@pytest.mark.parametrize("text", ENGLISH)
def test_english_and_animators_slang_raise_no_warning(encoder: CachedTextEncoder, text: str) -> None:
    assert prompt_warnings(text, encoder.count_pieces, encoder.max_pieces) == []


@pytest.mark.parametrize("text", FOREIGN)
def test_what_looks_foreign_is_warned_about(encoder: CachedTextEncoder, text: str) -> None:
    warnings = prompt_warnings(text, encoder.count_pieces, encoder.max_pieces)
    assert len(warnings) == 1
    assert "English" in warnings[0]


def test_emoji_beside_words_are_left_out_and_said_so(encoder: CachedTextEncoder) -> None:
    text = "a person walks 🚶🏽‍♀️ forward ❤️"
    assert plain_text(text) == "a person walks forward"
    assert prompt_warnings(text, encoder.count_pieces, encoder.max_pieces) == [
        "Emoji and symbols in the prompt are ignored."
    ]


def test_a_text_longer_than_the_encoder_reads_is_warned_about(encoder: CachedTextEncoder) -> None:
    warnings = prompt_warnings("go, " * 240, encoder.count_pieces, encoder.max_pieces)
    assert len(warnings) == 1
    assert "longer" in warnings[0]
