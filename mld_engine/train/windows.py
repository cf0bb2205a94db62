# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws batches of windows of one length, with time-scaling and mirroring, without leaving the device.

All windows of a batch have the same length, so no loss needs a mask and no frame is wasted on padding.
Everything in `draw` is a device operation of fixed shape, so that a CUDA graph can hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import RequestError
from .motions import Motions
from .options import DataOptions

_LEAST_SHARE = 0.8
"""A clip below `whole` frames keeps this share of itself in a window, or more."""


@dataclass(frozen=True)
class Windows:
    """features (B, length, F) normalised; clips (B,) clip numbers; sides (B,) 1 where mirrored."""

    features: Tensor
    clips: Tensor
    sides: Tensor


class WindowSampler:
    """Windows of the training split."""

    def __init__(self, motions: Motions, options: DataOptions) -> None:
        """Raises RequestError (bad_config) for a time scale that the representation does not allow."""
        self._motions, self._options = motions, options
        self.lengths = options.lengths
        if options.time_scale > 0 and motions.groups.rates is None:
            raise RequestError(
                "bad_config", f"{options.representation} cannot be time-scaled.", "Set data.time_scale=0."
            )
        table = clip_weights(motions, options)
        self._mass = table.sum(1)
        cumulative = (table.cumsum(1) / self._mass[:, None].clamp_min(1e-12)).float()
        # Exactly 1 from the last clip with a weight on, so that rounding can never reach one without.
        cumulative = torch.where(cumulative >= cumulative[:, -1:], torch.ones_like(cumulative), cumulative)
        self._cumulative = cumulative.to(motions.device)

    def batch_size(self, length: int, frames: int, batch: int) -> int:
        """Windows of `length` that fit into `frames` frames, `batch` at most, 1 at least."""
        return max(1, min(batch, frames // length))

    def length_probabilities(self, frames: int, batch: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """How often each length is drawn: each clip has its weight, though long windows come in small batches."""
        sizes = np.array([self.batch_size(length, frames, batch) for length in self.lengths])
        weights = self._mass.numpy() / sizes
        return np.asarray(weights / weights.sum())

    def draw(self, length: int, count: int, generator: torch.Generator | None = None) -> Windows:
        """`count` windows of one of the `lengths`; `generator` is one of the device."""
        motions = self._motions
        cumulative = self._cumulative[self.lengths.index(length)]
        clips = torch.searchsorted(cumulative, self._uniform(count, generator), right=True)
        sides = torch.randint(0, motions.sides, (count,), device=motions.device, generator=generator)
        speeds = self._speeds(clips, length, generator)
        offsets = self._offsets(clips, speeds, length, generator)
        features = read_window(motions, clips, sides, offsets, speeds, length, scaled=self._options.time_scale > 0)
        return Windows(features, clips, sides)

    def _uniform(self, count: int, generator: torch.Generator | None) -> Tensor:
        return torch.rand(count, device=self._motions.device, generator=generator)

    def _speeds(self, clips: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
        """Frames of the clip that a frame of the window advances, (B,); the window stays inside of the clip."""
        one = torch.ones(clips.shape, device=clips.device)
        if self._options.time_scale == 0:
            return one
        slow, fast = self._options.speeds
        drawn = slow + (fast - slow) * self._uniform(len(clips), generator)
        speeds = torch.where(self._uniform(len(clips), generator) < self._options.time_scale, drawn, one)
        frames = self._motions.frames[clips]
        most = (frames - 1) / (length - 1)
        speeds = torch.minimum(speeds, most)
        return torch.where(frames < self._options.whole, torch.maximum(speeds, _LEAST_SHARE * most), speeds)

    def _offsets(self, clips: Tensor, speeds: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
        """Where in its clip a window starts, (B,) frames; whole frames at normal speed, which then is not blurred."""
        room = (self._motions.frames[clips] - 1 - speeds * (length - 1)).clamp_min(0)
        offsets = self._uniform(len(clips), generator) * (room + (speeds == 1))
        return torch.where(speeds == 1, torch.minimum(offsets.floor(), room), torch.minimum(offsets, room))


def read_window(
    motions: Motions, clips: Tensor, sides: Tensor, offsets: Tensor, speeds: Tensor, length: int, *, scaled: bool
) -> Tensor:
    """Windows (B, length, F) of clips from `offsets` on at `speeds`, linear between frames.

    With `scaled`, features that are changes a frame grow with the speed: the path stays the same.
    """
    frames = torch.arange(length, device=clips.device)
    base, last = motions.start[clips][:, None], motions.frames[clips][:, None] - 1
    if not scaled:
        return motions.features[sides[:, None], base + torch.minimum(offsets.long()[:, None] + frames, last)]
    position = offsets[:, None] + speeds[:, None] * frames
    before = torch.minimum(position.floor().long(), last)
    after = torch.minimum(before + 1, last)
    share = (position - before).clamp(0, 1)[..., None]
    first = motions.features[sides[:, None], base + before]
    features = torch.lerp(first, motions.features[sides[:, None], base + after], share)
    rates = motions.groups.rates
    assert rates is not None, "a window without known rates cannot be time-scaled"
    mean, std = motions.statistics.mean[rates], motions.statistics.std[rates]
    rate = ((features[..., rates] * std + mean) * speeds[:, None, None] - mean) / std
    return torch.cat([features[..., : rates.start], rate, features[..., rates.stop :]], -1)


def clip_weights(motions: Motions, options: DataOptions) -> Tensor:
    """(lengths, clips) double, on the CPU: how much each clip counts for windows of each length.

    A clip's weight is (training clips of its action) ^ -balance, more for longer clips up to twice, and is
    shared evenly by the lengths that suit it. Clips of other splits have none.
    """
    frames = motions.frames.cpu().double()
    lengths = torch.tensor(options.lengths).double()[:, None]
    least = torch.where(frames < options.whole, _LEAST_SHARE * frames, torch.full_like(frames, options.crop))
    suits = ((lengths >= least - 1e-6) & (lengths <= frames)).double()
    longest = ((lengths <= frames).sum(0) - 1).clamp_min(0)
    none = suits.sum(0) == 0
    suits[longest[none], none.nonzero().squeeze(1)] = 1
    suits /= suits.sum(0)
    train = torch.zeros(len(frames), dtype=torch.float64)
    train[motions.splits["train"]] = 1
    group = motions.action[0].cpu() + 1  # clips without an action are a group, too
    often = torch.bincount(group[train.bool()], minlength=int(group.max()) + 1).clamp_min(1).double()
    weight = often[group] ** -options.balance * (frames / options.crop).clamp(1, 4).sqrt()
    return suits * weight * train
