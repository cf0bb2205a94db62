# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pack's config.json says, as frozen records; `parse_config` reads it strictly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast

from ..contract.skeleton import JOINT_COUNT, PARENTS
from .reader import Section

FORMAT_VERSION: Final = 1
CONDITION_KINDS: Final = ("text", "action", "unconditional")

Norm = Literal["pre", "post"]
Positions = Literal["learned", "sinusoid"]
Prediction = Literal["eps", "x0", "v"]
Spacing = Literal["leading", "trailing"]
FinalAlpha = Literal["first", "one"]


@dataclass(frozen=True)
class RepresentationConfig:
    """How frames are written as numbers: `features` of them a frame at `fps` frames a second."""

    name: str
    fps: float
    features: int
    rotation_6d: str
    heading: str


@dataclass(frozen=True)
class TextEncoderConfig:
    """Which text encoder the denoiser was trained with, and the proof that it is that one."""

    name: str
    dim: int
    pooling: str
    normalize: bool
    max_tokens: int
    package: str
    weights_sha256: str


@dataclass(frozen=True)
class ScheduleConfig:
    """Noise schedule of the training and the sampler settings that suit the pack."""

    train_steps: int
    beta_start: float
    beta_end: float
    beta_schedule: str
    prediction: Prediction
    steps: int
    guidance_scale: float
    spacing: Spacing
    steps_offset: int
    final_alpha: FinalAlpha


@dataclass(frozen=True)
class VaeConfig:
    """Motion VAE: `features` a frame <-> a latent of `tokens` x `latent_dim`."""

    tokens: int
    latent_dim: int
    width: int
    layers: int
    heads: int
    feedforward: int
    dropout: float
    max_frames: int
    positions: Positions
    norm: Norm
    features: int


@dataclass(frozen=True)
class DenoiserConfig:
    """Latent denoiser; `actions` and `styles` are the numbers of labels, `text_dim` the embedding's size."""

    tokens: int
    latent_dim: int
    width: int
    layers: int
    heads: int
    feedforward: int
    dropout: float
    norm: Norm
    actions: int
    styles: int
    text_dim: int


@dataclass(frozen=True)
class PackConfig:
    """A whole config.json. `offsets` are the (22, 3) rest offsets of the body in metres."""

    name: str
    licence: str
    representation: RepresentationConfig
    min_frames: int
    max_frames: int
    conditions: tuple[str, ...]
    text_encoder: TextEncoderConfig | None
    actions: tuple[str, ...]
    styles: tuple[str, ...]
    offsets: tuple[tuple[float, float, float], ...]
    schedule: ScheduleConfig
    vae: VaeConfig
    denoiser: DenoiserConfig


def parse_config(values: object, file: str) -> PackConfig:
    """config.json's values -> PackConfig. `file` is named in errors.

    Raises PackError (pack_corrupt) naming the key: missing, unknown, of another type, or at odds
    with another key.
    """
    top = Section(values, file)
    version = top.integer("format_version")
    if version != FORMAT_VERSION:
        raise top.wrong("format_version", f"is {version}; this engine reads version {FORMAT_VERSION}")
    frames = top.section("frames")
    skeleton = top.section("skeleton")
    conditions = top.texts("conditions", CONDITION_KINDS)
    reads_text = "text" in conditions or top.has("text_encoder")
    config = PackConfig(
        name=top.text("name"),
        licence=top.text("licence"),
        representation=_representation(top.section("representation")),
        min_frames=frames.integer("min", 1),
        max_frames=frames.integer("max", 1),
        conditions=conditions,
        text_encoder=_text_encoder(top.section("text_encoder")) if reads_text else None,
        actions=top.texts("actions"),
        styles=top.texts("styles"),
        offsets=skeleton.vectors("offsets", JOINT_COUNT),
        schedule=_schedule(top.section("schedule")),
        vae=_vae(top.section("vae")),
        denoiser=_denoiser(top.section("denoiser")),
    )
    frames.done()
    if skeleton.integer("joints") != JOINT_COUNT or skeleton.integers("parents") != PARENTS:
        raise top.wrong("skeleton", f"is not the {JOINT_COUNT}-joint SMPL skeleton")
    skeleton.done()
    top.done()
    _check_agreement(top, config)
    return config


def _representation(section: Section) -> RepresentationConfig:
    config = RepresentationConfig(
        name=section.text("name"),
        fps=section.number("fps"),
        features=section.integer("features", 1),
        rotation_6d=section.text("rotation_6d", ("columns",)),
        heading=section.text("heading", ("twist",)),
    )
    section.done()
    if config.fps <= 0:
        raise section.wrong("fps", "is 0")
    return config


def _text_encoder(section: Section) -> TextEncoderConfig:
    config = TextEncoderConfig(
        name=section.text("name"),
        dim=section.integer("dim", 1),
        pooling=section.text("pooling", ("mean",)),
        normalize=section.flag("normalize"),
        max_tokens=section.integer("max_tokens", 3),
        package=section.text("package"),
        weights_sha256=section.text("weights_sha256").lower(),
    )
    section.done()
    return config


def _schedule(section: Section) -> ScheduleConfig:
    config = ScheduleConfig(
        train_steps=section.integer("train_steps", 1),
        beta_start=section.number("beta_start"),
        beta_end=section.number("beta_end"),
        beta_schedule=section.text("beta_schedule", ("scaled_linear",)),
        prediction=cast(Prediction, section.text("prediction", ("eps", "x0", "v"))),
        steps=section.integer("steps", 1),
        guidance_scale=section.number("guidance_scale"),
        spacing=cast(Spacing, section.text("spacing", ("leading", "trailing"))),
        steps_offset=section.integer("steps_offset"),
        final_alpha=cast(FinalAlpha, section.text("final_alpha", ("first", "one"))),
    )
    section.done()
    if not 0 < config.beta_start <= config.beta_end < 1:
        raise section.wrong("beta_start", f"to beta_end is {config.beta_start} to {config.beta_end}, not inside 0 to 1")
    if config.steps > config.train_steps:
        raise section.wrong("steps", f"is {config.steps}, more than the {config.train_steps} training steps")
    return config


def _vae(section: Section) -> VaeConfig:
    config = VaeConfig(
        tokens=section.integer("n_tokens", 1),
        latent_dim=section.integer("latent_dim", 1),
        width=section.integer("d", 1),
        layers=section.integer("layers", 1),
        heads=section.integer("heads", 1),
        feedforward=section.integer("ff", 1),
        dropout=section.number("drop"),
        max_frames=section.integer("max_frames", 1),
        positions=cast(Positions, section.text("pos", ("learned", "sinusoid"))),
        norm=cast(Norm, section.text("norm", ("pre", "post"))),
        features=section.integer("nfeats", 1),
    )
    section.done()
    _check_transformer(section, config)
    return config


def _denoiser(section: Section) -> DenoiserConfig:
    config = DenoiserConfig(
        tokens=section.integer("n_tokens", 1),
        latent_dim=section.integer("latent_dim", 1),
        width=section.integer("d", 2),
        layers=section.integer("layers", 1),
        heads=section.integer("heads", 1),
        feedforward=section.integer("ff", 1),
        dropout=section.number("drop"),
        norm=cast(Norm, section.text("norm", ("pre", "post"))),
        actions=section.integer("n_actions"),
        styles=section.integer("n_styles"),
        text_dim=section.integer("text_dim", 1),
    )
    section.done()
    _check_transformer(section, config)
    return config


def _check_transformer(section: Section, config: VaeConfig | DenoiserConfig) -> None:
    if config.layers % 2 == 0:
        raise section.wrong("layers", f"is {config.layers}; long skip connections need an odd number")
    if config.width % config.heads or config.width % 2:
        raise section.wrong("d", f"is {config.width}; it must be even and divide by {config.heads} heads")
    if config.dropout >= 1:
        raise section.wrong("drop", f"is {config.dropout:g}; it must be below 1")


def _check_agreement(top: Section, config: PackConfig) -> None:
    vae, denoiser = config.vae, config.denoiser
    if config.min_frames > config.max_frames:
        raise top.wrong("frames", f"has a minimum of {config.min_frames} above its maximum of {config.max_frames}")
    if config.max_frames > vae.max_frames:
        raise top.wrong("frames.max", f"is {config.max_frames}, more than the VAE's {vae.max_frames}")
    if not config.conditions:
        raise top.wrong("conditions", "is empty")
    expected = {
        "vae.nfeats": (vae.features, config.representation.features),
        "denoiser.n_tokens": (denoiser.tokens, vae.tokens),
        "denoiser.latent_dim": (denoiser.latent_dim, vae.latent_dim),
        "denoiser.n_actions": (denoiser.actions, len(config.actions)),
        "denoiser.n_styles": (denoiser.styles, len(config.styles)),
    }
    if config.text_encoder is not None:
        expected["denoiser.text_dim"] = (denoiser.text_dim, config.text_encoder.dim)
    for key, (value, wanted) in expected.items():
        if value != wanted:
            raise top.wrong(key, f"is {value}, but the rest of the pack has {wanted}")
