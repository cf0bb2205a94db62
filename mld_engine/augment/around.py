# SPDX-License-Identifier: GPL-3.0-or-later
"""More sentences from a caption that somebody wrote for their own clips."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from .grammar import Grammar

_PHRASE_MARK: Final = "^"


def sentences_around(caption: str, grammar: Grammar, count: int, generator: np.random.Generator) -> list[str]:
    """Up to `count` different sentences that mean the same, the caption itself first.

    "^circle both arms", with its verbs marked as in the grammar, is put into the grammar's frames; in
    "a person circles both arms" the subject is exchanged; any other caption stays alone.
    """
    if caption.startswith(_PHRASE_MARK):
        return replace(grammar, phrases={"": (caption,)}).sentences("", "", count, generator)
    subject = max((subject for subject in grammar.subjects if caption.startswith(f"{subject} ")), key=len, default="")
    if not subject:
        return [caption]
    others = [grammar.subjects[int(index)] for index in generator.permutation(len(grammar.subjects))]
    said = [f"{other}{caption[len(subject) :]}" for other in (subject, *others)]
    return list(dict.fromkeys(said))[:count]
