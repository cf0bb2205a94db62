# SPDX-License-Identifier: GPL-3.0-or-later
"""The linear part of a VAE: cosines over a clip, alone and beside the transformers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import dct
from torch import Tensor

from mld_engine.checkpoints.config import VaeConfig
from mld_engine.models.harmonics import HarmonicAnalysis, HarmonicSynthesis, cosines
from mld_engine.models.vae import MotionDecoder, MotionEncoder

VAE = VaeConfig(
    tokens=2, latent_dim=6, width=16, layers=3, heads=2, feedforward=32, dropout=0.0, max_frames=40,
    positions="learned", norm="pre", features=9, harmonics=8,
)  # fmt: skip


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_amounts_are_the_discrete_cosine_transform() -> None:
    analysis, features = HarmonicAnalysis(VAE), draw(1, 3, 20, 9)
    amounts = analysis.amounts(features).unflatten(-1, (8, 9)).numpy()
    expected = dct(features.numpy(), axis=1, norm="ortho")[:, :8] / np.sqrt(20)
    np.testing.assert_allclose(amounts, expected, atol=1e-6)


@pytest.mark.parametrize("frames", [5, 8, 20])
def test_cosines_are_orthogonal_and_no_more_than_frames(frames: int) -> None:
    waves = cosines(8, frames, torch.tensor([frames]))[0]
    products = waves @ waves.T / frames
    expected = torch.diag((torch.arange(8) < frames).float())
    torch.testing.assert_close(products, expected, atol=1e-5, rtol=0)


def test_a_short_clip_comes_back_from_its_amounts() -> None:
    analysis, synthesis = HarmonicAnalysis(VAE), HarmonicSynthesis(VAE)
    features = draw(2, 1, 7, 9)
    amounts = analysis.amounts(features)
    with torch.no_grad():
        # One latent component that stands for these very amounts.
        synthesis.from_latent.weight.zero_()
        synthesis.from_latent.weight[:, 3] = amounts[0]
        synthesis.from_latent.bias.zero_()
        latents = torch.zeros(1, 2, 6)
        latents[0, 0, 3] = 1.0
        torch.testing.assert_close(synthesis(latents, 7), features, atol=1e-5, rtol=1e-5)


def test_frames_beyond_a_length_change_nothing() -> None:
    torch.manual_seed(0)
    encoder, decoder = MotionEncoder(VAE).eval(), MotionDecoder(VAE).eval()
    torch.nn.init.normal_(decoder.head.weight)  # which is zero at first, and would hide what the transformer does
    features, lengths, latents = draw(3, 2, 20, 9), torch.tensor([20, 13]), draw(4, 2, 2, 6)
    together = encoder(features, lengths)
    torch.testing.assert_close(together.mean[1:], encoder(features[1:, :13]).mean, atol=1e-5, rtol=1e-4)
    decoded = decoder(latents, 20, lengths)
    torch.testing.assert_close(decoded[1:, :13], decoder(latents[1:], 13), atol=1e-4, rtol=1e-4)
    assert (decoded[1, 13:] == 0).all()


def test_untrained_transformers_add_nothing_to_the_linear_part() -> None:
    torch.manual_seed(0)
    encoder, decoder = MotionEncoder(VAE).eval(), MotionDecoder(VAE).eval()
    features, latents = draw(5, 2, 20, 9), draw(6, 2, 2, 6)
    assert encoder.harmonics is not None
    assert decoder.harmonics is not None
    assert torch.equal(encoder(features).mean, encoder.harmonics(features))
    assert torch.equal(decoder(latents, 20), decoder.harmonics(latents, 20))


def test_without_harmonics_there_are_no_further_tensors() -> None:
    plain = replace(VAE, harmonics=0)
    for network in (MotionEncoder, MotionDecoder):
        added = set(network(VAE).state_dict()) - set(network(plain).state_dict())
        assert added
        assert all("harmonics" in name or "see_sketch" in name for name in added)
        assert set(network(plain).state_dict()) <= set(network(VAE).state_dict())


def test_less_precision_is_for_the_transformers_only() -> None:
    torch.manual_seed(0)
    encoder, decoder = MotionEncoder(VAE).eval(), MotionDecoder(VAE).eval()
    features, latents = draw(7, 2, 20, 9), draw(8, 2, 2, 6)
    assert encoder.harmonics is not None
    assert decoder.harmonics is not None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (latents @ torch.ones(6, 6)).dtype is torch.bfloat16
        coarse = encoder.harmonics(features), decoder.harmonics(latents, 20)
    assert torch.equal(coarse[0], encoder.harmonics(features))
    assert torch.equal(coarse[1], decoder.harmonics(latents, 20))
