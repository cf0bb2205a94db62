# SPDX-License-Identifier: GPL-3.0-or-later
"""The words animators use for bones, and how much each weighs for each part of a limb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Weights = Mapping[str, Mapping[str, float]]
"""Word -> part of the limb -> weight. Digits at the end are dropped where the word is not listed with them."""


def _each(groups: Mapping[str, Mapping[str, float]]) -> Weights:
    return {word: weights for words, weights in groups.items() for word in words.split()}


ARM_PARTS: Final = ("collar", "shoulder", "elbow", "wrist")
LEG_PARTS: Final = ("hip", "knee", "ankle", "foot")

ARM_WORDS: Final[Weights] = _each(
    {
        "clavicle clav collar collarbone": {"collar": 1.0},
        "scapula": {"collar": 0.7},
        "shoulder": {"collar": 0.7, "shoulder": 0.6},
        "shldr": {"collar": 0.6, "shoulder": 0.7},
        "upperarm uparm armupper armup upper bicep humerus": {"shoulder": 1.0},
        "arm": {"shoulder": 0.8, "elbow": 0.5},
        "arm1 arm01": {"shoulder": 0.9},
        "arm2 arm02": {"elbow": 0.9},
        "forearm lowerarm lowarm armlower armlow radius": {"elbow": 1.0},
        "ulna elbow": {"elbow": 0.9},
        "hand wrist": {"wrist": 1.0},
        "palm": {"wrist": 0.5},
    }
)
LEG_WORDS: Final[Weights] = _each(
    {
        "hip": {"hip": 0.7},
        "thigh upperleg upleg legupper legup femur": {"hip": 1.0},
        "leg": {"hip": 0.6, "knee": 0.6},
        "leg1 leg01": {"hip": 0.9},
        "leg2 leg02": {"knee": 0.9},
        "knee": {"knee": 0.9},
        "shin calf tibia lowerleg lowleg leglower leglow": {"knee": 1.0},
        "foreleg": {"knee": 0.8},
        "foot": {"ankle": 1.0, "foot": 0.3},
        "ankle": {"ankle": 1.0},
        "toe toes toebase ball": {"foot": 1.0},
    }
)
HEAD_WORDS: Final = frozenset({"head", "skull"})
NECK_WORDS: Final = frozenset({"neck"})
HIP_WORDS: Final = frozenset({"pelvis", "hips", "hip", "cog", "com", "centre", "center", "torso", "waist"})

FILLER_WORDS: Final = frozenset(
    {"def", "bone", "bn", "b", "jnt", "joint", "jt", "j", "sk", "skel", "bind", "rig", "c", "ctl", "ctrl", "control"}
    | {"con", "fk", "base", "main", "m", "mid", "x", "grp", "char", "character", "bip", "d", "t", "tr", "rot", "body"}
)
"""Words that tell nothing about the body."""

FOREIGN_WORDS: Final = frozenset(
    {"twist", "roll", "bend", "bendy", "share", "ribbon", "volume", "muscle", "corrective", "adjust", "offset"}
    | {"ik", "pole", "target", "helper", "effector", "aux", "null", "space", "switch", "parent", "pivot"}
    | {"mch", "org", "wgt", "vis", "tweak", "socket", "attach", "end", "nub", "tip", "leaf", "heel"}
    | {"thumb", "index", "middle", "ring", "pinky", "little", "finger", "metacarpal"}
    | {"eye", "jaw", "hair", "ear", "brow", "lip", "tongue", "teeth", "breast", "bust", "tail", "wing"}
    | {"skirt", "cape", "pad", "armor", "sleeve", "cloth", "belt", "bag", "prop", "weapon", "sword", "shield", "gun"}
)
"""A bone with one of these words, or its plural, plays no role."""
