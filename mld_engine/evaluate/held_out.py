# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips that training never saw, as what a pack is asked for and compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..data.embeddings import TextTable
from ..data.store import Clip, Dataset
from ..errors import RequestError
from ..representations.base import Representation

GRID: Final = 4
"""Lengths are multiples of it, so that many clips share one and are computed together."""


@dataclass(frozen=True)
class HeldOut:
    """Row i of everything belongs to clip i.

    features: (T, F) each, physical units, unmirrored; text (clips, text_dim) the embedding of one
    caption each; action rows of `actions`, -1 for none; meanings: one number for clips that say the
    same (one action and style).
    """

    clips: tuple[Clip, ...]
    features: tuple[Tensor, ...]
    text: Tensor
    action: tuple[int, ...]
    meanings: tuple[int, ...]

    @property
    def frames(self) -> list[int]:
        return [len(features) for features in self.features]


def held_out(
    dataset: Dataset,
    texts: TextTable,
    representation: Representation,
    actions: Sequence[str],
    *,
    shortest: int,
    longest: int,
    splits: Iterable[str] = ("val", "test"),
    at_most: int = 1000,
    seed: int = 0,
) -> HeldOut:
    """Up to `at_most` clips of `splits` that have a caption, drawn with `seed`, cut to the pack's lengths.

    `actions` are the labels of the evaluator. Raises RequestError (no_clips) where there is no such clip.
    """
    wanted = set(splits)
    able = [clip for clip in dataset.clips if clip.split in wanted and clip.frames >= shortest and clip.captions]
    if not able:
        raise RequestError(
            "no_clips", f"{dataset.folder} has no held-out clip with a caption.", "Prepare one with splits."
        )
    generator = np.random.default_rng(seed)
    clips = [able[int(index)] for index in generator.permutation(len(able))[:at_most]]
    rows, embeddings = texts.rows(), texts.embeddings
    said = [clip.captions[int(generator.integers(len(clip.captions)))] for clip in clips]
    labels, kinds = {label: row for row, label in enumerate(actions)}, sorted({_meaning(clip) for clip in clips})
    offsets = torch.tensor(dataset.offsets)
    return HeldOut(
        tuple(clips),
        tuple(_features(dataset, clip, representation, offsets, shortest, longest) for clip in clips),
        torch.tensor(np.stack([embeddings[rows[caption]] for caption in said])),
        tuple(labels.get(clip.action, -1) for clip in clips),
        tuple(kinds.index(_meaning(clip)) for clip in clips),
    )


def by_length(lengths: Iterable[int]) -> dict[int, list[int]]:
    """Length -> the rows that have it."""
    found: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        found.setdefault(length, []).append(row)
    return found


def _meaning(clip: Clip) -> tuple[str, str, str]:
    # A composed clip has no label: it means what nobody else means.
    return (clip.action, clip.style, "" if clip.action else clip.name)


def _features(
    dataset: Dataset, clip: Clip, representation: Representation, offsets: Tensor, shortest: int, longest: int
) -> Tensor:
    frames = max(shortest, min(clip.frames, longest) // GRID * GRID)
    chosen = slice(clip.start, clip.start + min(clip.frames, frames + 1))
    rotations, root = (torch.tensor(np.array(array[chosen])) for array in (dataset.rotations, dataset.root))
    return representation.from_motion(rotations, root, offsets)[:frames]
