# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the published models a checkpoint holds, and the configuration that computes the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ...errors import PackError
from ..config import (
    Architecture,
    DenoiserArchitecture,
    DenoiserConfig,
    Prediction,
    SamplerPreset,
    ScheduleConfig,
    TextActivation,
    VaeConfig,
)

Family = Literal["mld", "actor", "motionlcm_v1", "motionlcm_v2", "no_vae"]
VaeKind = Literal["mld", "actor", "none"]

MIN_FRAMES: Final = 16
"""The shortest motion that the published demo accepts."""
LEARNED_FRAMES: Final = 196
"""Longest training clip of the text models: rows of the learned position tables beyond it are still random numbers."""
SINUSOID_FRAMES: Final = 120
"""Twice the training clips of the action models, whose positions are sinusoids: as far as ACTOR was evaluated
(Petrovich et al., 2021)."""
_HEADS: Final = 4
_DROPOUT: Final = 0.1
_GUIDANCE: Final = 7.5
_V2_PRESETS: Final = (
    SamplerPreset((799,), 8.0),
    SamplerPreset((699, 299), 12.5),
    SamplerPreset((699, 399, 299, 299), 13.5),
)


@dataclass(frozen=True)
class Variant:
    """What distinguishes one published model from another.

    features: numbers a frame (HumanML3D 263, KIT 251, actions 150). latent_tokens x latent_dim: the
    latent (without a VAE: 0 x 0). vae_projection and denoiser_projection: layers between latents of
    latent_dim and tokens of width (MotionLCM V2). vae_layers: of the encoder and of the decoder.
    mlp_dist: mean and log-variance come from one token by a linear layer. denoiser_skips: false for
    the ablation without long skip connections. time_dim: size of the timestep's sinusoid;
    guidance_dim: that of the guidance scale's in distilled models, else 0. text_dim or actions is 0,
    as `condition` says. text_activation, prediction: shapes do not tell, the published models do.

    Raises PackError (checkpoint_not_supported) for values that no published model combines.
    """

    features: int
    condition: Literal["text", "action"]
    vae: VaeKind
    denoiser_layers: int
    time_dim: int
    text_dim: int = 0
    actions: int = 0
    latent_tokens: int = 0
    latent_dim: int = 0
    width: int = 256
    feedforward: int = 1024
    vae_layers: int = 0
    vae_architecture: Architecture = "encoder_decoder"
    mlp_dist: bool = False
    vae_projection: bool = False
    denoiser_architecture: DenoiserArchitecture = "encoder"
    denoiser_skips: bool = True
    denoiser_projection: bool = False
    guidance_dim: int = 0
    text_activation: TextActivation = "relu"
    prediction: Prediction = "eps"

    def __post_init__(self) -> None:
        problems = {
            f"no {self.condition} condition, or another one": (self.text_dim > 0, self.actions > 0)
            != (self.condition == "text", self.condition == "action"),
            "a VAE without layers or latent": self.vae != "none" and not (self.vae_layers and self.latent_tokens),
            f"{self.denoiser_layers} denoiser layers with skips": self.denoiser_skips and self.denoiser_layers % 2 == 0,
            f"{self.vae_layers} VAE layers with skips": self.vae == "mld" and self.vae_layers % 2 == 0,
            f"a width of {self.width}": self.width % (2 * _HEADS) != 0,
            "a latent of another size than the transformer": self.vae != "none"
            and self.latent_dim != self.width
            and not (self.vae_projection and self.denoiser_projection),
        }
        for problem, found in problems.items():
            if found:
                raise PackError(
                    "checkpoint_not_supported",
                    f"The checkpoint is no model that this engine knows: it has {problem}.",
                    "Check that the file is a checkpoint of MLD or MotionLCM.",
                )

    @property
    def family(self) -> Family:
        """The published model that this is a variant of."""
        if self.vae == "none":
            return "no_vae"
        if self.vae == "actor":
            return "actor"
        if self.denoiser_projection:
            return "motionlcm_v2"
        return "motionlcm_v1" if self.guidance_dim else "mld"

    @property
    def max_frames(self) -> int:
        """The longest motion that the positions were trained for, or reach."""
        return SINUSOID_FRAMES if self.vae == "actor" else LEARNED_FRAMES


def variant_configs(variant: Variant) -> tuple[VaeConfig | None, DenoiserConfig, ScheduleConfig]:
    """The configuration of our modules that computes what the published model computes."""
    return _vae(variant), _denoiser(variant), _schedule(variant)


def _vae(variant: Variant) -> VaeConfig | None:
    if variant.vae == "none":
        return None
    return VaeConfig(
        tokens=variant.latent_tokens,
        latent_dim=variant.latent_dim,
        width=variant.width,
        layers=variant.vae_layers,
        heads=_HEADS,
        feedforward=variant.feedforward,
        dropout=_DROPOUT,
        norm="post",
        skips=variant.vae == "mld",
        final_norm=variant.vae == "mld",
        latent_projection=variant.vae_projection,
        features=variant.features,
        max_frames=variant.max_frames,
        positions="learned" if variant.vae == "mld" else "sinusoid",
        architecture=variant.vae_architecture,
        distribution="linear" if variant.mlp_dist else "tokens",
        end_positions=False,
        # With "all_encoder" the latent lies in the decoder's sequence and has positions like its frames.
        memory_positions=variant.vae_architecture == "all_encoder",
    )


def _denoiser(variant: Variant) -> DenoiserConfig:
    raw = variant.vae == "none"
    return DenoiserConfig(
        tokens=variant.max_frames if raw else variant.latent_tokens,
        latent_dim=variant.features if raw else variant.latent_dim,
        width=variant.width,
        layers=variant.denoiser_layers,
        heads=_HEADS,
        feedforward=variant.feedforward,
        dropout=_DROPOUT,
        norm="post",
        skips=variant.denoiser_skips,
        # The ablation without skips is PyTorch's own encoder, which has no norm at the end.
        final_norm=variant.denoiser_skips or variant.denoiser_architecture == "decoder",
        latent_projection=raw or variant.denoiser_projection,
        actions=variant.actions,
        styles=0,
        text_dim=variant.text_dim,
        architecture=variant.denoiser_architecture,
        raw_motion=raw,
        time_dim=None if variant.time_dim == variant.width else variant.time_dim,
        text_activation=variant.text_activation if variant.condition == "text" else "none",
        text_scale="one",
        kind_embedding=False,
        duration_token=False,
        null_condition="empty_text" if variant.condition == "text" else "zero",
        guidance_dim=variant.guidance_dim,
    )


def _schedule(variant: Variant) -> ScheduleConfig:
    distilled, raw = variant.guidance_dim > 0, variant.vae == "none"
    presets = _V2_PRESETS if distilled and variant.denoiser_projection else ()
    return ScheduleConfig(
        train_steps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction=variant.prediction,
        steps=4 if distilled else 1000 if raw else 50,
        guidance_scale=presets[-1].guidance_scale if presets else _GUIDANCE,
        spacing="leading",
        steps_offset=0 if raw else 1,
        final_alpha="one" if raw or distilled else "first",
        sampler="lcm" if distilled else "ddpm" if raw else "ddim",
        lcm_steps=10 if presets else 50,
        presets=presets,
    )
