# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a configuration that span several keys; each raises PackError (pack_corrupt) naming one of them."""

from __future__ import annotations

from itertools import pairwise

from ..reader import Section
from .records import (
    DenoiserConfig,
    PackConfig,
    RepresentationConfig,
    ScheduleConfig,
    TransformerConfig,
    VaeConfig,
)


def check_representation(section: Section, config: RepresentationConfig) -> None:
    if not 1 <= config.fps <= 240:
        raise section.wrong("fps", f"is {config.fps:g}, not a frame rate from 1 to 240")


def check_schedule(section: Section, config: ScheduleConfig) -> None:
    if not 0 < config.beta_start <= config.beta_end < 1:
        raise section.wrong("beta_start", f"to beta_end is {config.beta_start} to {config.beta_end}, not inside 0 to 1")
    if config.steps > config.train_steps:
        raise section.wrong("steps", f"is {config.steps}, more than the {config.train_steps} training steps")
    if config.lcm_steps > config.train_steps:
        raise section.wrong("lcm_steps", f"is {config.lcm_steps}, more than the {config.train_steps} training steps")
    for preset in config.presets:
        steps = preset.timesteps
        if not steps or max(steps) >= config.train_steps or min(steps) < 0 or any(a < b for a, b in pairwise(steps)):
            raise section.wrong("presets", f"has the timesteps {list(steps)}, which do not fall inside the schedule")
    choices = config.step_choices
    if len(set(choices)) != len(choices):
        raise section.wrong("presets", "has two presets of the same number of steps")
    if choices and config.steps not in choices:
        raise section.wrong("steps", f"is {config.steps}; the presets have {', '.join(map(str, choices))}")
    if config.steps > config.max_steps:
        raise section.wrong("steps", f"is {config.steps}, more than the sampler's {config.max_steps}")


def check_vae(section: Section, config: VaeConfig) -> None:
    _check_transformer(section, config)
    if config.harmonics and not config.distribution_layers:
        raise section.wrong("harmonics", f"is {config.harmonics}, but the latent comes straight from the transformer")


def check_denoiser(section: Section, config: DenoiserConfig) -> None:
    _check_transformer(section, config)
    for key, value in (("time_dim", config.time_dim or 0), ("guidance_dim", config.guidance_dim)):
        if value % 2:
            raise section.wrong(key, f"is {value}; a sinusoid needs an even size")
    if config.text_adapter and not config.text_dim:
        raise section.wrong("text_adapter", f"is {config.text_adapter}, but the model reads no text")
    if bool(config.text_adapter) != bool(config.text_goals):
        raise section.wrong("text_goals", f"is {config.text_goals}, but text_adapter is {config.text_adapter}")
    if config.guidance_dim == 2:
        raise section.wrong("guidance_dim", "is 2; the guidance scale's sinusoid needs at least two rates")


def _check_transformer(section: Section, config: TransformerConfig) -> None:
    if config.skips and config.layers % 2 == 0:
        raise section.wrong("layers", f"is {config.layers}; long skip connections need an odd number")
    if config.width % config.heads or config.width % 2:
        raise section.wrong("d", f"is {config.width}; it must be even and divide by {config.heads} heads")
    if config.dropout >= 1:
        raise section.wrong("drop", f"is {config.dropout:g}; it must be below 1")
    if not config.latent_projection and config.latent_dim != config.width:
        raise section.wrong("latent_dim", f"is {config.latent_dim}; without projections it must be d, {config.width}")


def check_agreement(top: Section, config: PackConfig) -> None:
    """The sections of a configuration fit each other."""
    denoiser = config.denoiser
    if config.min_frames > config.max_frames:
        raise top.wrong("frames", f"has a minimum of {config.min_frames} above its maximum of {config.max_frames}")
    if not config.conditions:
        raise top.wrong("conditions", "is empty")
    if "action" in config.conditions and not config.actions:
        raise top.wrong("conditions", "has action, but the pack names no actions")
    if denoiser.raw_motion != (config.vae is None):
        raise top.wrong("denoiser.raw_motion", "is for a pack without a VAE, and only for that")
    longest, owner = (denoiser.tokens, "denoiser") if config.vae is None else (config.vae.max_frames, "VAE")
    if config.max_frames > longest:
        raise top.wrong("frames.max", f"is {config.max_frames}, more than the {owner}'s {longest}")
    if denoiser.null_condition == "empty_text" and config.text_encoder is None:
        raise top.wrong("denoiser.null", "is the empty text, but the pack names no text encoder")
    for key, (value, wanted) in _same_sizes(config).items():
        if value != wanted:
            raise top.wrong(key, f"is {value}, but the rest of the pack has {wanted}")
    _check_action_styles(top, config)


def _check_action_styles(top: Section, config: PackConfig) -> None:
    for seen in config.action_styles:
        key = f"action_styles.{seen.action}"
        if seen.action not in config.actions:
            raise top.wrong(key, "is of no action of the pack")
        if not seen.counts:
            raise top.wrong(key, "is empty")
        for style, _ in seen.counts:
            if style not in config.styles:
                raise top.wrong(f"{key}.{style}", "is of no style of the pack")


def _same_sizes(config: PackConfig) -> dict[str, tuple[int, int]]:
    """Key -> the size that it gives, and the size that the rest of the pack has."""
    vae, denoiser, features = config.vae, config.denoiser, config.representation.features
    sizes = {
        "denoiser.n_actions": (denoiser.actions, len(config.actions)),
        "denoiser.n_styles": (denoiser.styles, len(config.styles)),
    }
    if vae is None:
        sizes["denoiser.latent_dim"] = (denoiser.latent_dim, features)
    else:
        sizes["vae.nfeats"] = (vae.features, features)
        sizes["denoiser.n_tokens"] = (denoiser.tokens, vae.tokens)
        sizes["denoiser.latent_dim"] = (denoiser.latent_dim, vae.latent_dim)
    if config.text_encoder is not None:
        sizes["denoiser.text_dim"] = (denoiser.text_dim, config.text_encoder.dim)
    return sizes
