# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of data-blocks: short enough for every Blender, never cut inside a character. No bpy."""

from __future__ import annotations

import unicodedata
from typing import Final

NAME_BYTES: Final = 63
"""UTF-8 bytes of a data-block's name up to Blender 4.5; later versions allow 255, but a longer name would be cut
when the file is opened in an earlier one."""
SUFFIX_BYTES: Final = 4
"""UTF-8 bytes of the `.001` that Blender appends to a name that is taken."""

_ZERO_WIDTH_JOINER: Final = "\u200d"


def one_line(text: str) -> str:
    """The text with every run of white space, control characters and halves of characters as one space."""
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).split())


def trim(text: str, limit: int = NAME_BYTES, ellipsis: str = "") -> str:
    """The text in at most `limit` UTF-8 bytes, `ellipsis` included when something had to go.

    A letter keeps its accents and a joined emoji stays whole, or goes as a whole.
    """
    if len(text.encode()) <= limit:
        return text
    room = limit - len(ellipsis.encode())
    end = len(text.encode()[: max(room, 0)].decode(errors="ignore"))
    while end > 0 and not _between_characters(text, end):
        end -= 1
    return text[:end].rstrip() + ellipsis


def _between_characters(text: str, index: int) -> bool:
    """Whether what a reader takes for one character ends at this index: a text may be cut there."""
    before, after = text[index - 1], text[index]
    skin_tone = "\U0001f3fb" <= after <= "\U0001f3ff"
    # Category M holds accents and the variation selectors of emoji.
    return not (skin_tone or unicodedata.category(after).startswith("M") or _ZERO_WIDTH_JOINER in (before, after))
