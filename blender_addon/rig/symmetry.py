# SPDX-License-Identifier: GPL-3.0-or-later
"""The plane that divides a rig into two mirrored halves, and each bone's counterpart across it.

Only head positions and the hierarchy are used: bone axes and tails depend on the importer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .body_frame import Vector, unit
from .snapshot import RigSnapshot

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_TOLERANCE: Final = 0.015
"""Of the rig's size: how far a counterpart may stand from the mirrored position."""
_CENTRAL: Final = 0.008
"""Of the rig's size: bones nearer to the plane belong to the middle."""
_LARGEST_BRANCHES: Final = 40


@dataclass(frozen=True)
class Symmetry:
    """A mirror plane through `origin` with unit `normal` (world space), and what it does to N bones."""

    normal: Vector
    origin: Vector
    partner: IntArray
    """(N,) index of the counterpart; the bone itself in the middle; -1 for bones without one."""
    lateral: FloatArray
    """(N,) signed distance from the plane."""
    size: float
    """The rig's size, the scale of all tolerances."""

    def is_central(self, index: int) -> bool:
        return int(self.partner[index]) == index

    def is_paired(self, index: int) -> bool:
        return int(self.partner[index]) not in (-1, index)


def find_symmetry(rig: RigSnapshot) -> Symmetry | None:
    """The plane that pairs the most bones; None for rigs in which fewer than three pairs mirror each other."""
    heads = rig.rest_world[:, :3, 3]
    low, high = np.percentile(heads, [4.0, 96.0], axis=0)
    size = float(np.linalg.norm(high - low))
    if size <= 0.0:
        return None
    branch_sizes = subtree_sizes(rig)
    best: tuple[float, Vector, Vector] | None = None
    for normal, origin in _candidate_planes(rig, heads, branch_sizes, size):
        score = _score(heads, normal, origin, size)
        if best is None or score > best[0] + 1e-9:
            best = (score, normal, origin)
    if best is None:
        return None
    normal, origin = _refined(heads, best[1], best[2], size)
    lateral = (heads - origin) @ normal
    partner = _pair(rig, heads, lateral, normal, branch_sizes, size)
    if np.count_nonzero((partner >= 0) & (partner != np.arange(len(rig)))) < 6:
        return None
    return Symmetry(normal, origin, partner, lateral, size)


def subtree_sizes(rig: RigSnapshot) -> IntArray:
    """(N,) number of bones in each bone's branch, itself included."""
    sizes = np.ones(len(rig), dtype=np.intp)
    for index in range(len(rig) - 1, -1, -1):
        if rig.parents[index] >= 0:
            sizes[rig.parents[index]] += sizes[index]
    return sizes


def _candidate_planes(
    rig: RigSnapshot, heads: FloatArray, branch_sizes: IntArray, size: float
) -> list[tuple[Vector, Vector]]:
    """Planes half way between bones of equal depth that carry branches of like size; each plane once."""
    depths = [len(rig.ancestors(index)) for index in range(len(rig))]
    largest = [int(index) for index in np.argsort(-branch_sizes, kind="stable") if branch_sizes[index] > 1]
    planes: dict[tuple[float, ...], tuple[Vector, Vector]] = {}
    for place, first in enumerate(largest[:_LARGEST_BRANCHES]):
        for second in largest[place + 1 : _LARGEST_BRANCHES]:
            difference = heads[first] - heads[second]
            alike = min(branch_sizes[first], branch_sizes[second]) >= 0.75 * max(
                branch_sizes[first], branch_sizes[second]
            )
            if depths[first] != depths[second] or not alike or np.linalg.norm(difference) < 2.0 * _CENTRAL * size:
                continue
            normal = unit(difference)
            normal = normal if normal[int(np.argmax(np.abs(normal)))] > 0 else -normal
            middle = (heads[first] + heads[second]) / 2.0
            key = (*np.round(normal, 2).tolist(), round(float(normal @ middle) / size, 2))
            planes.setdefault(key, (normal, middle))
    return list(planes.values())


def _score(heads: FloatArray, normal: Vector, origin: Vector, size: float) -> float:
    lateral = (heads - origin) @ normal
    mirrored = heads - 2.0 * lateral[:, None] * normal
    distances = np.linalg.norm(mirrored[:, None] - heads[None], axis=2)
    closeness = np.clip(1.0 - distances.min(axis=1) / (_TOLERANCE * size), 0.0, None)
    apart = np.abs(lateral) > _CENTRAL * size
    return float(np.sum(closeness * np.where(apart, 1.0, 0.25)))


def _refined(heads: FloatArray, normal: Vector, origin: Vector, size: float) -> tuple[Vector, Vector]:
    """The plane that fits all pairs, from one that was drawn between two bones."""
    lateral = (heads - origin) @ normal
    mirrored = heads - 2.0 * lateral[:, None] * normal
    distances = np.linalg.norm(mirrored[:, None] - heads[None], axis=2)
    nearest = np.argmin(distances, axis=1)
    rows = np.flatnonzero((distances.min(axis=1) < _TOLERANCE * size) & (lateral > 2.0 * _CENTRAL * size))
    if len(rows) == 0:
        return normal, origin
    differences = heads[rows] - heads[nearest[rows]]
    middles = (heads[rows] + heads[nearest[rows]]) / 2.0
    fitted = unit(differences.sum(axis=0))
    return fitted, np.mean(middles, axis=0)


def _pair(
    rig: RigSnapshot, heads: FloatArray, lateral: FloatArray, normal: Vector, branch_sizes: IntArray, size: float
) -> IntArray:
    """Counterparts that choose each other; of bones in one place, those alike in branch, length and parent."""
    count = len(rig)
    mirrored = heads - 2.0 * lateral[:, None] * normal
    cost = np.linalg.norm(mirrored[:, None] - heads[None], axis=2) / size
    possible = (cost < _TOLERANCE) & (lateral[:, None] * lateral[None] < 0.0)
    depths = np.array([len(rig.ancestors(index)) for index in range(count)])
    cost = cost + 0.01 * np.abs(depths[:, None] - depths[None])
    cost = cost + 0.001 * np.minimum(np.abs(branch_sizes[:, None] - branch_sizes[None]), 10)
    cost = cost + 0.2 * np.abs(rig.lengths[:, None] - rig.lengths[None]) * rig.world_scale / size
    central = np.abs(lateral) <= _CENTRAL * size
    possible &= ~central[:, None] & ~central[None]
    partner = _mutual_best(np.where(possible, cost, np.inf), central)
    parents = np.array(rig.parents)
    parent_partner = np.where(parents >= 0, partner[parents], -2)
    astray = (parent_partner[:, None] != parents[None]) & (parents[:, None] >= 0)
    return _mutual_best(np.where(possible, cost + 0.05 * astray, np.inf), central)


def _mutual_best(cost: FloatArray, central: NDArray[np.bool_]) -> IntArray:
    best = np.argmin(cost, axis=1)
    rows = np.arange(len(cost))
    mutual = (best[best] == rows) & np.isfinite(cost[rows, best])
    partner: IntArray = np.where(central, rows, np.where(mutual, best, -1)).astype(np.intp)
    return partner
