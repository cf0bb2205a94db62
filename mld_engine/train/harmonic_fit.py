# SPDX-License-Identifier: GPL-3.0-or-later
"""The linear part of a VAE fitted to data, in closed form: principal components of the amounts of its cosines."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..models.harmonics import HarmonicAnalysis, HarmonicSynthesis
from .windows import WindowSampler

_WINDOWS: Final = 6144
_AT_ONCE: Final = 64
_SPARE: Final = 20
"""Components that are found beside those that are kept: the randomised method needs some."""
_LEAST: Final = 1e-4
"""Components below this share of the largest hold nothing but rounding."""


@torch.no_grad()
def fit_harmonics(
    analysis: HarmonicAnalysis, synthesis: HarmonicSynthesis, sampler: WindowSampler, weights: Tensor, seed: int
) -> None:
    """Give both halves the linear maps with the least squared error, features weighted by `weights` (F,).

    The components of the latent have deviation 1 and fall in importance.
    """
    amounts = _amounts(analysis, sampler, seed)
    count = analysis.to_latent.out_features
    weight = weights.clamp_min(1e-8).sqrt().repeat(amounts.shape[1] // len(weights))
    middle = amounts.mean(0)
    centred = (amounts - middle) * weight
    torch.manual_seed(seed)
    _, sizes, axes = torch.svd_lowrank(centred, q=min(count + _SPARE, *centred.shape), niter=4)
    kept = sizes[:count] > _LEAST * sizes[0]
    axes, deviations = axes[:, :count][:, kept], sizes[:count][kept] / len(amounts) ** 0.5
    to_latent, from_latent = analysis.to_latent, synthesis.from_latent
    for parameter in (to_latent.weight, to_latent.bias, from_latent.weight):
        parameter.zero_()
    found = len(deviations)
    to_latent.weight[:found] = (axes / deviations).T * weight
    to_latent.bias.copy_(-to_latent.weight @ middle)
    from_latent.weight[:, :found] = axes * deviations / weight[:, None]
    from_latent.bias.copy_(middle)


def component_sizes(synthesis: HarmonicSynthesis, weights: Tensor) -> Tensor:
    """How much of the motion each component of the latent is, (tokens, latent_dim).

    That is the change of the features, weighted by `weights` (F,), that one unit of it makes.
    """
    changes = synthesis.from_latent.weight.detach()
    table = changes.reshape(-1, len(weights), changes.shape[1])
    return (table.square() * weights.to(table)[:, None]).sum((0, 1)).sqrt().reshape(synthesis.shape)


def _amounts(analysis: HarmonicAnalysis, sampler: WindowSampler, seed: int) -> Tensor:
    """(windows, harmonics * F) of windows as the training draws them."""
    random = np.random.default_rng(seed)
    probabilities = sampler.length_probabilities(_AT_ONCE * max(sampler.lengths), _AT_ONCE)
    lengths = random.choice(sampler.lengths, size=_WINDOWS // _AT_ONCE, p=probabilities)
    drawn = (sampler.draw(int(length), _AT_ONCE).features for length in lengths)
    return torch.cat([analysis.amounts(features) for features in drawn])
