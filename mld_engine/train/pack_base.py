# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished pack as the ground of further training: its VAE and statistics stay, its denoiser is the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from ..checkpoints.config import DenoiserConfig, TextEncoderConfig
from ..checkpoints.pack import Pack
from ..data.embeddings import TextTable
from ..data.store import Dataset
from ..errors import RequestError
from ..models.denoiser import Denoiser
from ..models.loading import build
from ..models.vae import MotionEncoder
from ..representations.base import Statistics
from ..representations.registry import make_representation
from .conditions import ConditionSampler
from .feature_groups import feature_groups
from .latents import LatentBank
from .model_config import text_encoder_config
from .motions import Motions, load_motions
from .options import LatentTraining, TrainOptions
from .windows import WindowSampler

_ENCODED_BATCHES: Final = 4
"""Without gradients so many times the frames of a training step of the VAE fit."""


@dataclass(frozen=True)
class Material:
    """Latents of the data in the pack's own normalisation, and what a denoiser is told about them."""

    bank: LatentBank
    conditions: ConditionSampler


class PackBase:
    """A pack to train on. Raises RequestError (bad_pack) for one without a VAE and for a few-step student."""

    def __init__(self, pack: Pack, options: TrainOptions, device: torch.device) -> None:
        config = pack.config
        if config.vae is None:
            raise RequestError("bad_pack", f"The pack {pack.name!r} has no VAE, so there are no latents to train on.")
        if config.denoiser.guidance_dim:
            raise RequestError(
                "bad_pack",
                f"The pack {pack.name!r} is a few-step student.",
                "Name the pack that it was distilled from; what comes of that can be distilled again.",
            )
        self.pack, self.config, self.device, self._options, self._vae = pack, config, device, options, config.vae
        self.statistics = pack.tensors("statistics")

    @property
    def text_encoder(self) -> TextEncoderConfig:
        """The pack's, or for a pack that reads no text the one that the configuration names."""
        return self.config.text_encoder or text_encoder_config(self._options.data.text_encoder)

    def empty_text(self, texts: TextTable) -> Tensor | None:
        """The embedding (text_dim,) of the empty text, where that stands for "no condition"."""
        if self.config.denoiser.null_condition != "empty_text":
            return None
        return torch.tensor(texts.embeddings[texts.rows()[""]], device=self.device)

    def denoiser(self, config: DenoiserConfig, tensors: Mapping[str, Tensor], *, trained: bool) -> Denoiser:
        """A network on the device, without dropout: it learns from answers of a network that has none either."""
        # Copies, because networks made of the same tensors are trained apart.
        copies = {name: tensor.float().clone() for name, tensor in tensors.items()}
        network = build(lambda: Denoiser(replace(config, dropout=0.0)), copies, f"{self.pack.name}/denoiser")
        # Training mode, because a step that becomes a CUDA graph cannot look at values to check them.
        return network.to(self.device).requires_grad_(trained).train()

    def check_frame_rate(self, dataset: Dataset) -> None:
        """Raises RequestError (bad_dataset) for one that is not the pack's."""
        if dataset.fps != self.pack.fps:
            raise RequestError("bad_dataset", f"The pack has {self.pack.fps:g} fps, the data set {dataset.fps:g}.")

    def material(
        self, dataset: Dataset, texts: TextTable, training: LatentTraining, actions: tuple[str, ...], *, mirror: bool
    ) -> Material:
        """`actions` is the table of labels. `texts` holds the empty text and all captions of the data.

        Labels that are not in the pack's tables, and captions where it reads no text, are left out.
        Raises RequestError: bad_dataset for another frame rate, no_clips.
        """
        motions, sampler = self.motions(dataset, texts, actions, mirror=mirror)
        vae = self._vae
        encoder = build(lambda: MotionEncoder(vae), self.pack.tensors("encoder"), f"{self.pack.name}/encoder")
        bank = LatentBank(
            encoder.to(self.device),
            sampler,
            self.device,
            size=training.bank,
            frames=_ENCODED_BATCHES * self._options.train_vae.frames,
            seed=self._options.seed,
        )
        bank.statistics = self.normalisation("latent")
        empty, no_style = self.empty_text(texts), self.config.denoiser.styles
        return Material(bank, ConditionSampler(motions, training, no_style=no_style, empty=empty))

    def motions(
        self, dataset: Dataset, texts: TextTable, actions: tuple[str, ...], *, mirror: bool
    ) -> tuple[Motions, WindowSampler]:
        """The data in the pack's features and normalisation, and windows of the lengths that it makes.

        Parameters and errors are those of `material`.
        """
        config = self.config
        self.check_frame_rate(dataset)
        dataset = replace(dataset, actions=actions, styles=config.styles)
        if "text" not in config.conditions:
            clips = tuple(replace(clip, captions=(), captions_mirrored=()) for clip in dataset.clips)
            dataset = replace(dataset, clips=clips)
        lengths = tuple(n for n in self._options.data.lengths if config.min_frames <= n <= config.max_frames)
        data = replace(self._options.data, lengths=lengths or (config.min_frames,), mirror=mirror)
        motions = load_motions(
            dataset,
            texts,
            make_representation(config.representation),
            feature_groups(config.representation.name, config.representation.features),
            self.device,
            mirror=mirror,
            shortest=data.lengths[0],
            statistics=self.normalisation("feature"),
        )
        sampler = WindowSampler(motions, data if motions.groups.rates is not None else replace(data, time_scale=0.0))
        return motions, sampler

    def normalisation(self, kind: str) -> Statistics:
        """Mean and deviation of "feature" or "latent", on the device."""
        mean, std = (self.statistics[f"{kind}_{name}"].float() for name in ("mean", "std"))
        return Statistics(mean, std).to(self.device)
