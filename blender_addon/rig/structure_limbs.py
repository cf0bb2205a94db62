# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of mirrored three-joint limbs in a rig of unknown names, with a score each as leg and as arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from .body_frame import Vector, unit
from .snapshot import RigSnapshot
from .symmetry import IntArray, Symmetry, subtree_sizes

Triple = tuple[int, int, int]

_LEAST_SEGMENT: Final = 0.015
"""Of the rig's size: shorter segments are no limb's."""
_USUAL_PROPORTION: Final = 1.03
"""Upper half of a limb to its lower half."""
_INSTEP_DROP: Final = 0.045
"""Of the leg's length: a bone of the foot that is less far below the ankle is one of the instep."""
_KEPT: Final = 12


@dataclass(frozen=True)
class Limb:
    """The bones at root, middle and end joint on the plane's positive side; the other side is their partners'."""

    root: int
    middle: int
    end: int
    length: float
    """Metres from root over middle to end."""
    straight: float
    """Cosine of the bend at the middle joint."""
    merit: float
    """What speaks for the limb whether it is arm or leg: equal halves, no bones passed over."""
    reach: float
    """Metres from the end to the furthest end of its branch."""
    score: float = 0.0


def find_limbs(rig: RigSnapshot, symmetry: Symmetry) -> list[Limb]:
    """Every mirrored chain of three joints, not yet judged as arm or leg."""
    heads = rig.rest_world[:, :3, 3]
    branch_sizes = subtree_sizes(rig)
    reach = _remaining_reach(rig, symmetry)
    limbs = []
    for triple in _triples(rig, symmetry):
        root, middle, end = triple
        if _is_helper(rig, symmetry, branch_sizes, end):
            continue
        upper, lower = heads[middle] - heads[root], heads[end] - heads[middle]
        lengths = float(np.linalg.norm(upper)), float(np.linalg.norm(lower))
        straight = float(upper @ lower) / (lengths[0] * lengths[1])
        merit = (
            max(-0.5, 1.0 - abs(float(np.log2(lengths[0] / lengths[1] / _USUAL_PROPORTION))))
            - _cost_of_skipping(rig, heads, triple)
            - 0.3 * sum(bool(rig.constrained[index]) for index in triple)
            + 0.02 * min(int(branch_sizes[end]) - 1, 5)
        )
        limbs.append(Limb(root, middle, end, sum(lengths), straight, merit, float(reach[end])))
    return limbs


def find_legs(rig: RigSnapshot, symmetry: Symmetry, limbs: Sequence[Limb], up: Vector) -> list[Limb]:
    """Legs, best first: long, straight, of two like halves, pointing down and ending near the lowest paired bone."""
    heads = rig.rest_world[:, :3, 3]
    heights = heads @ up
    lowest = min((float(heights[limb.end]) for limb in limbs), default=0.0)
    hanging = [limb for limb in limbs if float(unit(heads[limb.root] - heads[limb.end]) @ up) > 0.7]
    longest = max((limb.length for limb in hanging), default=0.0)
    legs = []
    for limb in hanging:
        if limb.straight < 0.6 or limb.length < 0.1 * symmetry.size:
            continue
        clearance = float(heights[limb.end] - lowest) / limb.length
        # Legs grow from the trunk: what carries them on each side is more likely the leg itself.
        parent = rig.parents[limb.root]
        score = (
            1.2 * limb.length / longest
            + limb.merit
            + 0.5 * limb.straight
            + float(np.clip(1.0 - 1.5 * (clearance - 0.1), 0.0, 1.0))
            + 0.3 * _has_foot(rig, heads, limb, up)
            - 0.2 * (parent >= 0 and symmetry.is_paired(parent))
            - 2.0 * max(0.0, _distance_from_trunk(rig, symmetry, limb.root) / limb.length - 0.3)
        )
        legs.append(_scored(limb, score))
    return sorted(legs, key=lambda leg: -leg.score)[:_KEPT]


def find_arms(rig: RigSnapshot, symmetry: Symmetry, limbs: Sequence[Limb], up: Vector, leg: Limb) -> list[Limb]:
    """Arms for given legs, best first: attached above the hips, of two like halves, not reaching the floor."""
    heights = rig.rest_world[:, :3, 3] @ up
    hip, ankle = float(heights[leg.root]), float(heights[leg.end])
    forward = _foot_direction(rig, symmetry, leg, up)
    usual = max(0.45 * leg.length, 0.22 * symmetry.size)
    carriers = {leg.root, *rig.ancestors(leg.root)}
    arms = []
    for limb in limbs:
        rise = float(heights[limb.root]) - hip
        if limb.root in carriers or leg.root in rig.ancestors(limb.root):
            continue
        if limb.straight < -0.2 or limb.length < 0.35 * leg.length or rise < 0.25 * limb.length:
            continue
        if float(heights[limb.end]) < ankle + 0.15 * leg.length:
            continue
        direction = unit(rig.rest_world[limb.end, :3, 3] - rig.rest_world[limb.root, :3, 3])
        score = (
            min(limb.length / usual, 1.0)
            + 1.5 * limb.merit
            + 0.4 * limb.straight
            - 1.2 * max(0.0, limb.reach / limb.length - 0.5)
            - 0.8 * _passes_hand(rig, symmetry, limb)
            - 0.8 * max(0.0, _distance_from_trunk(rig, symmetry, limb.root) / limb.length - 0.6)
            + 0.4 * _has_fingers(rig, symmetry, limb.end)
            # Wings spread upward and backward, arms at rest hang or stretch sideways.
            - 1.5 * max(0.0, float(direction @ up) - 0.05)
            - 1.5 * max(0.0, -float(direction @ forward) - 0.1)
            + 0.4 * min(rise / (0.5 * leg.length), 1.0)
            + 0.8 * min(float(symmetry.lateral[limb.root] / symmetry.lateral[leg.root]) / 1.2, 1.0)
        )
        arms.append(_scored(limb, score))
    return sorted(arms, key=lambda arm: -arm.score)[:_KEPT]


def collars_of(rig: RigSnapshot, shoulders: tuple[int, int]) -> tuple[int, int] | None:
    """The bones that carry one upper arm each; None when the arms grow from the trunk.

    Of several between trunk and arm the first of a collar bone's length counts: the others are helpers. Where they
    are attached may be the middle of the body, so they are told from the trunk by the hierarchy alone.
    """
    heads = rig.rest_world[:, :3, 3]
    found = []
    for arm, other in (shoulders, shoulders[::-1]):
        shared = {other, *rig.ancestors(other)}
        line = [arm, *(bone for bone in rig.ancestors(arm) if bone not in shared)]
        steps = [float(np.linalg.norm(heads[below] - heads[bone])) for below, bone in pairwise(line)]
        if not steps:
            return None
        found.append(line[max(i + 1 for i, step in enumerate(steps) if step >= 0.5 * max(steps))])
    return found[0], found[1]


def toes_of(rig: RigSnapshot, symmetry: Symmetry, leg: Limb, up: Vector) -> int | None:
    """The bone below the ankle at the ball of the foot; None when the foot has no joint.

    It continues the foot level and furthest; a bone of the instep, still high above the sole, is passed.
    """
    heights = rig.rest_world[:, :3, 3] @ up
    toes = _level_child(rig, symmetry, leg.end, leg, up)
    while toes is not None and (onward := _level_child(rig, symmetry, toes, leg, up)) is not None:
        drop, whole_drop = heights[leg.end] - heights[toes], heights[leg.end] - heights[onward]
        if drop > min(0.5 * whole_drop, _INSTEP_DROP * leg.length):
            break
        toes = onward
    return toes


def _level_child(rig: RigSnapshot, symmetry: Symmetry, bone: int, leg: Limb, up: Vector) -> int | None:
    """The child that reaches furthest level and forward or backward, not sideways; None when none does."""
    heads = rig.rest_world[:, :3, 3]
    best, best_reach = None, 0.03 * leg.length
    for child in rig.children(bone):
        step = heads[child] - heads[bone]
        level = step - (step @ up) * up
        sideways = abs(float(level @ symmetry.normal))
        reach = float(np.linalg.norm(level)) - 2.0 * sideways
        if symmetry.is_paired(child) and step @ up < 0.1 * leg.length and reach > best_reach:
            best, best_reach = child, reach
    return best


def _foot_direction(rig: RigSnapshot, symmetry: Symmetry, leg: Limb, up: Vector) -> Vector:
    """(3,) unit, from the ankle level to the toes; zero where the foot has no joint."""
    toes = toes_of(rig, symmetry, leg, up)
    if toes is None:
        return np.zeros(3)
    step = rig.rest_world[toes, :3, 3] - rig.rest_world[leg.end, :3, 3]
    return unit(step - (step @ up) * up - (step @ symmetry.normal) * symmetry.normal)


def _scored(limb: Limb, score: float) -> Limb:
    return Limb(limb.root, limb.middle, limb.end, limb.length, limb.straight, limb.merit, limb.reach, float(score))


def _triples(rig: RigSnapshot, symmetry: Symmetry) -> list[Triple]:
    """Root, middle, end down the hierarchy on the positive side, where the partners stand in the same order."""
    heads = rig.rest_world[:, :3, 3]
    least = _LEAST_SEGMENT * symmetry.size
    found = []
    for end in range(len(rig)):
        if symmetry.lateral[end] <= 0.0 or not symmetry.is_paired(end):
            continue
        line = [index for index in rig.ancestors(end) if symmetry.is_paired(index) and symmetry.lateral[index] > 0.0]
        other_line = rig.ancestors(int(symmetry.partner[end]))
        line = [index for index in line if int(symmetry.partner[index]) in other_line]
        for place, middle in enumerate(line):
            if np.linalg.norm(heads[end] - heads[middle]) < least:
                continue
            for root in line[place + 1 :]:
                if np.linalg.norm(heads[middle] - heads[root]) >= least:
                    found.append((root, middle, end))
    return found


def _cost_of_skipping(rig: RigSnapshot, heads: Vector, triple: Triple) -> float:
    """Of the bones of the hierarchy between the three: little for twist bones, more for those off the line."""
    cost = 0.0
    root, middle, end = triple
    for upper, lower in ((root, middle), (middle, end)):
        line = rig.ancestors(lower)
        between = list(line[: line.index(upper)])
        if not between:
            continue
        along = heads[lower] - heads[upper]
        length = float(np.linalg.norm(along))
        offsets = heads[between] - heads[upper]
        aside = np.linalg.norm(offsets - np.outer(offsets @ along, along) / length**2, axis=1) / length
        cost += float(np.sum(0.15 + 0.6 * np.minimum(1.0, 4.0 * aside)))
    return cost


def _is_helper(rig: RigSnapshot, symmetry: Symmetry, branch_sizes: IntArray, end: int) -> bool:
    """Whether a sibling in the same place carries more, or is longer: then that one is the hand or foot."""
    heads = rig.rest_world[:, :3, 3]
    own = (int(branch_sizes[end]), float(rig.lengths[end]))
    return any(
        other != end
        and symmetry.is_paired(other)
        and float(np.linalg.norm(heads[other] - heads[end])) < 0.01 * symmetry.size
        and (int(branch_sizes[other]), float(rig.lengths[other])) > own
        for other in rig.children(rig.parents[end])
    )


def _has_fingers(rig: RigSnapshot, symmetry: Symmetry, hand: int) -> bool:
    return sum(symmetry.is_paired(child) for child in rig.children(hand)) >= 3


def _distance_from_trunk(rig: RigSnapshot, symmetry: Symmetry, bone: int) -> float:
    """Metres along the paired bones that carry the limb: the collar bone's length for an arm."""
    heads = rig.rest_world[:, :3, 3]
    distance = 0.0
    while rig.parents[bone] >= 0 and symmetry.is_paired(rig.parents[bone]):
        distance += float(np.linalg.norm(heads[bone] - heads[rig.parents[bone]]))
        bone = rig.parents[bone]
    return distance


def _passes_hand(rig: RigSnapshot, symmetry: Symmetry, limb: Limb) -> bool:
    """Whether a bone between elbow and end carries several others, as a hand carries fingers."""
    line = rig.ancestors(limb.end)
    between = line[: line.index(limb.middle)]
    return any(sum(symmetry.is_paired(child) for child in rig.children(bone)) > 1 for bone in between)


def _has_foot(rig: RigSnapshot, heads: Vector, limb: Limb, up: Vector) -> bool:
    """Whether a child of the end stands level away from it, as the ball of a foot does."""
    for child in rig.children(limb.end):
        step = heads[child] - heads[limb.end]
        level = np.linalg.norm(step - (step @ up) * up)
        if step @ up < 0.0 and level > 0.08 * limb.length:
            return True
    return False


def _remaining_reach(rig: RigSnapshot, symmetry: Symmetry) -> Vector:
    """(N,) distance from each bone to the furthest end of its branch, along the paired bones."""
    heads = rig.rest_world[:, :3, 3]
    reach = np.zeros(len(rig))
    for index in range(len(rig) - 1, -1, -1):
        parent = rig.parents[index]
        if parent >= 0 and symmetry.is_paired(index):
            reach[parent] = max(reach[parent], reach[index] + float(np.linalg.norm(heads[index] - heads[parent])))
    return reach
