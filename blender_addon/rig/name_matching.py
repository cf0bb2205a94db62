# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the bones of a rig whose names stand in one of the name tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from . import roles, trunk
from .bone_names import Name, parse, parse_all
from .name_tables import FAMILIES, Family, Names
from .snapshot import RigSnapshot

Key = tuple[str, str]


@dataclass(frozen=True)
class NameMatch:
    """Role -> bone index, by the names of one family."""

    family: str
    bones: Mapping[str, int]
    rank: tuple[int, int, int, int]
    """Required roles found, less the bones that are constrained; roles found; signature bones; names that are
    spelled as in the table. Greater is better."""


def match_tables(rig: RigSnapshot) -> NameMatch | None:
    """The family that names the most roles of the rig; None when no table names any."""
    names = parse_all(rig.bone_names)
    matches = [_match(rig, names, family) for family in FAMILIES]
    best = max(matches, key=lambda match: match.rank)
    return best if best.bones else None


def _match(rig: RigSnapshot, names: Sequence[Name], family: Family) -> NameMatch:
    lookup = _lookup(names, family.prefix)
    keys_of_role = _KEYS[family.name]
    found: dict[str, int] = {}
    taken: set[int] = set()
    for role, keys in keys_of_role.items():
        candidates = (index for key in keys for index in _sorted(rig, lookup.get(key, [])) if index not in taken)
        index = next(candidates, None)
        if index is not None and role != "pelvis":
            found[role] = index
            taken.add(index)
    _raise_chest(rig, found)
    pelvis = _pelvis(rig, found, [i for key in keys_of_role.get("pelvis", ()) for i in lookup.get(key, [])])
    if pelvis is not None and pelvis not in taken:
        found["pelvis"] = pelvis
    complete_trunk(rig, found)
    required = [role for role in roles.REQUIRED if role in found]
    constrained = sum(bool(rig.constrained[index]) for index in found.values())
    signed = all(parse(bone).full_key in lookup for bone in family.signature)
    spelled = sum(rig.bone_names[index].casefold() in _SPELLINGS[family.name] for index in found.values())
    rank = (len(required) - constrained, len(found), len(family.signature) * signed, spelled)
    return NameMatch(family.name, found, rank)


def complete_trunk(rig: RigSnapshot, found: dict[str, int]) -> None:
    """Add spine1, spine2 and neck from the hierarchy, in place, where they are missing and their bones free."""
    if "spine3" in found and "pelvis" in found:
        for role, index in trunk.spread_spine(trunk.spine_chain(rig, found["pelvis"], found["spine3"])).items():
            if role not in found and index not in found.values():
                found[role] = index
    if "neck" not in found and "head" in found and "spine3" in found:
        chain = trunk.neck_chain(rig, found["spine3"], found["head"])
        if chain and chain[0] not in found.values():
            found["neck"] = chain[0]


def _raise_chest(rig: RigSnapshot, found: dict[str, int]) -> None:
    """Move spine3, in place, up to where arms and head part, where the rig has more spine bones than the table."""
    tops = [found[part] for part in ("neck", "head") if part in found][:1]
    arms = [found.get(f"{side}_collar", found.get(f"{side}_shoulder")) for side in ("left", "right")]
    limbs = [index for index in (*arms, *tops) if index is not None]
    if len(limbs) < 3 or "spine3" not in found:
        return
    chest = trunk.common_ancestor(rig, limbs)
    if chest is not None and chest not in found.values() and rig.is_below(chest, found["spine3"]):
        found["spine3"] = chest


def _pelvis(rig: RigSnapshot, found: Mapping[str, int], candidates: Sequence[int]) -> int | None:
    """The first candidate that carries legs and spine; else the bone that does, whatever its name."""
    carried = [found[role] for role in ("left_hip", "right_hip", "spine3") if role in found]
    if len(carried) < 3:
        return candidates[0] if candidates else None
    for candidate in candidates:
        if all(rig.is_below(index, candidate) for index in carried):
            return candidate
    ancestor = trunk.common_ancestor(rig, carried)
    return None if ancestor in carried else ancestor


def _lookup(names: Sequence[Name], prefix: str) -> dict[Key, list[int]]:
    """Key -> bones, under the whole name and under the name without the rig's or the family's prefix."""
    lookup: dict[Key, list[int]] = {}
    for index, name in enumerate(names):
        keys = {name.full_key, name.key}
        if prefix:
            keys.add((name.side, re.sub(rf"^({prefix})", "", name.full_key[1])))
        for key in keys:
            lookup.setdefault(key, []).append(index)
    return lookup


def _sorted(rig: RigSnapshot, indices: Sequence[int]) -> list[int]:
    """Bones of the same name: those that nothing else moves first, then the ones nearer to the root."""
    return sorted(indices, key=lambda index: (bool(rig.constrained[index]), len(rig.ancestors(index)), index))


def _alternatives(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


_KEYS: Final[dict[str, dict[str, tuple[Key, ...]]]] = {
    family.name: {
        role: tuple(parse(name).full_key for name in _alternatives(names)) for role, names in family.bones.items()
    }
    for family in FAMILIES
}
_SPELLINGS: Final[dict[str, frozenset[str]]] = {
    family.name: frozenset(name.casefold() for names in family.bones.values() for name in _alternatives(names))
    for family in FAMILIES
}
