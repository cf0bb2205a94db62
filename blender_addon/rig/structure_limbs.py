# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of mirrored three-joint limbs in a rig of unknown names, each with a score for leg and arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .body_frame import Vector, unit
from .snapshot import RigSnapshot
from .symmetry import IntArray, Symmetry

_LEAST_SEGMENT: Final = 0.015
"""Of the rig's size: shorter segments are no limb's."""
_KEPT: Final = 12


@dataclass(frozen=True)
class Limb:
    """The bones at root, middle and end joint on the plane's positive side; the other side is their partners'."""

    root: int
    middle: int
    end: int
    length: float
    score: float


def find_legs(rig: RigSnapshot, symmetry: Symmetry, up: Vector, branch_sizes: IntArray) -> list[Limb]:
    """Legs, best first: long, straight, of two like halves, pointing down and ending near the lowest paired bone."""
    heads = rig.rest_world[:, :3, 3]
    triples = _triples(rig, symmetry)
    if not triples:
        return []
    lowest = min(float(heads[index] @ up) for triple in triples for index in triple)
    longest = (
        max(_length(heads, *triple) for triple in triples if _points(heads, triple, -up) > 0.8)
        if any(_points(heads, triple, -up) > 0.8 for triple in triples)
        else 0.0
    )
    legs = []
    for triple in triples:
        root, middle, end = triple
        length = _length(heads, *triple)
        down = _points(heads, triple, -up)
        straight = float(unit(heads[middle] - heads[root]) @ unit(heads[end] - heads[middle]))
        if down < 0.7 or straight < 0.6 or length < 0.1 * symmetry.size:
            continue
        clearance = (float(heads[end] @ up) - lowest) / length
        score = (
            1.2 * length / longest
            + _likeness(heads, triple, 1.0)
            + 0.5 * straight
            + 1.0 * float(np.clip(1.0 - 1.5 * (clearance - 0.1), 0.0, 1.0))
            + 0.3 * _has_foot(rig, heads, triple, up, length)
            - 0.15 * _skipped(rig, triple)
            - 0.6 * _paired_parent(rig, symmetry, root)
            + _end_bonus(rig, branch_sizes, end)
        )
        legs.append(Limb(root, middle, end, length, score))
    return sorted(legs, key=lambda limb: -limb.score)[:_KEPT]


def find_arms(rig: RigSnapshot, symmetry: Symmetry, up: Vector, leg: Limb, branch_sizes: IntArray) -> list[Limb]:
    """Arms for given legs, best first: attached above the hips, of two like halves, not reaching the floor."""
    heads = rig.rest_world[:, :3, 3]
    reach = _remaining_reach(rig, heads, symmetry)
    leg_bones = {leg.root, *_below(rig, leg.root)}
    hip, ankle = float(heads[leg.root] @ up), float(heads[leg.end] @ up)
    arms = []
    for triple in _triples(rig, symmetry):
        root, middle, end = triple
        length = _length(heads, *triple)
        bend = float(unit(heads[middle] - heads[root]) @ unit(heads[end] - heads[middle]))
        rise = float(heads[root] @ up) - hip
        if root in leg_bones or root in rig.ancestors(leg.root) or bend < -0.2 or length < 0.25 * leg.length:
            continue
        if rise < 0.25 * length or float(heads[end] @ up) < ankle + 0.15 * leg.length:
            continue
        score = (
            1.0 * min(length / (0.45 * leg.length), 1.0)
            + 1.5 * _likeness(heads, triple, 1.05)
            + 0.4 * bend
            - 1.2 * max(0.0, reach[end] / length - 0.5)
            - 0.15 * _skipped(rig, triple)
            - 0.8 * _passes_hand(rig, symmetry, middle, end)
            + 0.4 * min(rise / (0.5 * leg.length), 1.0)
            + 0.4 * min(float(symmetry.lateral[root] / symmetry.lateral[leg.root]), 1.0)
            + _end_bonus(rig, branch_sizes, end)
        )
        arms.append(Limb(root, middle, end, length, score))
    return sorted(arms, key=lambda limb: -limb.score)[:_KEPT]


def collar_of(rig: RigSnapshot, symmetry: Symmetry, shoulder: int) -> int | None:
    """The paired bone nearest to the trunk that carries the upper arm; None when the arm grows from the trunk."""
    line = [index for index in rig.ancestors(shoulder) if symmetry.is_paired(index)]
    side = np.sign(symmetry.lateral[shoulder])
    line = [index for index in line if np.sign(symmetry.lateral[index]) == side]
    return line[-1] if line else None


def toes_of(rig: RigSnapshot, symmetry: Symmetry, leg: Limb, up: Vector) -> int | None:
    """The bone below the ankle that continues the foot level and furthest; None when the foot has no joint."""
    heads = rig.rest_world[:, :3, 3]
    best, best_reach = None, 0.05 * leg.length
    for child in rig.children(leg.end):
        step = heads[child] - heads[leg.end]
        level = step - (step @ up) * up
        sideways = abs(float(level @ symmetry.normal))
        reach = float(np.linalg.norm(level)) - 2.0 * sideways
        if symmetry.is_paired(child) and step @ up < 0.1 * leg.length and reach > best_reach:
            best, best_reach = child, reach
    return best


def _triples(rig: RigSnapshot, symmetry: Symmetry) -> list[tuple[int, int, int]]:
    """Every root, middle, end down the hierarchy on the positive side whose partners stand in the same order."""
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


def _length(heads: Vector, root: int, middle: int, end: int) -> float:
    return float(np.linalg.norm(heads[middle] - heads[root]) + np.linalg.norm(heads[end] - heads[middle]))


def _points(heads: Vector, triple: tuple[int, int, int], direction: Vector) -> float:
    return float(unit(heads[triple[2]] - heads[triple[0]]) @ direction)


def _likeness(heads: Vector, triple: tuple[int, int, int], usual: float) -> float:
    """1 for halves in the usual proportion, 0 for one twice as long as usual."""
    root, middle, end = triple
    upper = np.linalg.norm(heads[middle] - heads[root])
    lower = np.linalg.norm(heads[end] - heads[middle])
    return float(max(-0.5, 1.0 - abs(np.log(upper / lower / usual)) / np.log(2.0)))


def _skipped(rig: RigSnapshot, triple: tuple[int, int, int]) -> int:
    """Bones of the hierarchy between the three: twist bones at best."""
    root, _, end = triple
    return list(rig.ancestors(end)).index(root) - 1


def _passes_hand(rig: RigSnapshot, symmetry: Symmetry, middle: int, end: int) -> float:
    """Whether a bone between elbow and end carries several others, as a hand carries fingers."""
    line = rig.ancestors(end)
    between = line[: line.index(middle)]
    return float(any(sum(symmetry.is_paired(child) for child in rig.children(bone)) > 1 for bone in between))


def _paired_parent(rig: RigSnapshot, symmetry: Symmetry, root: int) -> float:
    """Legs grow from the trunk; what carries them on each side is more likely the leg itself."""
    parent = rig.parents[root]
    return float(parent >= 0 and symmetry.is_paired(parent))


def _end_bonus(rig: RigSnapshot, branch_sizes: IntArray, end: int) -> float:
    """Hands carry fingers and feet carry toes; of two bones in one place the helper carries less and is shorter."""
    return 0.03 * min(int(branch_sizes[end]) - 1, 5) + 0.02 * min(float(rig.lengths[end]) * rig.world_scale, 1.0)


def _has_foot(rig: RigSnapshot, heads: Vector, triple: tuple[int, int, int], up: Vector, length: float) -> float:
    """Whether a child of the end stands level away from it, as the ball of a foot does."""
    end = triple[2]
    for child in rig.children(end):
        step = heads[child] - heads[end]
        level = np.linalg.norm(step - (step @ up) * up)
        if step @ up < 0.0 and level > 0.08 * length:
            return 1.0
    return 0.0


def _remaining_reach(rig: RigSnapshot, heads: Vector, symmetry: Symmetry) -> Vector:
    """(N,) distance from each bone to the furthest end of its branch, along the paired bones."""
    reach = np.zeros(len(rig))
    for index in range(len(rig) - 1, -1, -1):
        parent = rig.parents[index]
        if parent >= 0 and symmetry.is_paired(index):
            reach[parent] = max(reach[parent], reach[index] + float(np.linalg.norm(heads[index] - heads[parent])))
    return reach


def _below(rig: RigSnapshot, index: int) -> list[int]:
    found = []
    stack = list(rig.children(index))
    while stack:
        bone = stack.pop()
        found.append(bone)
        stack.extend(rig.children(bone))
    return found
