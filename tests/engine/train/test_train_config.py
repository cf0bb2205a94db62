# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, files and --set; what a wrong setting is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from mld_engine.checkpoints.pack import Pack
from mld_engine.data.store import Dataset
from mld_engine.errors import RequestError
from mld_engine.train.config import PRESETS, dump, load_values, parse, read_values
from mld_engine.train.model_config import model_config, text_encoder_config


def test_the_default_preset_makes_the_shipped_packs_networks(dataset_folder: Path) -> None:
    encoder = text_encoder_config("all-MiniLM-L6-v2")
    made = model_config(parse(load_values()), Dataset.open(dataset_folder), encoder)
    shipped = Pack.open("research").config
    assert made.vae == shipped.vae
    assert made.schedule == shipped.schedule
    assert made.representation == shipped.representation
    assert made.text_encoder == shipped.text_encoder
    assert (made.min_frames, made.max_frames) == (shipped.min_frames, shipped.max_frames)
    assert made.conditions == shipped.conditions
    assert made.licence == "as its training data: CC0"


def test_the_papers_preset_is_the_papers_recipe(dataset_folder: Path) -> None:
    options = parse(load_values("paper"))
    config = model_config(options, Dataset.open(dataset_folder), text_encoder_config("all-MiniLM-L6-v2"))
    assert config.vae is not None
    assert (config.vae.tokens, config.vae.latent_dim, config.vae.norm) == (1, 256, "post")
    assert (options.train_vae.batch, options.train_denoiser.batch) == (128, 64)
    assert options.train_vae.learning_rate == options.train_denoiser.learning_rate == 1e-4
    assert options.losses.kl == 1e-4
    assert options.train_denoiser.drop == 0.1
    assert config.schedule.prediction == "eps"
    assert config.schedule.train_steps == 1000
    assert config.conditions == ("text", "unconditional")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_stored_configuration_is_read_back(preset: str, tmp_path: Path) -> None:
    values = load_values(preset, changes=['pack.licence=CC "0"', "vae.tokens=8"])
    (tmp_path / "config.toml").write_text(dump(values), encoding="utf-8")
    assert read_values(tmp_path / "config.toml") == values
    assert parse(values).pack.licence == 'CC "0"'


def test_later_settings_win(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 3\n[vae]\ntokens = 8\nlatent_dim = 64\n", encoding="utf-8")
    values = load_values(
        "tiny", file, ["vae.tokens=10", "vae.architecture=all_encoder", "train_vae.learning_rate=1e-3"]
    )
    options = parse(values)
    assert options.seed == 3
    assert (options.vae["tokens"], options.vae["latent_dim"], options.vae["width"]) == (10, 64, 32)
    assert options.vae["architecture"] == "all_encoder"
    assert options.train_vae.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train_vae.stepz=5", "train_vae.stepz"),
        ("colour=red", "colour"),
        ("train_vae.steps=many", "train_vae.steps is 'many'"),
        ("train_vae.steps=0", "train_vae.steps"),
        ("losses.kl=-1", "losses.kl"),
        ("minutes=nan", "minutes is nan"),
        ("data.lengths=[48, 24]", "data.lengths"),
        ("train_vae.precision=fp8", "bf16, tf32, fp32"),
        ("vae=4", "a section"),
        ("train_denoiser.drop=0.9", "more than all rows"),
        ("tokens", "section.key=value"),
        ("seed=99999999999999999999", "seed is 99999999999999999999, more than 2147483647"),
        ("train_denoiser.bank=1", "train_denoiser.bank must be 2"),
        ("teach.bank_steps=0", "teach.bank_steps above 0"),
        ("data.balance=1e30", "data.balance is 1e"),
        ("train_vae.share=0", "train_vae.share"),
    ],
)
def test_a_wrong_setting_is_named(change: str, words: str) -> None:
    with pytest.raises(RequestError, match=words.replace(".", r"\.")) as caught:
        load_values("default", None, [change])
    assert caught.value.code == "bad_config"


@pytest.mark.parametrize(
    ("change", "words"),
    [("vae.layers=4", "odd number"), ("vae.depth=9", "depth"), ("schedule.prediction=w", "prediction")],
)
def test_a_wrong_model_is_named(dataset_folder: Path, change: str, words: str) -> None:
    options = parse(load_values(changes=[change]))
    with pytest.raises(RequestError, match=words):
        model_config(options, Dataset.open(dataset_folder), text_encoder_config("all-MiniLM-L6-v2"))


def test_styles_are_counted_as_training_sees_them(dataset_folder: Path) -> None:
    dataset, encoder = Dataset.open(dataset_folder), text_encoder_config("all-MiniLM-L6-v2")

    def counted(*changes: str) -> dict[str, dict[str, int]]:
        config = model_config(parse(load_values(changes=list(changes))), dataset, encoder)
        return {seen.action: dict(seen.counts) for seen in config.action_styles}

    # Twelve clips: six walk, three wave with each hand; in a mirror it is the other hand.
    assert counted("data.mirror=false") == {
        "walk": {"happy": 3, "old": 3},
        "wave_left": {"old": 3},
        "wave_right": {"happy": 3},
    }
    assert counted() == {
        "walk": {"happy": 6, "old": 6},
        "wave_left": {"happy": 3, "old": 3},
        "wave_right": {"happy": 3, "old": 3},
    }
    assert counted("train_denoiser.style=0") == counted("train_denoiser.action=0") == {}


def test_latent_shapes_and_architectures_are_switches(dataset_folder: Path) -> None:
    dataset, encoder = Dataset.open(dataset_folder), text_encoder_config("all-MiniLM-L6-v2")
    for tokens in (1, 2, 5, 7, 10):
        options = parse(load_values(changes=[f"vae.tokens={tokens}", "vae.latent_dim=256", "denoiser.skips=false"]))
        config = model_config(options, dataset, encoder)
        assert (config.denoiser.tokens, config.denoiser.latent_dim) == (tokens, 256)
        assert not config.denoiser.skips
    cross = model_config(parse(load_values(changes=["denoiser.architecture=decoder"])), dataset, encoder)
    assert cross.denoiser.architecture == "decoder"
