# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished pack trained further: what stays stays bit for bit, what learns starts from what it knew."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch.nn.functional import smooth_l1_loss

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.models.loading import build
from mld_engine.models.vae import MotionDecoder, MotionEncoder
from mld_engine.train.config import read_values
from mld_engine.train.motions import Motions
from mld_engine.train.options import DataOptions
from mld_engine.train.windows import WindowSampler

_KEEP_ENCODER = ("--set", "train_vae.encoder=false")


def _train(stage: str, data: Path, out: Path, *more: str) -> int:
    settings = ["--preset", "tiny", "--set", "performance.log=0", "--device", "cpu"]
    return main(["train", stage, "--data", str(data), "--out", str(out), *settings, *more])


def _losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open(encoding="utf-8") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def _differing(one: Pack, other: Pack) -> set[str]:
    names = ("encoder", "decoder", "denoiser", "statistics")
    pairs = {name: (one.tensors(name), other.tensors(name)) for name in names}
    return {name for name, (a, b) in pairs.items() if any(not torch.equal(a[key], b[key]) for key in b)}


def test_a_decoder_alone_learns_and_the_pack_stays_whole(tiny_pack: Pack, dataset_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    start = ("--start", str(tiny_pack.directory), "--steps", "40")
    assert _train("vae", dataset_folder, out, *start, *_KEEP_ENCODER, "--set", "pack.name=crisp") == 0
    pack = Pack.open(out / "pack")
    assert _differing(pack, tiny_pack) == {"decoder"}
    losses = _losses(out / "vae")
    assert sum(losses[-10:]) < sum(losses[:10])
    assert (pack.name, pack.actions, pack.config.schedule) == ("crisp", tiny_pack.actions, tiny_pack.config.schedule)
    assert f"The training started from the pack {tiny_pack.name}" in (pack.directory / "MODEL_CARD.md").read_text(
        "utf-8"
    )
    assert f"Licence of {tiny_pack.name}" in (pack.directory / "LICENSE.txt").read_text("utf-8")


def test_a_denoiser_goes_on_from_what_it_knows(tiny_pack: Pack, dataset_folder: Path, tmp_path: Path) -> None:
    again, new = tmp_path / "again", tmp_path / "new"
    assert _train("denoiser", dataset_folder, again, "--start", str(tiny_pack.directory), "--steps", "20") == 0
    continued = Pack.open(again / "pack")
    assert _differing(continued, tiny_pack) == {"denoiser"}
    assert continued.config.action_styles == tiny_pack.config.action_styles != ()
    assert _train("all", dataset_folder, new, "--steps", "20") == 0
    assert sum(_losses(again / "denoiser")) < 0.9 * sum(_losses(new / "denoiser"))


def test_both_stages_start_from_the_pack_and_resume(tiny_pack: Pack, dataset_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert _train("vae", dataset_folder, out, "--start", str(tiny_pack.directory), "--steps", "10") == 0
    assert not (out / "pack").exists(), "the old denoiser does not fit new latents"
    assert read_values(out / "config.toml")["pack"]["start"] == str(tiny_pack.directory)
    assert _train("all", dataset_folder, out, "--resume") == 0
    assert _differing(Pack.open(out / "pack"), tiny_pack) == {"encoder", "decoder", "denoiser"}


def test_polishing_is_without_dropout_and_asks_for_energy(dataset_folder: Path, tmp_path: Path) -> None:
    """Jerk that dropout makes is not the decoder's own, so nothing may be learned from it."""

    def trained(name: str, dropout: float, polish: float) -> list[dict[str, str]]:
        settings = (f"vae.dropout={dropout}", f"train_vae.polish={polish}", "losses.energy=0.3")
        changes = (part for setting in settings for part in ("--set", setting))
        assert _train("vae", dataset_folder, tmp_path / name, "--steps", "3", *changes) == 0
        with (tmp_path / name / "vae" / "log.csv").open(encoding="utf-8") as file:
            return [{key: row[key] for key in ("loss", "joints", "energy")} for row in csv.DictReader(file)]

    polished = trained("polished", 0.5, 1.0)
    assert polished == trained("without", 0.0, 1.0)
    assert all(float(row["energy"]) > 0 for row in polished)
    assert all(float(row["energy"]) == 0 for row in trained("not polished", 0.5, 0.0))


def test_a_decoder_that_saw_noise_makes_more_of_noisy_latents(
    motions: Motions, data_options: DataOptions, dataset_folder: Path, tmp_path: Path
) -> None:
    assert _train("all", dataset_folder, tmp_path / "base", "--steps", "5", "--set", "vae.harmonics=12") == 0
    base = Pack.open(tmp_path / "base" / "pack")
    config, decoders = base.config.vae, []
    assert config is not None
    start = ("--start", str(base.directory), "--steps", "200", *_KEEP_ENCODER, "--set", "train_vae.polish=1")
    for noise in ("0.0", "2.0"):
        out = tmp_path / noise
        assert _train("vae", dataset_folder, out, *start, "--set", f"train_vae.latent_noise={noise}") == 0
        decoder = build(lambda: MotionDecoder(config), Pack.open(out / "pack").tensors("decoder"), "decoder")
        decoders.append(decoder.eval())
    encoder = build(lambda: MotionEncoder(config), base.tensors("encoder"), "encoder").eval()
    torch.manual_seed(0)
    features = WindowSampler(motions, data_options).draw(48, 64).features
    with torch.no_grad():
        latents = encoder(features).mean
        noisy = latents + base.tensors("statistics")["latent_std"] * torch.randn_like(latents)
        (clean, rough), (_, sound) = [
            [smooth_l1_loss(decoder(z, 48), features).item() for z in (latents, noisy)] for decoder in decoders
        ]
    assert rough > 1.5 * clean
    assert sound < 0.9 * rough


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (_KEEP_ENCODER, "no pack.start gives an encoder to keep"),
        (("--start", "no such pack"), "no such pack"),
    ],
)
def test_what_cannot_start_is_told(
    more: tuple[str, ...], told: str, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _train("vae", dataset_folder, tmp_path / "run", *more) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run" / "vae").exists()
