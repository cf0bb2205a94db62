# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps a humanoid rig whose names say nothing: by hierarchy, symmetry, rest positions and lengths.

Two mirrored limbs that point down and end at the floor are the legs, two others above them the arms;
the bone that carries the legs and the spine is the pelvis, the one from which arms and head part is
the chest. Left and right follow from the way the character faces, never from names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import roles, trunk
from .body_frame import Facing, Vector, facing, unit
from .bone_names import LEFT, RIGHT, parse
from .name_matching import complete_trunk
from .snapshot import RigSnapshot
from .structure_limbs import Limb, collars_of, find_arms, find_legs, find_limbs, toes_of
from .symmetry import Symmetry, find_symmetry

UNKNOWN_FACING_CONFIDENCE: Final = 0.5
"""Highest confidence where nothing tells front from back: below the bar, left and right are an assumption."""

_SIDES_DISAGREE: Final = 0.6
"""Factor of the confidence where the names of the sides contradict the facing."""
_BEST_LEG: Final = 4.0
_BEST_ARM: Final = 4.2
_CLEAR_MARGIN: Final = 0.5
"""A body that scores this much less is no rival."""
_HIGHEST_HEAD: Final = 0.45
"""The head joint stands at most this far above the shoulders, in trunk lengths (hips to shoulders)."""
_LONGEST_NECK_BONE: Final = 0.27
"""A longer step upward from a bone at the shoulders or above, in trunk lengths, leads out of the head."""


@dataclass(frozen=True)
class StructureMatch:
    """Role -> bone index, with how sure that is and what the animator should know."""

    bones: Mapping[str, int]
    confidence: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Body:
    leg: Limb
    arm: Limb | None
    bones: dict[str, int]
    """Roles of the positive side of the symmetry plane under `left_`, until the facing is known."""
    score: float


def match_structure(rig: RigSnapshot) -> StructureMatch:
    """Map the rig by its structure alone; an empty or partial map where it is not built like a human."""
    symmetry = find_symmetry(rig)
    if symmetry is None:
        return StructureMatch({}, 0.0, ("The bones do not form two mirrored halves.",))
    limbs = find_limbs(rig, symmetry)
    best: tuple[float, list[_Body], Vector] | None = None
    for up, weight in _ups(rig, symmetry):
        bodies = _bodies(rig, symmetry, limbs, up)
        if bodies and (best is None or bodies[0].score * weight > best[0]):
            best = (bodies[0].score * weight, bodies, up)
    if best is None:
        return StructureMatch({}, 0.0, ("No pair of legs was found.",))
    _, bodies, up = best
    return _resolve(rig, symmetry, up, bodies)


def _ups(rig: RigSnapshot, symmetry: Symmetry) -> list[tuple[Vector, float]]:
    """Directions that may be the character's up, with a preference: the world's, then the object's axes."""
    ups = [(np.array([0.0, 0.0, 1.0]), 1.0)]
    axes = (rig.world[:3, :3] / rig.world_scale).T
    for axis in (*axes, *-axes):
        if all(np.dot(axis, up) < 0.99 for up, _ in ups):
            ups.append((axis, 0.9))
    return [(up, weight) for up, weight in ups if abs(np.dot(up, symmetry.normal)) < 0.3]


def _bodies(rig: RigSnapshot, symmetry: Symmetry, limbs: Sequence[Limb], up: Vector) -> list[_Body]:
    """Whole bodies, best first; bodies without arms only when there is no other."""
    whole: list[_Body] = []
    legs = find_legs(rig, symmetry, limbs, up)
    for leg in legs:
        for arm in find_arms(rig, symmetry, limbs, up, leg):
            body = _assemble(rig, symmetry, up, leg, arm)
            if body is not None:
                whole.append(body)
    if whole:
        return sorted(whole, key=lambda body: -body.score)
    if not legs or legs[0].score < 0.6 * _BEST_LEG:
        return []
    return [_Body(legs[0], None, _leg_roles(rig, symmetry, legs[0], up), 0.3 * legs[0].score)]


def _leg_roles(rig: RigSnapshot, symmetry: Symmetry, leg: Limb, up: Vector) -> dict[str, int]:
    parts = {"hip": leg.root, "knee": leg.middle, "ankle": leg.end, "foot": toes_of(rig, symmetry, leg, up)}
    return _both_sides(symmetry, parts)


def _both_sides(symmetry: Symmetry, parts: Mapping[str, int | None]) -> dict[str, int]:
    found = {part: index for part, index in parts.items() if index is not None}
    return {f"left_{part}": index for part, index in found.items()} | {
        f"right_{part}": int(symmetry.partner[index]) for part, index in found.items()
    }


def _assemble(rig: RigSnapshot, symmetry: Symmetry, up: Vector, leg: Limb, arm: Limb) -> _Body | None:
    """Join legs and arms by a trunk; None when no upright chain of middle bones joins them."""
    heads = rig.rest_world[:, :3, 3]
    arms = (arm.root, int(symmetry.partner[arm.root]))
    collars = collars_of(rig, arms)
    hips, shoulders = ((heads[limb.root] + heads[int(symmetry.partner[limb.root])]) / 2.0 for limb in (leg, arm))
    trunk_length = float((shoulders - hips) @ up)
    branching = trunk.common_ancestor(rig, arms)
    if branching is None or trunk_length <= 0.0 or (shoulders - hips) @ up < 0.8 * np.linalg.norm(shoulders - hips):
        return None
    line = _line_to_head(rig, symmetry, up, branching, shoulders, trunk_length)
    if len(line) > 1 and not rig.children(line[-1]) and _has_end_bones(rig, symmetry, leg, up):
        line.pop()
    chest, neck, head = _chest_neck_head(rig, heads, up, branching, line, shoulders, trunk_length)
    pelvis = trunk.common_ancestor(rig, [leg.root, int(symmetry.partner[leg.root]), chest])
    if pelvis is None or pelvis == chest:
        return None
    rise = heads[chest] - heads[pelvis]
    if np.linalg.norm(rise) > 0.1 * trunk_length and unit(rise) @ up < 0.6:
        return None
    bones = {"pelvis": pelvis, "spine3": chest}
    bones |= _leg_roles(rig, symmetry, leg, up)
    bones |= _both_sides(symmetry, {"shoulder": arm.root, "elbow": arm.middle, "wrist": arm.end})
    if collars is not None:
        bones["left_collar"], bones["right_collar"] = collars
    if head is not None:
        bones["head"] = head
    if neck is not None:
        bones["neck"] = neck
    if len(set(bones.values())) < len(bones):
        return None
    complete_trunk(rig, bones)
    headless = 0.0 if head is not None else 1.0
    return _Body(leg, arm, bones, leg.score + arm.score - headless)


def _line_to_head(
    rig: RigSnapshot, symmetry: Symmetry, up: Vector, start: int, shoulders: Vector, trunk_length: float
) -> list[int]:
    """Middle bones from below `start` up to the head: ever upward, and no higher than a head joint stands."""
    heads = rig.rest_world[:, :3, 3]
    line: list[int] = []
    bone = start
    # A bone with mirrored children of its own, such as eyes, is the head.
    while not (line and any(symmetry.is_paired(child) for child in rig.children(bone))):
        candidates = []
        above_shoulders = float((heads[bone] - shoulders) @ up) > -0.1 * trunk_length
        for child in rig.children(bone):
            step = heads[child] - heads[bone]
            height = float((heads[child] - shoulders) @ up) / trunk_length
            rises = float(unit(step) @ up) > 0.6 and np.linalg.norm(step) > 0.02 * trunk_length
            is_top = above_shoulders and np.linalg.norm(step) > _LONGEST_NECK_BONE * trunk_length
            if symmetry.is_central(child) and rises and height < _HIGHEST_HEAD and not is_top:
                candidates.append((float(heads[child] @ up), child))
        if not candidates:
            break
        bone = max(candidates)[1]
        line.append(bone)
    return line


def _has_end_bones(rig: RigSnapshot, symmetry: Symmetry, leg: Limb, up: Vector) -> bool:
    """Whether the rig closes its chains with a bone that moves nothing, as many importers and exporters do."""
    toes = toes_of(rig, symmetry, leg, up)
    children = rig.children(toes) if toes is not None else ()
    return len(children) == 1 and not rig.children(children[0])


def _chest_neck_head(
    rig: RigSnapshot, heads: Vector, up: Vector, branching: int, line: list[int], shoulders: Vector, trunk_length: float
) -> tuple[int, int | None, int | None]:
    """Divide the bones above the arms' branching point into the rest of the spine, neck and head.

    Bones well below the shoulders are spine bones still; where the arms hang on the neck, the chest is
    the bone below it.
    """
    chest = branching
    while line and float((heads[line[0]] - shoulders) @ up) < -0.15 * trunk_length:
        chest = line.pop(0)
    head = line[-1] if line else None
    neck = line[0] if len(line) > 1 else None
    height = float((heads[chest] - shoulders) @ up) / trunk_length
    if chest == branching and neck is None and height > 0.05 and rig.parents[chest] >= 0:
        return rig.parents[chest], chest, head
    return chest, neck, head


def _resolve(rig: RigSnapshot, symmetry: Symmetry, up: Vector, bodies: list[_Body]) -> StructureMatch:
    body = bodies[0]
    bones = dict(body.bones)
    notes: list[str] = []
    if body.arm is None:
        return StructureMatch(bones, 0.2, ("Two legs were found, but no arms above them.",))
    faces = facing(rig, bones, up, symmetry.normal)
    named = _left_by_names(rig, bones)
    left = np.cross(up, faces.forward) if faces.known else named
    left = rig.world[:3, 0] if left is None else left
    heads = rig.rest_world[:, :3, 3]
    if float((heads[bones["left_hip"]] - heads[bones["right_hip"]]) @ left) < 0.0:
        bones = {_exchanged(role): index for role, index in bones.items()}
    confidence = _confidence(rig, bodies, faces)
    if not faces.known and named is None:
        confidence = min(confidence, UNKNOWN_FACING_CONFIDENCE)
        notes.append(
            "Nothing in the bones tells front from back, so left and right are assumed: check them, or exchange them."
        )
    elif named is not None and float(named @ left) < 0.0:
        confidence *= _SIDES_DISAGREE
        notes.append("The bones called left are on the character's right, as far as its feet and knees tell.")
    if rival := _rival(rig, bodies):
        limb, theirs = ("arms", rival.arm) if _apart(rig, body.arm, rival.arm) else ("legs", rival.leg)
        mine = body.arm if limb == "arms" else body.leg
        assert theirs is not None
        notes.append(
            f"“{rig.bone_names[mine.root]}” and “{rig.bone_names[theirs.root]}” both look like {limb}: "
            "check which are meant."
        )
    if "head" not in bones and "neck" not in bones:
        notes.append("No head was found above the arms.")
    return StructureMatch(bones, round(float(confidence), 3), tuple(notes))


def _confidence(rig: RigSnapshot, bodies: list[_Body], faces: Facing) -> float:
    """How well legs and arms fit, and how far behind the next different body is."""
    body = bodies[0]
    assert body.arm is not None
    fit = min(body.leg.score / _BEST_LEG, 1.0) * min(body.arm.score / _BEST_ARM, 1.0)
    rival = _rival(rig, bodies)
    margin = 1.0 if rival is None else (body.score - rival.score) / _CLEAR_MARGIN
    certain = 0.85 + 0.15 * (faces.certainty if faces.known else 1.0)
    return 0.92 * math.sqrt(max(fit, 0.0)) * (0.55 + 0.45 * margin) * certain


def _rival(rig: RigSnapshot, bodies: list[_Body]) -> _Body | None:
    """The best other body with quite different arms or legs, when it comes close."""
    best = bodies[0]
    for other in bodies[1:]:
        if best.score - other.score >= _CLEAR_MARGIN:
            return None
        if _apart(rig, best.arm, other.arm) or _apart(rig, best.leg, other.leg):
            return other
    return None


def _apart(rig: RigSnapshot, mine: Limb | None, theirs: Limb | None) -> bool:
    """Whether two limbs are on different branches, and not two readings of one."""
    if mine is None or theirs is None:
        return False
    lines = ((mine.root, theirs.end), (theirs.root, mine.end))
    return all(root != end and not rig.is_below(end, root) for root, end in lines)


def _left_by_names(rig: RigSnapshot, bones: Mapping[str, int]) -> Vector | None:
    """The (3,) direction from right to left by what the names say; None where they say nothing or disagree."""
    heads = rig.rest_world[:, :3, 3]
    votes = []
    for left, right in roles.SIDE_PAIRS:
        if left in bones and right in bones:
            sides = tuple(parse(rig.bone_names[bones[role]]).side for role in (left, right))
            if sides == (LEFT, RIGHT):
                votes.append(heads[bones[left]] - heads[bones[right]])
            elif sides == (RIGHT, LEFT):
                votes.append(heads[bones[right]] - heads[bones[left]])
    if len(votes) < 3 or any(float(vote @ votes[0]) <= 0.0 for vote in votes):
        return None
    return unit(np.sum(votes, axis=0))


def _exchanged(role: str) -> str:
    if role.startswith("left_"):
        return "right_" + role[5:]
    return "left_" + role[6:] if role.startswith("right_") else role
