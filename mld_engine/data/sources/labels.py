# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions and labels of motion files, from a CSV file with one row a clip.

file                the motion file, relative to the folder; several rows may cut one file into clips
captions            separated by |
captions_mirrored   the same motion in a mirror; left out, left and right are exchanged in the captions
action, style       labels; action_mirrored as above
start, end          seconds of the file; empty for its own ends
split               train, val or test
licence, source     told in the model card of what is trained on the clip

Only `file` has to be there.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import RequestError
from ..store import SPLITS

COLUMNS: Final = (
    "file", "captions", "captions_mirrored", "action", "action_mirrored", "style", "start", "end", "split", "licence",
    "source",
)  # fmt: skip
_SIDE: Final = re.compile(r"(?<![a-z])(left|right|anticlockwise|counterclockwise|clockwise)", re.IGNORECASE)
_MIRRORED: Final = {
    "left": "right",
    "right": "left",
    "anticlockwise": "clockwise",
    "counterclockwise": "clockwise",
    "clockwise": "counterclockwise",
}
_LABEL_BREAK: Final = re.compile(r"[\W_]+")
_TAKE_NUMBER: Final = re.compile(r"\d+")
_FILE_WORDS: Final = ("poses", "stageii", "take", "anim")
"""What file names have of their kind and not of their motion."""


@dataclass(frozen=True)
class Row:
    """One clip of a file; `start` and `end` in seconds, infinite `end` for the file's own."""

    file: str
    captions: tuple[str, ...] = ()
    captions_mirrored: tuple[str, ...] = ()
    action: str = ""
    action_mirrored: str = ""
    style: str = ""
    start: float = 0.0
    end: float = math.inf
    split: str = ""
    licence: str = ""
    source: str = ""

    @property
    def whole(self) -> bool:
        return self.start == 0.0 and math.isinf(self.end)


def read_labels(path: Path) -> list[Row]:
    """The rows of a CSV file. Raises RequestError (bad_labels) that names the line and what is wrong with it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
            absent = "file" not in (reader.fieldnames or ())
            if absent or unknown:
                what = "no column 'file'" if absent else f"the columns {', '.join(map(repr, unknown))}"
                raise _bad(path, f"it has {what}", f"Its columns may be: {', '.join(COLUMNS)}.")
            return [_row(path, reader.line_num, values) for values in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _bad(path, str(error), "Save it as CSV with commas, in UTF-8.") from error


def mirrored_words(text: str) -> str:
    """The text with left and right exchanged."""

    def swap(match: re.Match[str]) -> str:
        word = _MIRRORED[match[0].lower()]
        return word.capitalize() if match[0][0].isupper() else word

    return _SIDE.sub(swap, text)


def mirrored_label(label: str) -> str:
    """wave_left -> wave_right; a label without a side is its own."""
    return "_".join(mirrored_words(part) for part in label.split("_"))


def words_of_name(name: str) -> str:
    """A caption from a file name: "Walk_forward-03_poses" -> "walk forward"."""
    words = _LABEL_BREAK.sub(" ", _TAKE_NUMBER.sub(" ", name)).lower().split()
    return " ".join(word for word in words if word not in _FILE_WORDS)


def texts(cell: str) -> tuple[str, ...]:
    """The captions of one cell."""
    return tuple(dict.fromkeys(text for part in cell.split("|") if (text := " ".join(part.split()))))


def mirrored_texts(captions: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(mirrored_words, captions))


def _row(path: Path, line: int, values: dict[str, str | None]) -> Row:
    cell = {name: (values.get(name) or "").strip() for name in COLUMNS}
    if None in values:
        raise _bad(path, f"line {line} has more cells than the header", "Put captions with commas into quotes.")
    start, end = (_seconds(path, line, name, cell[name]) for name in ("start", "end"))
    captions, action = texts(cell["captions"]), cell["action"]
    row = Row(
        file=cell["file"],
        captions=captions,
        captions_mirrored=texts(cell["captions_mirrored"]) or mirrored_texts(captions),
        action=action,
        action_mirrored=cell["action_mirrored"] or mirrored_label(action),
        style=cell["style"],
        start=start or 0.0,
        end=math.inf if end is None else end,
        split=cell["split"],
        licence=cell["licence"],
        source=cell["source"],
    )
    if not row.file or row.split not in ("", *SPLITS) or not 0 <= row.start < row.end:
        problem = f"line {line} has no file, an unknown split, or an end before its start"
        raise _bad(path, problem, f"Splits are {', '.join(SPLITS)}; start and end are seconds.")
    return row


def _seconds(path: Path, line: int, name: str, cell: str) -> float | None:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        raise _bad(path, f"line {line}: {name} {cell!r} is no number of seconds", "Write it like 2.5.") from None


def _bad(path: Path, problem: str, hint: str) -> RequestError:
    return RequestError("bad_labels", f"{path} cannot be used: {problem}.", hint)
