# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions and splits in HumanML3D's layout, which KIT-ML shares.

texts/<id>.txt  one caption a line: the words, # the words with their parts of speech, # start, # end.
                Start and end are seconds; 0.0 and 0.0 (or nan) mean the whole clip. A part of a clip is a
                clip of its own.
train.txt ...   one id a line. An id with a leading M is the mirror image of the id without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import RequestError
from ..store import SPLITS
from .labels import mirrored_texts

WHOLE: Final = (0.0, 0.0)
MIRRORED: Final = "M"
Span = tuple[float, float]


@dataclass(frozen=True)
class Captions:
    """The captions of one clip, or of the part of it between two times in seconds."""

    span: Span
    texts: tuple[str, ...]
    mirrored: tuple[str, ...]


def read_captions(folder: Path, clip: str) -> list[Captions]:
    """The captions of a clip by span, each with those of its mirror image.

    Where the mirror image has none for the span, left and right are exchanged in the words. Empty for
    a clip without a text file. Raises RequestError (bad_source) for lines that are not understood.
    """
    twin = clip.removeprefix(MIRRORED) if clip.startswith(MIRRORED) else f"{MIRRORED}{clip}"
    own, other = _by_span(folder / f"{clip}.txt"), _by_span(folder / f"{twin}.txt")
    return [Captions(span, texts, other.get(span) or mirrored_texts(texts)) for span, texts in own.items()]


def read_splits(folder: Path) -> dict[str, str]:
    """Id -> split. Raises RequestError (bad_source) where there is no list at all."""
    splits: dict[str, str] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    splits.setdefault(line.strip(), split)
    if not splits:
        lists = ", ".join(f"{split}.txt" for split in SPLITS)
        raise RequestError(
            "bad_source",
            f"{folder} has none of {lists}.",
            "Name the folder that holds new_joints, texts and the lists.",
        )
    return splits


def _by_span(path: Path) -> dict[Span, tuple[str, ...]]:
    if not path.is_file():
        return {}
    spans: dict[Span, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        parts = line.strip().split("#")
        try:
            text, start, end = parts[0], float(parts[2]), float(parts[3])
        except (IndexError, ValueError):
            raise RequestError(
                "bad_source", f"{path.name}, line {number}, is not of the form caption#tokens#start#end.", "Repair it."
            ) from None
        span = WHOLE if math.isnan(start) or math.isnan(end) or (start, end) == WHOLE else (start, end)
        words = " ".join(text.split())
        if words and words not in spans.setdefault(span, []):
            spans[span].append(words)
    return {span: tuple(texts) for span, texts in spans.items() if texts}
