# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be set about a training run, as frozen records. `presets/default.toml` explains every field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Precision = Literal["bf16", "tf32", "fp32"]
Decay = Literal["cosine", "constant"]


@dataclass(frozen=True)
class DataOptions:
    """Which windows of which clips are drawn."""

    representation: str
    text_encoder: str
    lengths: tuple[int, ...]
    whole: int
    crop: int
    mirror: bool
    time_scale: float
    speeds: tuple[float, ...]
    balance: float


@dataclass(frozen=True)
class OptimizerOptions:
    """AdamW, its learning rate over the run, clipping (0: none) and the moving average (0: none)."""

    steps: int
    batch: int
    learning_rate: float
    warm_up: int
    decay: Decay
    weight_decay: float
    betas: tuple[float, ...]
    clip: float
    ema: float
    precision: Precision


@dataclass(frozen=True)
class VaeTraining(OptimizerOptions):
    """Stage one."""

    frames: int
    polish: float
    share: float
    encoder: bool
    latent_noise: float


@dataclass(frozen=True)
class LossWeights:
    """Weights of the VAE's loss terms."""

    knee: float
    yaw: float
    velocity: float
    height: float
    root_rotation: float
    rotations: float
    positions: float
    contacts: float
    joints: float
    joint_velocity: float
    joint_acceleration: float
    foot_velocity: float
    foot_height: float
    contact_consistency: float
    path: float
    energy: float
    kl: float


@dataclass(frozen=True)
class LatentTraining(OptimizerOptions):
    """Any training on latents: the bank that they are drawn from, and what a denoiser is told about them."""

    bank: int
    bank_steps: int
    drop: float
    action: float
    style: float
    text_noise: float
    text_mix: float


@dataclass(frozen=True)
class DenoiserTraining(LatentTraining):
    """Stage two."""

    standardize: bool
    spectrum: float
    min_snr: float


@dataclass(frozen=True)
class EvaluatorTraining(OptimizerOptions):
    """The network that generated motion is judged with."""

    frames: int
    width: int
    layers: int
    motion_noise: float
    text_noise: float
    actions: float


@dataclass(frozen=True)
class DistillTraining(LatentTraining):
    """A few-step student from a pack."""

    solver_steps: int
    guidance: tuple[float, ...]
    guidance_dim: int
    huber: float
    default_steps: int


@dataclass(frozen=True)
class TeachTraining(LatentTraining):
    """More moves for a pack."""

    keep: float
    replay: int
    replay_steps: int
    sentences: int
    captions: int


@dataclass(frozen=True)
class WordsTraining(OptimizerOptions):
    """A text adapter for a pack."""

    hidden: int
    dropout: float
    noise: float
    captions: float
    grammar: float
    labels: float
    balance: float
    sentences: int
    trials: int


@dataclass(frozen=True)
class PackOptions:
    """Name and licence of the pack that comes out, and the pack whose weights the training starts from, if any."""

    name: str
    licence: str
    half: bool
    start: str


@dataclass(frozen=True)
class PerformanceOptions:
    """How steps are launched, and seconds between checkpoints and log lines."""

    graphs: bool
    checkpoint: float
    log: float


@dataclass(frozen=True)
class TrainOptions:
    """A whole configuration.

    `vae`, `denoiser` and `schedule` describe the model in the keys of a pack's configuration, under
    their long names or its short ones; they are checked when the model is made.
    """

    seed: int
    minutes: float
    data: DataOptions
    vae: dict[str, Any]
    train_vae: VaeTraining
    losses: LossWeights
    denoiser: dict[str, Any]
    train_denoiser: DenoiserTraining
    train_evaluator: EvaluatorTraining
    schedule: dict[str, Any]
    distill: DistillTraining
    teach: TeachTraining
    words: WordsTraining
    pack: PackOptions
    performance: PerformanceOptions
