# SPDX-License-Identifier: GPL-3.0-or-later
"""The fingers of a hand: by their names, or by the chains of bones that hang from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from .bone_map import BoneMap
from .bone_names import Name, parse_all
from .finger_words import FINGER_WORDS, FINGERS, PHALANX_WORDS, SILENT_WORDS, THUMB
from .snapshot import FloatArray, RigSnapshot

PHALANGES: Final = 3
_REACH: Final = 1.2
"""Fingers lie within this share of the forearm's length from the wrist."""
_THUMB_DEGREES: Final = 20.0
"""A chain that points further than this away from all others is the thumb."""

Chain = tuple[int, ...]
"""Bones from the knuckle to the finger tip, three at most."""


def find_fingers(rig: RigSnapshot, bone_map: BoneMap, side: str) -> dict[str, Chain]:
    """Finger -> its bones on one side, `left` or `right`; empty for a rig without finger bones.

    Fingers found by structure alone are called `thumb` and `finger 1` and so on. Metacarpals are no finger bones.
    """
    wrist, elbow = bone_map.get(f"{side}_wrist"), bone_map.get(f"{side}_elbow")
    if wrist is None or elbow is None or wrist not in rig or elbow not in rig:
        return {}
    hand = rig.index(wrist)
    reach = _REACH * float(np.linalg.norm(rig.heads[hand] - rig.heads[rig.index(elbow)]))
    near = np.linalg.norm(rig.heads - rig.heads[hand], axis=-1) < reach
    usable = [
        bool(near[index]) and not rig.constrained[index] and not rig.lock_rotation[index].all()
        for index in range(len(rig))
    ]
    return _by_name(rig, hand, side, usable) or _by_structure(rig, hand, usable)


def has_fingers(rig: RigSnapshot, bone_map: BoneMap) -> bool:
    return any(find_fingers(rig, bone_map, side) for side in ("left", "right"))


def _by_name(rig: RigSnapshot, hand: int, side: str, usable: list[bool]) -> dict[str, Chain]:
    found: dict[str, dict[int, int]] = {}
    for index, name in enumerate(parse_all(rig.bone_names)):
        phalanx = _phalanx(name)
        if phalanx is None or name.side != side or not usable[index]:
            continue
        finger, number = phalanx
        # Where a control rig has several layers of fingers, the shortest name is what the animator sees.
        other = found.setdefault(finger, {}).get(number)
        if other is None or len(name.text) < len(rig.bone_names[other]):
            found[finger][number] = index
    chains = {
        finger: [found[finger][number] for number in sorted(found[finger])] for finger in FINGERS if finger in found
    }
    return {finger: tuple(chain[:PHALANGES]) for finger, chain in chains.items() if len(chain) > 1}


def _phalanx(name: Name) -> tuple[str, int] | None:
    """(finger, number of the bone from the knuckle on) if the name says nothing else."""
    words = [word for word in name.words if word not in SILENT_WORDS or word in PHALANX_WORDS]
    fingers = [FINGER_WORDS[word] for word in words if word in FINGER_WORDS]
    rest = [word for word in words if word not in FINGER_WORDS]
    numbers = [int(word) if word.isdecimal() else PHALANX_WORDS.get(word, -1) for word in rest if word not in "fcjb"]
    if len(fingers) != 1 or len(numbers) > 1 or -1 in numbers:
        return None
    return fingers[0], numbers[0] if numbers else 0


def _by_structure(rig: RigSnapshot, hand: int, usable: list[bool]) -> dict[str, Chain]:
    """Three chains of two bones or more that hang from the hand are fingers."""
    chains = []
    for child in rig.children(hand):
        chain = [child]
        while len(rig.children(chain[-1])) == 1:
            chain.append(rig.children(chain[-1])[0])
        if len(chain) > PHALANGES and _is_metacarpal(rig, hand, chain):
            chain = chain[1:]
        if len(chain) > 1 and all(usable[index] for index in chain[:PHALANGES]):
            chains.append(tuple(chain[:PHALANGES]))
    if len(chains) < 3:
        return {}
    directions = np.stack([_direction(rig.heads[list(chain)]) for chain in chains])
    apart = [
        float(np.degrees(np.arccos(np.clip(own @ _direction(np.stack([np.zeros(3), others.sum(axis=0)])), -1.0, 1.0))))
        for own, others in ((directions[i], np.delete(directions, i, axis=0)) for i in range(len(chains)))
    ]
    thumb = int(np.argmax(apart)) if max(apart) > _THUMB_DEGREES else -1
    return {THUMB if i == thumb else f"finger {i + 1}": chain for i, chain in enumerate(chains)}


def _is_metacarpal(rig: RigSnapshot, hand: int, chain: list[int]) -> bool:
    """Whether the chain begins in the palm: near the wrist, and its first bone is the longest."""
    heads = rig.heads[[hand, *chain]]
    lengths = np.linalg.norm(np.diff(heads, axis=0), axis=-1)
    return bool(lengths[0] < 0.5 * lengths[1] and lengths[1] >= lengths[2:].max())


def _direction(points: FloatArray) -> FloatArray:
    way: FloatArray = points[-1] - points[0]
    return way / max(float(np.linalg.norm(way)), 1e-12)


def palm(
    rig: RigSnapshot, bone_map: BoneMap, side: str, fingers: Mapping[str, Chain]
) -> tuple[FloatArray, FloatArray] | None:
    """(3,) unit directions in the armature: out of the palm, and across it to the thumb's side; None where unclear.

    With the fingers pointing away from the wrist and the thumb to the side, the palm of a left hand is along x across,
    that of a right hand the opposite, whatever the rolls of the bones.
    """
    wrist = rig.heads[rig.index(bone_map.bones[f"{side}_wrist"])]
    knuckles = np.stack([rig.heads[chain[0]] for finger, chain in fingers.items() if finger != THUMB])
    along = _direction(np.stack([wrist, knuckles.mean(axis=0)]))
    named = [rig.heads[fingers[finger][0]] for finger in FINGERS[1:] if finger in fingers]
    if len(named) > 1:
        to_thumb = named[0] - named[-1]
    elif THUMB in fingers:
        to_thumb = rig.heads[fingers[THUMB][-1]] - knuckles.mean(axis=0)
    else:
        return None
    spread = knuckles - knuckles.mean(axis=0)
    if len(knuckles) < 2:
        # A mitten: its thumb alone tells.
        spread = to_thumb[None]
    spread = spread - (spread @ along)[:, None] * along
    if np.linalg.norm(spread) < 1e-6 * np.linalg.norm(knuckles[0] - wrist):
        return None
    across: FloatArray = np.linalg.svd(spread)[2][0]
    across = across * np.sign(across @ to_thumb)
    normal = np.cross(along, across) if side == "left" else np.cross(across, along)
    return _direction(np.stack([np.zeros(3), normal])), across
