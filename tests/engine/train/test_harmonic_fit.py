# SPDX-License-Identifier: GPL-3.0-or-later
"""The linear part of a VAE, fitted to data: against numpy's principal components, and in whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mld_engine.checkpoints.config import VaeConfig
from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.models.vae import MotionDecoder, MotionEncoder
from mld_engine.pipeline import MotionPipeline
from mld_engine.train.harmonic_fit import component_sizes, fit_harmonics
from mld_engine.train.latents import LatentBank
from mld_engine.train.motions import Motions
from mld_engine.train.options import DataOptions
from mld_engine.train.windows import WindowSampler

VAE = VaeConfig(
    tokens=2, latent_dim=6, width=16, layers=3, heads=2, feedforward=32, dropout=0.0, max_frames=48,
    positions="learned", norm="pre", features=203, harmonics=10,
)  # fmt: skip
SETTINGS = ("--preset", "tiny", "--device", "cpu", "--set", "vae.harmonics=12")


@pytest.fixture(scope="module")
def fitted(motions: Motions, data_options: DataOptions) -> tuple[MotionEncoder, MotionDecoder, WindowSampler]:
    torch.manual_seed(0)
    sampler = WindowSampler(motions, data_options)
    encoder, decoder = MotionEncoder(VAE).eval(), MotionDecoder(VAE).eval()
    assert encoder.harmonics is not None
    assert decoder.harmonics is not None
    fit_harmonics(encoder.harmonics, decoder.harmonics, sampler, _weights(), 0)
    return encoder, decoder, sampler


def _weights() -> torch.Tensor:
    weights = torch.ones(203)
    weights[:10] = 9.0
    return weights


def _windows(sampler: WindowSampler) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [sampler.draw(length, 128, generator).features for length in sampler.lengths]


def test_the_fit_is_as_good_as_principal_components(
    fitted: tuple[MotionEncoder, MotionDecoder, WindowSampler],
) -> None:
    encoder, decoder, sampler = fitted
    assert encoder.harmonics is not None
    with torch.no_grad():
        windows = _windows(sampler)
        amounts = torch.cat([encoder.harmonics.amounts(features) for features in windows]).numpy()
        made = torch.cat(
            [encoder.harmonics.amounts(decoder(encoder(features).mean, features.shape[1])) for features in windows]
        ).numpy()
    scale = np.tile(np.sqrt(_weights().numpy()), 10)
    centred = (amounts - amounts.mean(0)) * scale
    sizes = np.linalg.svd(centred, compute_uv=False)
    # The best that twelve components can do on these very windows; the fit saw others of the same clips.
    best = np.sum(sizes[12:] ** 2)
    assert np.sum(((made - amounts) * scale) ** 2) < 1.1 * best
    assert best < 0.2 * np.sum(sizes**2)


def test_components_deviate_by_one_and_fall_in_size(
    fitted: tuple[MotionEncoder, MotionDecoder, WindowSampler],
) -> None:
    encoder, decoder, sampler = fitted
    assert decoder.harmonics is not None
    with torch.no_grad():
        latents = torch.cat([encoder(features).mean for features in _windows(sampler)]).flatten(1)
    assert latents.std(0).sub(1).abs().max() < 0.25
    sizes = component_sizes(decoder.harmonics, _weights()).flatten()
    assert (sizes[:-1] >= sizes[1:]).all()
    assert sizes[-1] > 0


def test_what_the_data_does_not_have_stays_zero(motions: Motions, data_options: DataOptions) -> None:
    """More components than there are windows to tell them apart: no division by nothing."""
    wide = VaeConfig(
        tokens=4, latent_dim=512, width=16, layers=3, heads=2, feedforward=32, dropout=0.0, max_frames=48,
        positions="learned", norm="pre", features=203, harmonics=10,
    )  # fmt: skip
    encoder, decoder = MotionEncoder(wide).eval(), MotionDecoder(wide).eval()
    assert encoder.harmonics is not None
    assert decoder.harmonics is not None
    fit_harmonics(encoder.harmonics, decoder.harmonics, WindowSampler(motions, data_options), torch.ones(203), 0)
    for network in (encoder, decoder):
        assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())
    assert (encoder.harmonics.to_latent.weight[-1] == 0).all()


def test_components_without_any_motion_stay_finite(
    fitted: tuple[MotionEncoder, MotionDecoder, WindowSampler],
) -> None:
    encoder, _, sampler = fitted
    bank = LatentBank(encoder, sampler, torch.device("cpu"), size=64, frames=768, seed=0)
    bank.fill(0)
    sizes = torch.linspace(1.0, 0.0, 12).reshape(2, 6)
    statistics = bank.fit_statistics(sizes)
    assert torch.isfinite(statistics.std).all()
    assert (statistics.std > 0).all()
    assert torch.isfinite(bank.draw(32).values).all()


def test_a_run_keeps_the_linear_part_and_trains_the_rest(dataset_folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    data = ["--data", str(dataset_folder)]
    assert main(["train", "vae", *data, "--out", str(first), *SETTINGS, "--set", "train_vae.steps=1"]) == 0
    assert main(["train", *data, "--out", str(second), *SETTINGS]) == 0
    one, sixty = (load_file(run / "vae" / "final.safetensors") for run in (first, second))
    for name, tensor in one.items():
        if "harmonics" in name:
            assert torch.equal(tensor, sixty[name]), name
    assert sixty["decoder.head.weight"].abs().max() > 10 * one["decoder.head.weight"].abs().max()
    pack = Pack.open(second / "pack")
    assert pack.config.vae is not None
    assert pack.config.vae.harmonics == 12
    motion = MotionPipeline.from_pack(pack, "cpu")(action="walk", seconds=1.5, seed=3, steps=5)[0]
    assert np.isfinite(motion.rotations).all()
    assert 0.5 < motion.root[:, 1].mean() < 1.3


def test_latents_keep_their_proportions_for_the_denoiser(dataset_folder: Path, tmp_path: Path) -> None:
    """`spectrum` 0 brings all to one deviation, 1 to that of what they move: the ratio is in the statistics."""
    data = ["--data", str(dataset_folder)]
    deviations = []
    for spectrum in ("0.0", "1.0"):
        out = tmp_path / spectrum
        more = ["--set", f"train_denoiser.spectrum={spectrum}", "--set", "train_denoiser.steps=2"]
        assert main(["train", *data, "--out", str(out), *SETTINGS, *more]) == 0
        tensors = {**load_file(out / "vae/final.safetensors"), **load_file(out / "denoiser/final.safetensors")}
        deviations.append(tensors["statistics.latent_std"])
    table = tensors["decoder.harmonics.from_latent.weight"].unflatten(0, (12, 203))
    kept = deviations[0] / deviations[1]
    assert kept.square().mean().sqrt() == pytest.approx(0.6, rel=1e-4)
    assert table.shape[-1] == kept.numel()
    # Components come in the order of their sizes.
    flat = kept.flatten()
    assert (flat[:-1] >= flat[1:] * 0.999).all()
    assert flat[0] > 3 * flat[-1]
