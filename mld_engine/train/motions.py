# SPDX-License-Identifier: GPL-3.0-or-later
"""A data set's motion as features on the training device, mirrored too, with captions and labels as index tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..data.embeddings import TextTable
from ..data.mirror import mirror_motion
from ..data.store import Clip, Dataset
from ..errors import RequestError
from ..representations.base import Representation, Statistics
from .feature_groups import FeatureGroups

_FRAMES_AT_ONCE: Final = 1 << 16
_SMALLEST_DEVIATION: Final = 1e-4


@dataclass(frozen=True)
class Captions:
    """Which rows of the embedding table describe a clip.

    rows (sides, clips, most) holds each clip's captions again and again; count (sides, clips) says
    how many there are, 0 for none. Side 1 is the mirrored motion.
    """

    rows: Tensor
    count: Tensor
    embeddings: Tensor

    def draw(self, clips: Tensor, sides: Tensor) -> Tensor:
        """A caption for each clip (B,) -> rows of the embedding table (B,), arbitrary where there is none."""
        pick = (torch.rand(clips.shape, device=clips.device) * self.count[sides, clips]).long()
        return self.rows[sides, clips, pick]


@dataclass(frozen=True)
class Motions:
    """Everything that training draws from, on one device.

    features (sides, N, F) normalised, side 1 mirrored (absent without mirroring); start, frames (clips,)
    where each clip lies in N; action (sides, clips) and style (clips,) rows of the label tables, -1 for
    none; splits: clip numbers by split.
    """

    features: Tensor
    statistics: Statistics
    start: Tensor
    frames: Tensor
    action: Tensor
    style: Tensor
    captions: Captions
    splits: dict[str, list[int]]
    groups: FeatureGroups
    offsets: Tensor

    @property
    def sides(self) -> int:
        """2 with mirrored motion, else 1."""
        return len(self.features)

    @property
    def device(self) -> torch.device:
        return self.features.device

    def clip(self, number: int, longest: int) -> Tensor:
        """The unmirrored features (T, F) of a clip, its first `longest` frames at most."""
        start = int(self.start[number])
        return self.features[0, start : start + min(int(self.frames[number]), longest)]


def load_motions(
    dataset: Dataset,
    texts: TextTable,
    representation: Representation,
    groups: FeatureGroups,
    device: torch.device,
    *,
    mirror: bool,
    shortest: int,
    statistics: Statistics | None = None,
) -> Motions:
    """Compute the features of all clips and fit their statistics to the training split, unless they are given.

    Clips of fewer frames than `shortest` are in no split. Raises RequestError (no_clips) where no
    training clip is left.
    """
    splits: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for number, clip in enumerate(dataset.clips):
        if clip.frames >= shortest:
            splits[clip.split].append(number)
    if not splits["train"]:
        raise RequestError("no_clips", f"{dataset.folder} has no training clip of {shortest} frames or more.")
    offsets = torch.tensor(dataset.offsets, device=device)
    sides = [
        _features(dataset, representation, offsets, device, mirrored) for mirrored in ([False, True][: 1 + mirror])
    ]
    features = torch.stack(sides)
    start, frames = (torch.tensor(values, device=device) for values in _places(dataset.clips))
    chosen = torch.zeros(features.shape[1], dtype=torch.bool, device=device)
    for number in splits["train"]:
        clip = dataset.clips[number]
        chosen[clip.start : clip.start + clip.frames] = True
    if statistics is None:
        statistics = fit_statistics((side[chosen] for side in features), groups)
    for side in features:
        side.sub_(statistics.mean).div_(statistics.std)
    labels = [[clip.action for clip in dataset.clips], [clip.action_mirrored for clip in dataset.clips]]
    return Motions(
        features,
        statistics,
        start,
        frames,
        torch.stack([_label_rows(side, dataset.actions, device) for side in labels[: 1 + mirror]]),
        _label_rows([clip.style for clip in dataset.clips], dataset.styles, device),
        _captions(dataset, texts, device, sides=1 + mirror),
        splits,
        groups,
        offsets,
    )


def fit_statistics(features: Iterable[Tensor], groups: FeatureGroups) -> Statistics:
    """Mean of each feature, and its deviation averaged over its group, of tensors (n, F), in double precision."""
    count, total, squares = 0, 0.0, 0.0
    sums: tuple[Tensor | float, Tensor | float] = (total, squares)
    for part in features:
        values = part.double()
        count += len(values)
        sums = (sums[0] + values.sum(0), sums[1] + values.square().sum(0))
    mean = torch.as_tensor(sums[0]) / count
    std = (torch.as_tensor(sums[1]) / count - mean.square()).clamp_min(0).sqrt()
    for group in groups.slices.values():
        std[group] = std[group].mean().clamp_min(_SMALLEST_DEVIATION)
    return Statistics(mean.float(), std.clamp_min(_SMALLEST_DEVIATION).float())


def _features(
    dataset: Dataset, representation: Representation, offsets: Tensor, device: torch.device, mirrored: bool
) -> Tensor:
    """(N, F). Clips of one length are computed together, so that no clip looks into its neighbour."""
    result = torch.empty(len(dataset.root), representation.features, device=device)
    by_length: dict[int, list[int]] = {}
    for clip in dataset.clips:
        by_length.setdefault(clip.frames, []).append(clip.start)
    for frames, starts in by_length.items():
        size = max(1, _FRAMES_AT_ONCE // frames)
        for begin in range(0, len(starts), size):
            places = np.asarray(starts[begin : begin + size])[:, None] + np.arange(frames)
            rotations = torch.from_numpy(dataset.rotations[places]).to(device)
            root = torch.from_numpy(dataset.root[places]).to(device)
            if mirrored:
                rotations, root = mirror_motion(rotations, root)
            result[torch.from_numpy(places).to(device)] = representation.from_motion(rotations, root, offsets)
    return result


def _places(clips: Iterable[Clip]) -> tuple[list[int], list[int]]:
    pairs = [(clip.start, clip.frames) for clip in clips]
    return [start for start, _ in pairs], [frames for _, frames in pairs]


def _label_rows(labels: Iterable[str], table: tuple[str, ...], device: torch.device) -> Tensor:
    rows = {label: row for row, label in enumerate(table)}
    return torch.tensor([rows.get(label, -1) for label in labels], device=device)


def _captions(dataset: Dataset, texts: TextTable, device: torch.device, *, sides: int) -> Captions:
    rows = texts.rows()
    select: list[Callable[[Clip], tuple[str, ...]]] = [lambda clip: clip.captions, lambda clip: clip.captions_mirrored]
    found = [[[rows[text] for text in of(clip)] for clip in dataset.clips] for of in select[:sides]]
    most = max((len(row) for side in found for row in side), default=0) or 1
    repeated = [[((row or [0]) * most)[:most] for row in side] for side in found]
    return Captions(
        torch.tensor(repeated, device=device),
        torch.tensor([[len(row) for row in side] for side in found], device=device),
        torch.tensor(texts.embeddings, device=device),
    )
