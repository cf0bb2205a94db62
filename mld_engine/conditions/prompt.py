# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a prompt: what cannot work is an error, what may not work is a warning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from ..errors import RequestError

MAX_PROMPT_CHARACTERS: Final = 1000

_WORD: Final = re.compile(r"[^\W\d_]+")
_EMOJI_JOINERS: Final = frozenset("\u200d\u20e3\ufe0e\ufe0f")
_SKIN_TONES: Final = frozenset(chr(code) for code in range(0x1F3FB, 0x1F400))
_FOREIGN_WORDS: Final = frozenset(
    # Articles, conjunctions, prepositions and pronouns that are no English words: French, German,
    # Spanish, Italian, Portuguese, Dutch, Scandinavian, Polish, Turkish, Indonesian.
    {
        "une", "un", "le", "la", "les", "des", "du", "et", "il", "elle", "avec", "dans", "vers", "en", "de",
        "puis", "sur",
        "ein", "eine", "einen", "einem", "der", "das", "den", "und", "mit", "auf", "nach", "sie", "ist", "im",
        "zu",
        "el", "los", "las", "una", "y", "hacia", "del", "che", "uno", "gli", "della", "di", "uma", "com",
        "para", "os", "e",
        "een", "het", "naar", "hij", "zij", "ett", "och", "og", "som", "med", "idzie", "osoba", "jest", "bir",
        "ve", "yang", "dengan", "seorang",
    }
)  # fmt: skip
_ENGLISH_ENDINGS: Final = ("s", "ed", "ing", "ly", "er", "y", "ward")


def check_prompt(text: str) -> str:
    """The prompt without surrounding blanks, as it is stored with the take.

    Raises RequestError: empty_prompt, prompt_too_long, prompt_without_words, prompt_not_english.
    """
    # A lone surrogate, which JSON can carry, is no character and cannot be written out again.
    text = text.encode("utf-8", "ignore").decode("utf-8").strip()
    if not text:
        raise RequestError("empty_prompt", "The prompt is empty.", f"{_EXAMPLE} Or choose an action label.")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise RequestError(
            "prompt_too_long",
            f"The prompt has {len(text)} characters; the limit is {MAX_PROMPT_CHARACTERS}.",
            "Describe one action in a sentence; for several actions, make several takes.",
            {"limit_characters": MAX_PROMPT_CHARACTERS, "characters": len(text)},
        )
    letters = [character for character in text if character.isalpha()]
    if not letters:
        raise RequestError("prompt_without_words", "There are no words in the prompt.", _EXAMPLE)
    if 2 * sum(map(_is_latin, letters)) < len(letters):
        raise RequestError(
            "prompt_not_english",
            "The prompt is not English: this pack's text encoder understands English only.",
            f"Write it in English. {_EXAMPLE}",
        )
    return text


_EXAMPLE: Final = "Say what the character does, such as: a person walks forward slowly."


def plain_text(text: str) -> str:
    """What the text encoder gets to read: the prompt without emoji and similar symbols."""
    kept = (" " if _is_emoji(character) else character for character in text)
    return " ".join("".join(kept).split())


def prompt_warnings(text: str, count_pieces: Callable[[str], int], max_pieces: int) -> list[str]:
    """Sentences for the animator about a prompt that passed `check_prompt`.

    `count_pieces` says into how many pieces the text encoder's vocabulary splits a text: a word in
    one piece is known to it. It reads `max_pieces` of them.
    """
    warnings = []
    if any(map(_is_emoji, text)):
        warnings.append("Emoji and symbols in the prompt are ignored.")
    if count_pieces(plain_text(text)) > max_pieces:
        warnings.append("The prompt is longer than the text encoder reads: its end has no effect.")
    if _looks_foreign(text, count_pieces):
        warnings.append(
            "The prompt may not be English. This pack's text encoder understands English only, "
            "so the motion may not follow the words."
        )
    return warnings


def _looks_foreign(text: str, count_pieces: Callable[[str], int]) -> bool:
    """Whether a prompt in Latin script is probably not English.

    Rare English words are split by the vocabulary too ("she twerks", "jog wearily"), so that alone
    proves nothing: foreign little words and letters must come with it. Only a longer prompt in which
    every word is unknown and none ends like an English word counts by itself.
    """
    words = _WORD.findall(text)
    if not all(_is_latin(character) for word in words for character in word):
        return True
    split = [word for word in words if count_pieces(word) > 1]
    signs = len({word.lower() for word in words} & _FOREIGN_WORDS)
    signs += sum(not word.isascii() for word in words)
    if len(words) >= 2 and 2 * len(split) >= len(words):
        signs += 1
    all_unknown = len(words) >= 3 and len(split) == len(words)
    return signs >= 2 or (all_unknown and not any(word.lower().endswith(_ENGLISH_ENDINGS) for word in words))


def _is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN ")


def _is_emoji(character: str) -> bool:
    return unicodedata.category(character) == "So" or character in _EMOJI_JOINERS or character in _SKIN_TONES
