# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures on sets of embeddings (N, D): FID, Diversity, MultiModality (Guo et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

Embeddings = NDArray[np.floating]


def frechet_distance(first: Embeddings, second: Embeddings) -> float:
    """FID: distance of the two sets taken as normal distributions (Heusel et al., 2017, equation 6).

    Each set needs two embeddings or more. Raises ValueError for fewer, or other sizes.
    """
    if first.ndim != 2 or first.shape[1:] != second.shape[1:] or min(len(first), len(second)) < 2:
        raise ValueError(f"sets of {first.shape} and {second.shape}: two or more embeddings of one size are needed")
    mean = np.square(first.mean(0) - second.mean(0)).sum()
    one = np.atleast_2d(np.cov(first.astype(np.float64), rowvar=False))
    two = np.atleast_2d(np.cov(second.astype(np.float64), rowvar=False))
    # sqrt(C1 C2) has the trace of sqrt(sqrt(C1) C2 sqrt(C1)), which is symmetric: no complex dust.
    root = np.real(sqrtm(one))
    inner = np.linalg.eigvalsh(root @ two @ root.T)
    return float(mean + np.trace(one) + np.trace(two) - 2 * np.sqrt(np.clip(inner, 0, None)).sum())


def diversity(embeddings: Embeddings, pairs: int = 300, seed: int = 0) -> float:
    """Mean distance of `pairs` random pairs; fewer where there are not that many embeddings to draw from."""
    generator = np.random.default_rng(seed)
    pairs = min(pairs, len(embeddings) // 2)
    if pairs < 1:
        raise ValueError("the diversity of fewer than two embeddings is not defined")
    drawn = generator.permutation(len(embeddings))[: 2 * pairs]
    return float(np.linalg.norm(embeddings[drawn[:pairs]] - embeddings[drawn[pairs:]], axis=1).mean())


def multimodality(groups: Sequence[Embeddings], pairs: int = 10, seed: int = 0) -> float:
    """Mean distance of `pairs` random pairs of takes of one caption, over all captions' `groups` (K, D).

    The pairs are drawn once and shared by all groups, as published. Raises ValueError unless all
    groups are of one size, of two or more.
    """
    sizes = {len(group) for group in groups}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError("multimodality needs groups of one size, of two takes or more")
    count = sizes.pop()
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(count, 2, replace=False) for _ in range(pairs)]
    one, two = np.array(drawn).T
    return float(np.mean([np.linalg.norm(group[one] - group[two], axis=1).mean() for group in groups]))


def spread_in_groups(embeddings: Embeddings, groups: NDArray[np.integer], pairs: int = 20, seed: int = 0) -> float:
    """MultiModality of action models: mean distance of `pairs` random pairs of each group, over all groups.

    `groups` (N,) says to which one a row belongs. As published, a pair may be one motion with itself
    (Guo et al., 2020). Raises ValueError for no rows.
    """
    if not len(embeddings):
        raise ValueError("the spread of no embeddings is not defined")
    generator, means = np.random.default_rng(seed), []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        one, two = generator.choice(rows, (2, pairs))
        means.append(np.linalg.norm(embeddings[one] - embeddings[two], axis=1).mean())
    return float(np.mean(means))
