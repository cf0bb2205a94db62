# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader yields: clips, and what it leaves out with the reason. Nothing is skipped silently."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..store import ClipRecord

UNIT_HINTS: Final = ((0.01, "centimetres"), (0.001, "millimetres"), (0.0254, "inches"))
LEG_METRES: Final = (0.6, 1.2)
"""Thigh and shin of a grown body."""


@dataclass(frozen=True)
class LeftOut:
    """A clip, or a file, that does not become part of the data set."""

    name: str
    reason: str


@dataclass(frozen=True)
class Note:
    """Something about the source that its user should know, such as a guess that was made."""

    message: str


Found: TypeAlias = ClipRecord | LeftOut | Note


def unit_problem(leg_length: float) -> str:
    """What is wrong with a leg (thigh and shin) of this length in metres; empty where nothing is."""
    low, high = LEG_METRES
    if low <= leg_length <= high:
        return ""
    problem = f"its legs are {leg_length:.3g} m long"
    for scale, unit in UNIT_HINTS:
        if low <= leg_length * scale <= high:
            return f"{problem}, which looks like {unit}: use --scale {scale:g}"
    return f"{problem}, which is no unit that is known: name the metres of one unit with --scale"


def held_out_split(name: str, share: float) -> str:
    """A split by name: `share` of all names in equal parts "val" and "test", the same on every machine."""
    place = zlib.crc32(name.encode("utf-8")) / 2**32
    if place >= share:
        return "train"
    return "val" if place < share / 2 else "test"
