# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the bones of a rig by the words animators use, where no name table fits.

`Arm` is an upper arm above a `ForeArm` and `Shoulder` is a collar bone above an `Arm`, so every
word only weighs for its roles, and the bones of a limb are chosen together along the hierarchy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from . import trunk
from .bone_names import Name, parse_all
from .name_matching import complete_trunk
from .snapshot import RigSnapshot
from .words import (
    ARM_PARTS,
    ARM_WORDS,
    FILLER_WORDS,
    FOREIGN_WORDS,
    HEAD_WORDS,
    HIP_WORDS,
    LEG_PARTS,
    LEG_WORDS,
    NECK_WORDS,
    Weights,
)


def match_words(rig: RigSnapshot) -> dict[str, int]:
    """Role -> bone index for the roles that the bones' own words tell; possibly few, possibly none."""
    names = parse_all(rig.bone_names)
    found: dict[str, int] = {}
    for side in ("left", "right"):
        found |= {f"{side}_{part}": i for part, i in _limb(rig, names, side, ARM_PARTS, ARM_WORDS).items()}
        found |= {f"{side}_{part}": i for part, i in _limb(rig, names, side, LEG_PARTS, LEG_WORDS).items()}
    _add_trunk(rig, names, found)
    complete_trunk(rig, found)
    return found


def _limb(rig: RigSnapshot, names: Sequence[Name], side: str, parts: Sequence[str], words: Weights) -> dict[str, int]:
    """The bones of one limb: the heaviest assignment of its parts, in order, to bones below one another.

    Dynamic programming down the hierarchy; best[i][p] is the weight of the best limb whose last part
    so far, p, is bone i. A bone further from the trunk needs more weight to win.
    """
    best: dict[tuple[int, int], tuple[float, tuple[tuple[str, int], ...]]] = {}
    for index, name in enumerate(names):
        weights = _weights(name, side, words)
        for place, part in enumerate(parts):
            if part not in weights:
                continue
            above = [
                best[ancestor, earlier]
                for ancestor in rig.ancestors(index)
                for earlier in range(place)
                if (ancestor, earlier) in best
            ]
            weight, chosen = max(above, key=lambda entry: entry[0], default=(0.0, ()))
            own = weights[part] * (0.5 if rig.constrained[index] else 1.0) - 0.001 * len(rig.ancestors(index))
            best[index, place] = (weight + own, (*chosen, (part, index)))
    return dict(max(best.values(), key=lambda entry: entry[0])[1]) if best else {}


def _weights(name: Name, side: str, words: Weights) -> Mapping[str, float]:
    if name.side == side:
        plain = _plain(name)
        return words.get(plain, {}) if plain is not None else {}
    if name.side:
        return {}
    plain = _plain(name)
    if plain and plain[0] == side[0] and plain[1:] in words:
        return words[plain[1:]]
    return {}


def _plain(name: Name) -> str | None:
    """The words that mean something, written together; None for fingers, twists, IK targets and the like."""
    if any(word in FOREIGN_WORDS or word.removesuffix("s") in FOREIGN_WORDS for word in name.words):
        return None
    meaning = [word for word in name.words if word not in FILLER_WORDS]
    plain = "".join(meaning)
    return plain if plain in ARM_WORDS or plain in LEG_WORDS else re.sub(r"\d+$", "", plain)


def _add_trunk(rig: RigSnapshot, names: Sequence[Name], found: dict[str, int]) -> None:
    """Head and neck by their words, chest and hips by where the limbs found so far part."""
    central = [(index, _plain(name)) for index, name in enumerate(names) if not name.side]
    arms = [found[role] for role in ("left_collar", "right_collar", "left_shoulder", "right_shoulder") if role in found]
    legs = [found[role] for role in ("left_hip", "right_hip") if role in found]
    heads = [index for index, plain in central if plain in HEAD_WORDS]
    necks = [index for index, plain in central if plain in NECK_WORDS]
    if heads:
        found["head"] = min(heads, key=lambda index: (bool(rig.constrained[index]), len(rig.ancestors(index))))
    necks = [index for index in necks if "head" not in found or rig.is_below(found["head"], index)]
    if necks:
        found["neck"] = min(necks, key=lambda index: len(rig.ancestors(index)))
    if len(arms) < 2 or len(legs) < 2 or not heads + necks:
        return
    top = found.get("head", found.get("neck"))
    assert top is not None
    chest = trunk.common_ancestor(rig, [*arms, top])
    if chest is not None and chest == found.get("neck"):
        chest = rig.parents[chest] if rig.parents[chest] >= 0 else None
    if chest is None:
        return
    pelvis = trunk.common_ancestor(rig, [*legs, chest])
    if pelvis is None or pelvis == chest:
        return
    plain_of = dict(central)
    above = rig.parents[pelvis]
    if plain_of.get(pelvis) not in HIP_WORDS and plain_of.get(above) in HIP_WORDS:
        pelvis = above
    found["spine3"], found["pelvis"] = chest, pelvis
