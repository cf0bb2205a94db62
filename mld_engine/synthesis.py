# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack's networks on one device: noise -> latent -> motion, and motion -> latent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .checkpoints.pack import Pack
from .deferred import Deferred
from .diffusion.guidance import guide
from .diffusion.sampler import sample
from .diffusion.schedule import NoiseSchedule
from .errors import PackError
from .models.denoiser import Denoiser, Kind
from .models.loading import build
from .models.vae import MotionDecoder, MotionEncoder, Posterior
from .representations.base import MotionTensors, Statistics
from .representations.registry import make_representation


@dataclass(frozen=True)
class Condition:
    """What the denoiser is told: a text embedding (text_dim,), or label rows, or nothing."""

    kind: Kind = Kind.NULL
    text: Tensor | None = None
    action: int = 0
    style: int | None = None


class Synthesis:
    """Denoiser, decoder and statistics of a pack; the VAE's encoder is loaded when it is first used."""

    def __init__(self, pack: Pack, device: torch.device) -> None:
        """Raises PackError: pack_missing_file, pack_corrupt."""
        config = pack.config
        self.device = device
        self.schedule = NoiseSchedule(config.schedule)
        self.representation = make_representation(config.representation)
        self._latent_shape = (config.vae.tokens, config.vae.latent_dim)
        self._features, self._latents = _statistics(pack, self._latent_shape)
        self._denoiser = build(lambda: Denoiser(config.denoiser), pack.tensors("denoiser"), f"{pack.name}/denoiser")
        self._denoiser.fold()
        self._decoder = build(lambda: MotionDecoder(config.vae), pack.tensors("decoder"), f"{pack.name}/decoder")
        self._encoder = Deferred(
            lambda: build(lambda: MotionEncoder(config.vae), pack.tensors("encoder"), f"{pack.name}/encoder")
        )
        self.move(device)

    def move(self, device: torch.device) -> None:
        """Compute on another device from now on."""
        self.device = device
        self._features, self._latents = self._features.to(device), self._latents.to(device)
        self._denoiser.to(device)
        self._decoder.to(device)

    def noise(self, generator: torch.Generator) -> Tensor:
        """(tokens, latent_dim) standard normal, drawn on the CPU: a seed means the same noise everywhere."""
        return torch.randn(self._latent_shape, generator=generator)

    @torch.inference_mode()
    def latent(
        self,
        noise: Tensor,
        frames: int,
        condition: Condition,
        *,
        guidance: float,
        steps: int,
        before_step: Callable[[int], None] | None = None,
        after_step: Callable[[int], None] | None = None,
    ) -> Tensor:
        """Normalised latent (tokens, latent_dim) for a motion of `frames` frames, by DDIM.

        With guidance 1, or without a condition, the unconditional half of each step is left out.
        """
        guided = guidance != 1.0 and condition.kind != Kind.NULL
        conditions = [Condition(), condition] if guided else [condition]
        condition_tokens = torch.cat([self._condition_token(item) for item in conditions])
        rows = len(conditions)
        duration = self._denoiser.duration_tokens(torch.tensor([frames], device=self.device)).expand(rows, -1)
        timesteps = torch.tensor(self.schedule.timesteps(steps), device=self.device)
        time = self._denoiser.time_tokens(timesteps)

        def denoise(latent: Tensor, index: int) -> Tensor:
            prediction = self._denoiser.denoise(
                latent.expand(rows, -1, -1), time[index].expand(rows, -1), condition_tokens, duration
            )
            return guide(prediction[:1], prediction[1:], guidance) if guided else prediction

        start = noise.to(self.device)[None]
        return sample(denoise, start, self.schedule, steps, before_step=before_step, after_step=after_step)[0]

    def _condition_token(self, condition: Condition) -> Tensor:
        denoiser = self._denoiser
        text = torch.zeros(denoiser.config.text_dim) if condition.text is None else condition.text
        style = denoiser.no_style if condition.style is None else condition.style
        kind, action, style_row = torch.tensor([[condition.kind], [condition.action], [style]], device=self.device)
        return denoiser.condition_tokens(kind, text.to(self.device)[None], action, style_row)

    def decode(self, latent: Tensor, frames: int) -> MotionTensors:
        """Normalised latent (tokens, latent_dim) -> motion of `frames` frames, on the CPU."""
        return self.representation.to_motion(self.features(latent, frames).cpu())

    @torch.inference_mode()
    def features(self, latent: Tensor, frames: int) -> Tensor:
        """Normalised latent (tokens, latent_dim) -> features (frames, F) in physical units."""
        memory = self._latents.denormalize(latent.to(self.device))[None]
        return self._features.denormalize(self._decoder(memory, frames)[0])

    @torch.inference_mode()
    def posterior(self, features: Tensor) -> Posterior:
        """Features (T, F) in physical units -> posterior of the VAE's latent, (tokens, latent_dim) each.

        That latent is not normalised by the latent statistics; see `normalize_latent`.
        """
        encoder = self._encoder.get().to(self.device)
        posterior: Posterior = encoder(self._features.normalize(features.to(self.device))[None])
        return Posterior(posterior.mean[0], posterior.log_variance[0])

    def normalize_latent(self, latent: Tensor) -> Tensor:
        """Latent of the VAE -> the normalised latent that `decode` takes and `latent` gives."""
        return self._latents.normalize(latent)


def _statistics(pack: Pack, latent_shape: tuple[int, int]) -> tuple[Statistics, Statistics]:
    tensors = pack.tensors("statistics")
    features = pack.config.representation.features
    expected: dict[str, tuple[int, ...]] = {
        "feature_mean": (features,),
        "feature_std": (features,),
        "latent_mean": latent_shape,
        "latent_std": latent_shape,
    }
    for name, shape in expected.items():
        found = tuple(tensors[name].shape) if name in tensors else "missing"
        if found != shape:
            raise PackError("pack_corrupt", f"{pack.name}/statistics: {name} is {found}, not {shape}.")
    try:
        return (
            Statistics(tensors["feature_mean"].float(), tensors["feature_std"].float()),
            Statistics(tensors["latent_mean"].float(), tensors["latent_std"].float()),
        )
    except ValueError as error:
        raise PackError("pack_corrupt", f"{pack.name}/statistics: {error}.") from error
