# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips that training never saw, as what a pack is asked for and compared with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
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
    caption each, zeros where none is read; action rows of `actions`, -1 for none; meanings: one number
    for clips that say the same (one action and style); captions: the one that was drawn. `judged`
    holds the clips in the features of an evaluator that has its own, (T', F') each; `left_out` counts
    clips of the splits that the evaluator cannot judge.
    """

    clips: tuple[Clip, ...]
    features: tuple[Tensor, ...]
    text: Tensor
    action: tuple[int, ...]
    meanings: tuple[int, ...]
    captions: tuple[str, ...] = ()
    judged: tuple[Tensor, ...] | None = None
    left_out: int = 0

    @property
    def frames(self) -> list[int]:
        return [len(features) for features in self.features]


@dataclass(frozen=True)
class Wanted:
    """The clips that an evaluator can judge, and how it sees them.

    description      such clips in words, for errors: "with a caption"
    captions         the captions that it can read; None: every one, or none at all without `captioned`
    captioned        only clips with such a caption
    labels           only clips with one of these labels; None: any
    has              whether it has a clip in its own features
    judged           clip, frames of the data set -> the clip in its own features (T', F')
    shares_features  these are the pack's features, too, and stand for them
    shortest, longest  seconds
    """

    description: str
    captions: Collection[str] | None = None
    captioned: bool = True
    labels: Collection[str] | None = None
    has: Callable[[Clip], bool] = lambda clip: True
    judged: Callable[[Clip, int], Tensor] | None = None
    shares_features: bool = False
    shortest: float = 0.0
    longest: float = float("inf")

    def said(self, clip: Clip) -> tuple[str, ...]:
        """The captions of a clip that can be read."""
        return tuple(text for text in clip.captions if self.captions is None or text in self.captions)

    def admits(self, clip: Clip) -> bool:
        labelled = self.labels is None or clip.action in self.labels
        return labelled and (not self.captioned or bool(self.said(clip))) and self.has(clip)


ANY_CAPTIONED: Final = Wanted("with a caption")


def held_out(
    dataset: Dataset,
    texts: TextTable | None,
    representation: Representation,
    actions: Sequence[str],
    *,
    shortest: int,
    longest: int,
    splits: Iterable[str] = ("val", "test"),
    at_most: int = 1000,
    seed: int = 0,
    wanted: Wanted = ANY_CAPTIONED,
    text_dim: int = 0,
) -> HeldOut:
    """Up to `at_most` clips of `splits` that are `wanted`, drawn with `seed`, cut to the pack's lengths.

    `actions` are the labels of the evaluator. Without `texts`, the texts are zeros of `text_dim`.
    Raises RequestError (no_clips) where there is no such clip.
    """
    shortest = max(shortest, round(wanted.shortest * dataset.fps))
    longest = min(longest, round(min(wanted.longest * dataset.fps, longest)))
    chosen = set(splits)
    there = [clip for clip in dataset.clips if clip.split in chosen]
    able = [clip for clip in there if shortest <= min(clip.frames, longest) and wanted.admits(clip)]
    if not able:
        raise RequestError(
            "no_clips",
            f"{dataset.folder} has no held-out clip {wanted.description} of {shortest} frames or more (the pack makes "
            f"{longest} at most).",
            "Prepare one with splits.",
        )
    generator = np.random.default_rng(seed)
    clips = [able[int(index)] for index in generator.permutation(len(able))[:at_most]]
    said = [_drawn(wanted.said(clip), generator) if wanted.captioned else "" for clip in clips]
    labels, kinds = {label: row for row, label in enumerate(actions)}, sorted({_meaning(clip) for clip in clips})
    judged, features = _seen(dataset, clips, representation, shortest, longest, wanted)
    return HeldOut(
        tuple(clips),
        features,
        torch.zeros(len(clips), text_dim) if texts is None else _embedded(texts, said),
        tuple(labels.get(clip.action, -1) for clip in clips),
        tuple(kinds.index(_meaning(clip)) for clip in clips),
        tuple(said),
        judged,
        len(there) - len(able),
    )


def by_length(lengths: Iterable[int]) -> dict[int, list[int]]:
    """Length -> the rows that have it."""
    found: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        found.setdefault(length, []).append(row)
    return found


def _drawn(texts: Sequence[str], generator: np.random.Generator) -> str:
    return texts[int(generator.integers(len(texts)))]


def _embedded(texts: TextTable, said: Sequence[str]) -> Tensor:
    rows = texts.rows()
    return torch.tensor(np.stack([texts.embeddings[rows[caption]] for caption in said]))


def _meaning(clip: Clip) -> tuple[str, str, str]:
    # A composed clip has no label: it means what nobody else means.
    return (clip.action, clip.style, "" if clip.action else clip.name)


def _seen(
    dataset: Dataset,
    clips: Sequence[Clip],
    representation: Representation,
    shortest: int,
    longest: int,
    wanted: Wanted,
) -> tuple[tuple[Tensor, ...] | None, tuple[Tensor, ...]]:
    """The clips in the evaluator's own features, if it has any, and in the pack's."""
    offsets = torch.tensor(dataset.offsets)
    frames = [max(shortest, min(clip.frames, longest) // GRID * GRID) for clip in clips]
    judged = None
    if wanted.judged is not None:
        judged = tuple(wanted.judged(clip, count) for clip, count in zip(clips, frames, strict=True))
        if wanted.shares_features:
            return judged, judged
    return judged, tuple(
        _features(dataset, clip, representation, offsets, count) for clip, count in zip(clips, frames, strict=True)
    )


def _features(dataset: Dataset, clip: Clip, representation: Representation, offsets: Tensor, frames: int) -> Tensor:
    rotations, root = motion_of(dataset, clip, min(clip.frames, frames + 1))
    return representation.from_motion(rotations, root, offsets)[:frames]


def motion_of(dataset: Dataset, clip: Clip, frames: int) -> tuple[Tensor, Tensor]:
    """The first `frames` of a clip: rotations (T, 22, 4) local wxyz and root (T, 3) metres."""
    chosen = slice(clip.start, clip.start + frames)
    rotations, root = (torch.tensor(np.array(array[chosen])) for array in (dataset.rotations, dataset.root))
    return rotations, root
