# SPDX-License-Identifier: GPL-3.0-or-later
"""The words by which rigs name finger bones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

THUMB: Final = "thumb"
FINGERS: Final = (THUMB, "index", "middle", "ring", "pinky")
"""From the thumb outwards."""

FINGER_WORDS: Final[Mapping[str, str]] = {
    "thumb": THUMB, "親指": THUMB,
    "index": "index", "pointer": "index", "fore": "index", "人指": "index", "人差指": "index",
    "middle": "middle", "mid": "middle", "中指": "middle",
    "ring": "ring", "薬指": "ring",
    "pinky": "pinky", "pinkie": "pinky", "little": "pinky", "small": "pinky", "小指": "pinky",
}  # fmt: skip
SILENT_WORDS: Final = frozenset(
    {"f", "finger", "fingers", "hand", "c", "ctrl", "j", "b", "jnt", "joint", "bone", "bip", "cc", "base"}
)
"""Words that may stand beside: `f_index.01.L`, `HandIndex1`, `j_bip_l_index1`."""
PHALANX_WORDS: Final[Mapping[str, int]] = {
    "proximal": 1, "intermediate": 2, "distal": 3,
    "a": 1, "b": 2, "c": 3,
}  # fmt: skip
