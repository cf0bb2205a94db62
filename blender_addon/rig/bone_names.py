# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone names taken apart: namespace, side, words.

`mixamorig:LeftUpLeg`, `upleg_l`, `L_UpLeg` and `UpLeg.L` all say "left" and "up leg"; two names are
the same when their `Name.key` is the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEFT: Final = "left"
RIGHT: Final = "right"

_SIDE_WORDS: Final[dict[str, str]] = {
    "l": LEFT, "left": LEFT, "lft": LEFT, "lf": LEFT, "左": LEFT,
    "r": RIGHT, "right": RIGHT, "rgt": RIGHT, "rt": RIGHT, "右": RIGHT,
}  # fmt: skip
_SEPARATORS: Final = re.compile(r"[\W_]+")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_GLUED_SIDE: Final = re.compile(r"(left|right)(?=[a-z]{3})")
_COMMON_SHARE: Final = 0.7
_COMMON_MINIMUM: Final = 10


@dataclass(frozen=True)
class Name:
    """One bone's name, taken apart."""

    text: str
    """As in the armature."""
    side: str
    """`left`, `right` or empty."""
    words: tuple[str, ...]
    """In lower case, without namespace, side and, where the rig has one, the prefix of all its bones."""
    prefix: tuple[str, ...] = ()
    """The words that stand before those of nearly every bone of the rig."""

    @property
    def key(self) -> tuple[str, str]:
        """(side, all words written together); the prefix is left out."""
        return self.side, "".join(self.words)

    @property
    def full_key(self) -> tuple[str, str]:
        """(side, all words written together), prefix included."""
        return self.side, "".join((*self.prefix, *self.words))


def parse(text: str) -> Name:
    """Take one name apart, without knowing the others of its rig."""
    plain = unicodedata.normalize("NFKC", text)
    plain = re.split(r"[:|]", plain)[-1] or plain
    words: list[str] = []
    sides: list[str] = []
    for part in _SEPARATORS.split(plain):
        for word in _split(part):
            if word in _SIDE_WORDS:
                sides.append(_SIDE_WORDS[word])
            else:
                words.append(word)
    if len(set(sides)) != 1:
        return Name(text, "", tuple(words) if not sides else tuple(_all_words(plain)))
    return Name(text, sides[0], tuple(words))


def parse_all(texts: Sequence[str]) -> tuple[Name, ...]:
    """Take the names of one rig apart, and set aside the words that nearly all of them begin with."""
    names = [parse(text) for text in texts]
    common = _common_prefix([name.words for name in names])
    return tuple(
        Name(name.text, name.side, name.words[len(common) :], common) if _starts(name.words, common) else name
        for name in names
    )


def _split(part: str) -> list[str]:
    """Words of a part without separators: camel case, digits, other scripts; then glued `left` and `右`."""
    words: list[str] = []
    for raw in _WORDS.findall(part):
        word = raw.lower()
        if word[0] in "左右" and len(word) > 1:
            words += [word[0], word[1:]]
        elif glued := _GLUED_SIDE.match(word):
            words += [glued[1], word[glued.end() :]]
        else:
            words.append(word)
    return words


def _all_words(plain: str) -> list[str]:
    return [word for part in _SEPARATORS.split(plain) for word in _split(part)]


def _common_prefix(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The longest run of leading words shared by nearly all names; empty for rigs of few bones."""
    if len(names) < _COMMON_MINIMUM:
        return ()
    common: tuple[str, ...] = ()
    while True:
        longer = Counter(
            words[: len(common) + 1] for words in names if len(words) > len(common) and _starts(words, common)
        )
        if not longer:
            return common
        best, count = longer.most_common(1)[0]
        if count < _COMMON_SHARE * len(names):
            return common
        common = best


def _starts(words: tuple[str, ...], start: tuple[str, ...]) -> bool:
    return words[: len(start)] == start
