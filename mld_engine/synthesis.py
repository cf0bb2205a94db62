# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack's networks on one device: noise -> latent -> motion, and motion -> latent.

Where a pack has no VAE, "latent" means the normalised features (frames, F) themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from torch import Tensor

from .checkpoints.config import VaeConfig
from .checkpoints.pack import Pack
from .deferred import Deferred
from .diffusion.cuda_graph import recorded
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
    """What the denoiser is told: a text embedding (text_dim,), or label rows, or the learned (or zero) "nothing"."""

    kind: Kind = Kind.NULL
    text: Tensor | None = None
    action: int = 0
    style: int | None = None


NOTHING: Final = Condition()
_RECORDED: Final = 8
"""Shapes of requests that are kept recorded; a pack without a VAE has one for each length."""


class Synthesis:
    """Denoiser, decoder and statistics of a pack; the VAE's encoder is loaded when it is first used."""

    def __init__(self, pack: Pack, device: torch.device) -> None:
        """Raises PackError: pack_missing_file, pack_corrupt."""
        config = pack.config
        self.device = device
        self.schedule = NoiseSchedule(config.schedule)
        self.representation = make_representation(config.representation)
        self._config = config
        self._features = _statistics(pack, "feature", (config.representation.features,))
        self._denoiser = build(lambda: Denoiser(config.denoiser), pack.tensors("denoiser"), f"{pack.name}/denoiser")
        self._denoiser.fold()
        self._vae = None if config.vae is None else _Vae(pack, config.vae)
        self._steps: dict[tuple[object, ...], Callable[..., Tensor]] = {}
        self.move(device)

    def move(self, device: torch.device) -> None:
        """Compute on another device from now on."""
        self.device = device
        self._steps.clear()
        self._features = self._features.to(device)
        self._denoiser.to(device)
        if self._vae is not None:
            self._vae.move(device)

    def noise(self, generator: torch.Generator, frames: int) -> Tensor:
        """Standard normal like a latent, drawn on the CPU: a seed means the same noise everywhere."""
        denoiser = self._config.denoiser
        return torch.randn(frames if denoiser.raw_motion else denoiser.tokens, denoiser.latent_dim, generator=generator)

    @torch.inference_mode()
    def latent(
        self,
        noise: Tensor,
        frames: int,
        condition: Condition | None,
        *,
        guidance: float,
        steps: int,
        unconditional: Condition = NOTHING,
        generator: torch.Generator | None = None,
        before_step: Callable[[int], None] | None = None,
        after_step: Callable[[int], None] | None = None,
    ) -> Tensor:
        """Normalised latent (tokens, latent_dim) for a motion of `frames` frames, by the pack's sampler.

        `condition` None, and guidance, go by `unconditional`. With guidance 1, without a condition,
        and for a model that takes the scale as an input, each step is one half. `generator` gives
        the noise of samplers that add some.
        """
        embedded = self._config.denoiser.guidance_dim > 0
        guided = condition is not None and guidance != 1.0 and not embedded
        wanted = condition or unconditional
        conditions = [unconditional, wanted] if guided else [wanted]
        condition_tokens = torch.cat([self._condition_token(item) for item in conditions])
        rows = len(conditions)
        duration = self._denoiser.duration_tokens(torch.tensor([frames], device=self.device))
        duration_tokens = None if duration is None else duration.expand(rows, -1)
        timesteps = torch.tensor(self.schedule.timesteps(steps), device=self.device)
        scales = torch.full((steps,), guidance, device=self.device) if embedded else None
        time = self._denoiser.time_tokens(timesteps, scales)
        start = noise.to(self.device)[None]
        fixed = [condition_tokens, torch.tensor(guidance, device=self.device)]
        if duration_tokens is not None:
            fixed.append(duration_tokens)
        step = self._step(guided, [start, time[0], *fixed])

        def denoise(latent: Tensor, index: int) -> Tensor:
            return step(latent, time[index], *fixed)

        latents = sample(
            denoise,
            start,
            self.schedule,
            steps,
            method=self.schedule.config.sampler,
            generator=generator,
            before_step=before_step,
            after_step=after_step,
        )
        return latents[0]

    def _step(self, guided: bool, examples: list[Tensor]) -> Callable[..., Tensor]:
        """One step on the noisy latent, its time token and what stays the same, recorded where that is faster."""
        key = (guided, *(example.shape for example in examples))
        if key not in self._steps:
            if len(self._steps) == _RECORDED:
                self._steps.clear()
            self._steps[key] = recorded(partial(self._predict, guided), examples)
        return self._steps[key]

    def _predict(
        self, guided: bool, latent: Tensor, time: Tensor, condition: Tensor, guidance: Tensor, *duration: Tensor
    ) -> Tensor:
        rows = len(condition)
        prediction = self._denoiser.denoise(
            latent.expand(rows, -1, -1), time.expand(rows, -1), condition, duration[0] if duration else None
        )
        return guide(prediction[:1], prediction[1:], guidance) if guided else prediction

    def _condition_token(self, condition: Condition) -> Tensor:
        denoiser = self._denoiser
        text = torch.zeros(denoiser.config.text_dim) if condition.text is None else condition.text
        style = denoiser.no_style if condition.style is None else condition.style
        kind, action, style_row = torch.tensor([[condition.kind], [condition.action], [style]], device=self.device)
        return denoiser.condition_tokens(kind, text.to(self.device)[None], action, style_row)

    def decode(self, latent: Tensor, frames: int) -> MotionTensors:
        """Normalised latent (tokens, latent_dim) -> motion of `frames` frames, on the CPU."""
        # A copy made outside of inference mode may take part in a fit by gradients.
        return self.representation.to_motion(self.features(latent, frames).cpu().clone())

    @torch.inference_mode()
    def features(self, latent: Tensor, frames: int) -> Tensor:
        """Normalised latent (tokens, latent_dim) -> features (frames, F) in physical units."""
        latent = latent.to(self.device)
        return self._features.denormalize(latent if self._vae is None else self._vae.decode(latent, frames))

    @torch.inference_mode()
    def posterior(self, features: Tensor) -> Posterior:
        """Features (T, F) in physical units -> posterior of the VAE's latent, (tokens, latent_dim) each.

        That latent is not normalised by the latent statistics; see `normalize_latent`. Raises
        ValueError for a pack without a VAE.
        """
        return self._require_vae().posterior(self._features.normalize(features.to(self.device)))

    def normalize_latent(self, latent: Tensor) -> Tensor:
        """Latent of the VAE -> the normalised latent that `decode` takes and `latent` gives."""
        return self._require_vae().latents.normalize(latent)

    def _require_vae(self) -> _Vae:
        if self._vae is None:
            raise ValueError(f"the pack {self._config.name!r} has no VAE: its diffusion works on the motion itself")
        return self._vae


class _Vae:
    """Decoder and latent statistics; the encoder is loaded when it is first used."""

    def __init__(self, pack: Pack, config: VaeConfig) -> None:
        self.latents = _statistics(pack, "latent", (config.tokens, config.latent_dim))
        self._device = torch.device("cpu")
        self._decoders: dict[int, Callable[..., Tensor]] = {}
        self._decoder = build(lambda: MotionDecoder(config), pack.tensors("decoder"), f"{pack.name}/decoder")
        self._encoder = Deferred(
            lambda: build(lambda: MotionEncoder(config), pack.tensors("encoder"), f"{pack.name}/encoder")
        )

    def move(self, device: torch.device) -> None:
        self._device = device
        self._decoders.clear()
        self.latents = self.latents.to(device)
        self._decoder.to(device)

    def decode(self, latent: Tensor, frames: int) -> Tensor:
        """Normalised latent (tokens, latent_dim) -> normalised features (frames, F)."""
        latents = self.latents.denormalize(latent)[None]
        if frames not in self._decoders:
            if len(self._decoders) == _RECORDED:
                self._decoders.clear()
            self._decoders[frames] = recorded(partial(self._decoder, frames=frames), [latents])
        return self._decoders[frames](latents)[0]

    def posterior(self, features: Tensor) -> Posterior:
        """Normalised features (T, F) -> posterior, (tokens, latent_dim) each."""
        posterior: Posterior = self._encoder.get().to(self._device)(features[None])
        return Posterior(posterior.mean[0], posterior.log_variance[0])


def _statistics(pack: Pack, kind: str, shape: tuple[int, ...]) -> Statistics:
    """`kind`_mean and `kind`_std of the pack's statistics."""
    tensors = pack.tensors("statistics")
    for name in (f"{kind}_mean", f"{kind}_std"):
        found = tuple(tensors[name].shape) if name in tensors else "missing"
        if found != shape:
            raise PackError("pack_corrupt", f"{pack.name}/statistics: {name} is {found}, not {shape}.")
    try:
        return Statistics(tensors[f"{kind}_mean"].float(), tensors[f"{kind}_std"].float())
    except ValueError as error:
        raise PackError("pack_corrupt", f"{pack.name}/statistics: {error}.") from error
