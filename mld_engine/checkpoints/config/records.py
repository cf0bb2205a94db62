# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a pack's configuration. Fields with a default are optional keys of config.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Norm = Literal["pre", "post"]
Positions = Literal["learned", "sinusoid"]
Prediction = Literal["eps", "x0", "v"]
Spacing = Literal["leading", "trailing"]
FinalAlpha = Literal["first", "one"]
Sampler = Literal["ddim", "ddpm", "lcm"]
Architecture = Literal["encoder_decoder", "all_encoder"]
Distribution = Literal["tokens", "linear"]
DenoiserArchitecture = Literal["encoder", "decoder"]
TextActivation = Literal["none", "relu"]
TextScale = Literal["root_dim", "one"]
NullCondition = Literal["learned", "empty_text", "zero"]


@dataclass(frozen=True)
class RepresentationConfig:
    """How frames are written as numbers: `features` of them a frame at `fps` frames a second.

    `rotation_6d`: whether six numbers of a rotation are two columns of its matrix or two rows.
    `heading`: from where the facing comes ("twist" of the pelvis, accumulated yaw "velocity"), or
    "none" where rotations and travel are those of the world.
    `up`: "y", or "-y" where the data's Y axis points down, as in fits to camera images.
    """

    name: str
    fps: float
    features: int
    rotation_6d: str
    heading: str
    up: str = "y"


@dataclass(frozen=True)
class TextEncoderConfig:
    """Which text encoder the denoiser was trained with, and the proof that it is that one.

    `package` and `weights_sha256` are empty where the weights are not a Python package's. `model` is
    the architecture's name in OpenCLIP, for encoders that come from there.
    """

    name: str
    dim: int
    pooling: str
    normalize: bool
    max_tokens: int
    package: str = ""
    weights_sha256: str = ""
    model: str = ""


@dataclass(frozen=True)
class SamplerPreset:
    """Timesteps that a distilled model was tuned for, from noisy to clean, and the guidance that suits them."""

    timesteps: tuple[int, ...]
    guidance_scale: float


@dataclass(frozen=True)
class ScheduleConfig:
    """Noise schedule of the training and the sampler settings that suit the pack.

    `lcm_steps` is the number of steps of the sampler that a latent consistency model was distilled
    from. A model with `presets` samples with these numbers of steps only.
    """

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
    sampler: Sampler = "ddim"
    lcm_steps: int = 50
    presets: tuple[SamplerPreset, ...] = ()

    @property
    def max_steps(self) -> int:
        """The most steps that a sampler may take."""
        if self.presets:
            return max(self.step_choices)
        return self.lcm_steps if self.sampler == "lcm" else self.train_steps

    @property
    def step_choices(self) -> tuple[int, ...]:
        """The numbers of steps that the presets allow; empty where every number up to `max_steps` works."""
        return tuple(sorted(len(preset.timesteps) for preset in self.presets))

    def guidance_for(self, steps: int) -> float:
        """The guidance scale that suits this number of steps."""
        for preset in self.presets:
            if len(preset.timesteps) == steps:
                return preset.guidance_scale
        return self.guidance_scale


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The transformer that the VAE's halves and the denoiser are each made of.

    `skips`: later blocks also take the output of their mirror block (an odd number of layers).
    `latent_projection`: linear layers between latents of `latent_dim` and tokens of `width`; without
    them both have the same size.
    """

    tokens: int
    latent_dim: int
    width: int
    layers: int
    heads: int
    feedforward: int
    dropout: float
    norm: Norm
    skips: bool = True
    final_norm: bool = True
    latent_projection: bool = True


@dataclass(frozen=True, kw_only=True)
class VaeConfig(TransformerConfig):
    """Motion VAE: `features` a frame <-> a latent of `tokens` x `latent_dim`.

    `architecture`: the decoder looks at the latent by cross-attention ("encoder_decoder"), or has it
    in front of its frames ("all_encoder"). `distribution`: mean and log-variance come from a token
    each ("tokens"), or both from one by linear layers ("linear"). `end_positions`: the decoder's
    frames know their distance to the end; `memory_positions`: the latent tokens have positions.
    `harmonics`: how many cosines over the clip's length linear layers beside the transformers use (0: no such layers).
    """

    features: int
    max_frames: int
    positions: Positions
    architecture: Architecture = "encoder_decoder"
    distribution: Distribution = "tokens"
    end_positions: bool = True
    memory_positions: bool = True
    harmonics: int = 0

    @property
    def distribution_tokens(self) -> int:
        """How many tokens of the encoder collect the distribution."""
        return 2 * self.tokens if self.distribution == "tokens" else self.tokens

    @property
    def distribution_layers(self) -> bool:
        """Whether linear layers make mean and log-variance from those tokens."""
        return self.latent_projection or self.distribution == "linear"


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig(TransformerConfig):
    """Denoiser; `actions` and `styles` are the numbers of labels, `text_dim` the embedding's size, 0 for none.

    `architecture`: noisy and context tokens form one sequence ("encoder"), or the noisy tokens look
    at the context by cross-attention ("decoder"). `raw_motion`: there is no VAE; the tokens are the
    frames, up to `tokens` of them, and `latent_dim` is the number of features.

    `time_dim` is the size of the timestep's sinusoid, by default the width; `guidance_dim` that of
    the guidance scale's, where a distilled model takes the scale as an input (else 0); `text_adapter` the
    hidden size of a network that texts pass first, `text_goals` the number of texts that it leads to; 0 for none.
    `null_condition` stands for "no condition": a learned vector, the embedding of the empty text, or
    a vector of zeros. Without `kind_embedding` nothing tells texts from labels.
    """

    actions: int
    styles: int
    text_dim: int
    architecture: DenoiserArchitecture = "encoder"
    raw_motion: bool = False
    time_dim: int | None = None
    text_activation: TextActivation = "none"
    text_scale: TextScale = "root_dim"
    kind_embedding: bool = True
    duration_token: bool = True
    null_condition: NullCondition = "learned"
    guidance_dim: int = 0
    text_adapter: int = 0
    text_goals: int = 0

    @property
    def context_tokens(self) -> int:
        """Time, condition, and duration where there is one."""
        return 3 if self.duration_token else 2


@dataclass(frozen=True)
class ActionStyles:
    """In which styles an action was seen in training: `counts` are (style, number of clips)."""

    action: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PackConfig:
    """A whole config.json. `offsets` are the (22, 3) rest offsets of the body in metres.

    Without a `vae` the denoiser works on the motion itself. An action that is asked for without a style
    gets one out of its entry in `action_styles`, and none where it has no entry.
    """

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
    vae: VaeConfig | None
    denoiser: DenoiserConfig
    action_styles: tuple[ActionStyles, ...] = ()
