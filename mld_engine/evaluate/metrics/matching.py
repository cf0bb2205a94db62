# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a motion is the one that its words ask for: R-precision, MM-Dist, action accuracy (Guo et al., 2022)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

GROUP: Final = 32


class Retrieval(NamedTuple):
    """`top[k - 1]` is the share of texts whose own motion is among the k nearest of its group."""

    top: tuple[float, float, float]
    distance: float
    """MM-Dist: mean distance of a text and its own motion."""


def retrieval(
    text: NDArray[np.floating],
    motion: NDArray[np.floating],
    *,
    seed: int = 0,
    meanings: NDArray[np.integer] | None = None,
    group: int = GROUP,
) -> Retrieval:
    """Rank the motions of a group of `group` by Euclidean distance to each text of it.

    text and motion (N, D), row i of one belonging to row i of the other. They are shuffled and cut
    into groups, and the remainder is dropped, as published. `meanings` (N,) of integers marks rows
    that say the same: then no group holds two rows of one meaning, because a paraphrase of a text
    is no wrong answer, and as many groups are drawn as the rows would fill. Raises ValueError where
    not one group can be filled.
    """
    generator = np.random.default_rng(seed)
    groups = _groups(len(text), group, generator) if meanings is None else _distinct(meanings, group, generator)
    if not groups:
        raise ValueError(f"{len(text)} pairs do not fill one group of {group}")
    top, distances = np.zeros(3), []
    for rows in groups:
        table = np.linalg.norm(text[rows][:, None] - motion[rows][None], axis=-1)
        own = np.diagonal(table)
        nearer = (table < own[:, None]).sum(1)
        top += [float((nearer <= k).mean()) for k in range(3)]
        distances.append(float(own.mean()))
    first, second, third = (float(value) for value in top / len(groups))
    return Retrieval((first, second, third), float(np.mean(distances)))


def accuracy(predicted: NDArray[np.integer], wanted: NDArray[np.integer]) -> float:
    """Share of the motions that a classifier takes for what was asked."""
    return float((predicted == wanted).mean())


def _groups(count: int, group: int, generator: np.random.Generator) -> list[NDArray[np.integer]]:
    order = generator.permutation(count)
    return [order[start : start + group] for start in range(0, count - group + 1, group)]


def _distinct(meanings: NDArray[np.integer], group: int, generator: np.random.Generator) -> list[NDArray[np.integer]]:
    kinds = np.unique(meanings)
    if len(kinds) < group:
        return []
    rows = {int(kind): np.flatnonzero(meanings == kind) for kind in kinds}
    drawn = [generator.choice(kinds, group, replace=False) for _ in range(max(1, len(meanings) // group))]
    return [np.array([generator.choice(rows[int(kind)]) for kind in chosen]) for chosen in drawn]
