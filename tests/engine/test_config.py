# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a pack: what is written is what is read, and optional keys mean what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from official_files import VARIANTS
from official_packs import pack_config

from mld_engine.checkpoints.config import config_values, parse_config
from mld_engine.checkpoints.pack import Pack
from mld_engine.errors import PackError


def as_json(values: object) -> Any:
    return json.loads(json.dumps(values, allow_nan=False))


def changed(name: str, section: str, **changes: object) -> dict[str, Any]:
    values: dict[str, Any] = as_json(config_values(pack_config(VARIANTS[name])))
    values[section].update(changes)
    return values


def test_the_shipped_configuration_is_given_back(pack: Pack) -> None:
    values = json.loads(pack.read("config.json"))
    assert config_values(parse_config(values, "config.json")) == values


def test_styles_of_actions_are_optional(pack: Pack) -> None:
    values = json.loads(pack.read("config.json"))
    seen = {found.action: dict(found.counts) for found in parse_config(values, "config.json").action_styles}
    assert seen == values["action_styles"]
    assert seen["kick"].keys() == {"neutral"}
    del values["action_styles"]
    without = parse_config(values, "config.json")
    assert without.action_styles == ()
    assert config_values(without) == values


@pytest.mark.parametrize("name", VARIANTS)
def test_every_published_model_is_written_and_read(name: str) -> None:
    config = pack_config(VARIANTS[name])
    values = as_json(config_values(config))
    assert parse_config(values, "config.json") == config
    assert ("vae" in values) == (VARIANTS[name].vae != "none")
    assert ("presets" in values["schedule"]) == (name == "motionlcm_v2")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed("mld", "vae", architecture="decoder_only"), "this engine knows all_encoder, encoder_decoder"),
        (changed("mld", "vae", latent_projection=False, latent_dim=128), "without projections it must be d, 256"),
        (changed("mld", "denoiser", time_dim=767), "time_dim is 767; a sinusoid needs an even size"),
        (changed("motionlcm_v1", "denoiser", guidance_dim=2), "guidance_dim is 2"),
        (changed("mld", "denoiser", raw_motion=True), "is for a pack without a VAE"),
        (changed("no_vae", "denoiser", raw_motion=False), "is for a pack without a VAE"),
        (changed("no_vae", "denoiser", latent_dim=200), "denoiser.latent_dim is 200, but the rest of the pack has 263"),
        (changed("no_vae", "frames", max=197), "more than the denoiser's 196"),
        (changed("humanact12", "denoiser", null="empty_text"), "the pack names no text encoder"),
        (changed("mld", "representation", fps=1e-300), "fps is 1e-300, not a frame rate from 1 to 240"),
        ({**changed("mld", "vae"), "name": "\x1b[31mred"}, "name is '\\x1b[31mred', not a text"),
        ({**changed("humanact12", "denoiser"), "actions": ["half a letter \ud83d"]}, "actions is no list of texts"),
        (changed("mld", "schedule", sampler="euler"), "this engine knows ddim, ddpm, lcm"),
        (changed("motionlcm_v1", "schedule", steps=51), "steps is 51, more than the sampler's 50"),
        (changed("motionlcm_v2", "schedule", steps=3), "steps is 3; the presets have 1, 2, 4"),
        (changed("mld", "schedule", presets=[{"timesteps": [5, 9], "guidance_scale": 1.0}], steps=2), "[5, 9]"),
        (changed("mld", "schedule", presets=[{"timesteps": [1000], "guidance_scale": 1.0}], steps=1), "[1000]"),
        (changed("mld", "schedule", presets=[{"timesteps": [9]}]), "schedule.presets[0].guidance_scale is missing"),
        (changed("mld", "schedule", presets={}), "schedule.presets is no list of objects"),
        (changed("mld", "schedule", presets=[7]), "schedule.presets[0] is no JSON object"),
    ],
)
def test_a_wrong_optional_key_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(PackError) as caught:
        parse_config(values, "config.json")
    assert message in caught.value.message


def test_labels_need_names() -> None:
    values = as_json(config_values(pack_config(VARIANTS["mld"])))
    with pytest.raises(PackError, match="has action, but the pack names no actions"):
        parse_config({**values, "conditions": ["text", "action"]}, "config.json")


def test_plain_stacks_may_have_any_number_of_layers() -> None:
    assert parse_config(changed("mld", "denoiser", layers=6, skips=False), "config.json").denoiser.layers == 6
    with pytest.raises(PackError, match="need an odd number"):
        parse_config(changed("mld", "denoiser", layers=6), "config.json")
