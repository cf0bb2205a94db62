# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs around published models with made-up weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from official_files import OfficialModel
from torch import Tensor

from mld_engine.checkpoints.config import PackConfig, RepresentationConfig, TextEncoderConfig
from mld_engine.checkpoints.official.tensor_names import convert
from mld_engine.checkpoints.official.variant import MIN_FRAMES, Variant, variant_configs
from mld_engine.checkpoints.pack import Pack
from mld_engine.checkpoints.writer import write_pack
from mld_engine.contract.skeleton import REST_OFFSETS

CLIP = TextEncoderConfig("clip-vit-large-patch14", 768, "end_token", False, 77)
REPRESENTATIONS = {
    263: RepresentationConfig("humanml263", 20.0, 263, "columns", "velocity"),
    251: RepresentationConfig("kit251", 12.5, 251, "columns", "velocity"),
    150: RepresentationConfig("action150", 20.0, 150, "rows", "none"),
    203: RepresentationConfig("smpl203", 30.0, 203, "columns", "twist"),
}


def pack_config(variant: Variant, text_encoder: TextEncoderConfig = CLIP) -> PackConfig:
    vae, denoiser, schedule = variant_configs(variant)
    is_text = variant.condition == "text"
    return PackConfig(
        name="published",
        licence="made up by the tests",
        representation=REPRESENTATIONS[variant.features],
        min_frames=MIN_FRAMES,
        max_frames=variant.max_frames,
        conditions=(variant.condition, "unconditional"),
        text_encoder=text_encoder if is_text else None,
        actions=tuple(f"action {index}" for index in range(variant.actions)),
        styles=(),
        offsets=tuple((float(x), float(y), float(z)) for x, y, z in REST_OFFSETS),
        schedule=schedule,
        vae=vae,
        denoiser=denoiser,
    )


def write_official_pack(
    folder: Path, variant: Variant, model: OfficialModel, statistics: dict[str, Tensor], **config: Any
) -> Pack:
    """The model as a pack in single precision. `statistics` are those of the features; latents are as they are."""
    converted = convert(variant, model.state_dict())
    latents: dict[str, Tensor] = {}
    if variant.vae != "none":
        shape = (variant.latent_tokens, variant.latent_dim)
        latents = {"latent_mean": torch.zeros(shape), "latent_std": torch.ones(shape)}
    return write_pack(
        folder,
        pack_config(variant, **config),
        encoder=converted.encoder,
        decoder=converted.decoder,
        denoiser=converted.denoiser,
        statistics={**statistics, **latents},
        model_card="made up",
        licence_text="made up",
        half=False,
    )
