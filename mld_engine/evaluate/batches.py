# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion by the thousand: what `pipeline` makes take by take, computed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..checkpoints.config import PackConfig
from ..checkpoints.pack import Pack
from ..conditions.text import load_text_encoder
from ..diffusion.guidance import guide
from ..diffusion.sampler import sample
from ..diffusion.schedule import NoiseSchedule
from ..errors import RequestError
from ..models.denoiser import Denoiser, Kind
from ..models.loading import build
from ..models.vae import MotionDecoder, MotionEncoder
from ..representations.base import Statistics
from ..representations.registry import make_representation
from .held_out import by_length

_LATENTS_AT_ONCE: Final = 2048
_FRAMES_AT_ONCE: Final = 60_000
Parts = Callable[[str], Mapping[str, Tensor]]
"""encoder, decoder, denoiser or statistics -> its tensors by name."""


@dataclass(frozen=True)
class Wishes:
    """Row i of everything is one motion: kind (B,) of `Kind`, text (B, text_dim), label rows (B,), its frames."""

    kind: Tensor
    text: Tensor
    action: Tensor
    style: Tensor
    frames: tuple[int, ...]


class BatchVae:
    """The VAE of a configuration. `tensors` gives those of a part by their name; statistics are feature_mean, _std."""

    def __init__(self, config: PackConfig, tensors: Parts, device: torch.device) -> None:
        assert config.vae is not None, "only models with a VAE are computed in batches"
        vae = config.vae
        self.config, self.device = config, device
        self.representation = make_representation(config.representation)
        self._features = _statistics(tensors, "feature").to(device)
        self._encoder = build(lambda: MotionEncoder(vae), tensors("encoder"), "encoder").to(device)
        self._decoder = build(lambda: MotionDecoder(vae), tensors("decoder"), "decoder").to(device)

    @torch.inference_mode()
    def rebuild(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features (T_i, F) in physical units through the VAE: encoded to the mean, decoded."""
        rebuilt: list[Tensor] = [torch.empty(0)] * len(features)
        for length, part in batches([len(item) for item in features]):
            batch = torch.stack([features[row] for row in part]).to(self.device)
            latents = self._encoder(self._features.normalize(batch)).mean
            for row, item in zip(part, self._decoded(latents, length), strict=True):
                rebuilt[row] = item
        return rebuilt

    def _decoded(self, latents: Tensor, length: int) -> Tensor:
        """The encoder's latents (B, tokens, latent_dim) -> features (B, T, F) in physical units, on the CPU."""
        return self._features.denormalize(self._decoder(latents, length)).cpu()


class BatchNetworks(BatchVae):
    """All networks of a configuration. `empty_text` (text_dim,) is given where it stands for no condition."""

    def __init__(
        self, config: PackConfig, tensors: Parts, device: torch.device, empty_text: Tensor | None = None
    ) -> None:
        super().__init__(config, tensors, device)
        self.schedule = NoiseSchedule(config.schedule)
        self._latents = _statistics(tensors, "latent").to(device)
        self._denoiser = build(lambda: Denoiser(config.denoiser), tensors("denoiser"), "denoiser").to(device)
        self._denoiser.fold()
        self._empty_text = None if empty_text is None else empty_text.to(device)

    @property
    def no_style(self) -> int:
        return self._denoiser.no_style

    @torch.inference_mode()
    def generate(self, wishes: Wishes, *, guidance: float, steps: int, seed: int) -> list[Tensor]:
        """Features (T_i, F) in physical units for each wish. The noise is drawn on the CPU, with `seed`."""
        latents = self._latents.denormalize(self.latents(wishes, guidance=guidance, steps=steps, seed=seed))
        features: list[Tensor] = [torch.empty(0)] * len(latents)
        for length, part in batches(wishes.frames):
            for row, item in zip(part, self._decoded(latents[part], length), strict=True):
                features[row] = item
        return features

    @torch.inference_mode()
    def latents(self, wishes: Wishes, *, guidance: float, steps: int, seed: int) -> Tensor:
        """Normalised latents (B, tokens, latent_dim) for the wishes, by the configuration's own sampler."""
        config, generator = self.config.denoiser, torch.Generator().manual_seed(seed)
        noise = torch.randn(len(wishes.frames), config.tokens, config.latent_dim, generator=generator)
        parts = _split(list(range(len(noise))), _LATENTS_AT_ONCE)
        return torch.cat([self._latents_of(wishes, part, noise[part], guidance, steps, generator) for part in parts])

    def _latents_of(
        self, wishes: Wishes, rows: list[int], noise: Tensor, guidance: float, steps: int, generator: torch.Generator
    ) -> Tensor:
        device, denoiser = self.device, self._denoiser
        kind, text, action, style = (
            values[rows].to(device) for values in (wishes.kind, wishes.text, wishes.action, wishes.style)
        )
        frames = torch.tensor([wishes.frames[row] for row in rows], device=device)
        condition = self._condition(kind, text, action, style)
        duration = denoiser.duration_tokens(frames)
        embedded = self.config.denoiser.guidance_dim > 0
        guided = guidance != 1.0 and bool((kind != Kind.NULL).any()) and not embedded
        if guided:
            nothing = self._condition(torch.full_like(kind, Kind.NULL), text, action, style)
            condition = torch.cat([nothing, condition])
            duration = None if duration is None else torch.cat([duration, duration])
        scales = torch.full((steps,), guidance, device=device) if embedded else None
        time = denoiser.time_tokens(torch.tensor(self.schedule.timesteps(steps), device=device), scales)

        def denoise(latent: Tensor, index: int) -> Tensor:
            doubled = torch.cat([latent, latent]) if guided else latent
            output = denoiser.denoise(doubled, time[index].expand(len(doubled), -1), condition, duration)
            return guide(output[: len(latent)], output[len(latent) :], guidance) if guided else output

        method = self.schedule.config.sampler
        return sample(denoise, noise.to(device), self.schedule, steps, method=method, generator=generator)

    def _condition(self, kind: Tensor, text: Tensor, action: Tensor, style: Tensor) -> Tensor:
        """Condition tokens (B, width); where the empty text stands for no condition, it is given as a text."""
        if self._empty_text is not None:
            none = kind == Kind.NULL
            text = torch.where(none[:, None], self._empty_text, text)
            kind = torch.where(none, torch.full_like(kind, Kind.TEXT), kind)
        return self._denoiser.condition_tokens(kind, text, action, style)


class BatchGenerator(BatchNetworks):
    """A pack's networks. Packs without a VAE are not read.

    Raises RequestError (bad_pack) for those, and PackError: also text_encoder_missing for packs that read the empty
    text where there is no condition.
    """

    def __init__(self, pack: Pack, device: torch.device) -> None:
        config = pack.config
        if config.vae is None:
            raise RequestError("bad_pack", f"The pack {pack.name!r} is of a kind that is not computed in batches.")
        empty_text = None
        if config.denoiser.null_condition == "empty_text":
            assert config.text_encoder is not None, "a pack that reads the empty text has a text encoder"
            empty_text = load_text_encoder(config.text_encoder, device).embed("")
        super().__init__(config, pack.tensors, device, empty_text)
        self.pack = pack


def batches(lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Length and rows that have it, as many as are computed at once."""
    for length, rows in by_length(lengths).items():
        for part in _split(rows, max(1, _FRAMES_AT_ONCE // length)):
            yield length, part


def _statistics(tensors: Parts, name: str) -> Statistics:
    values = tensors("statistics")
    return Statistics(values[f"{name}_mean"].float(), values[f"{name}_std"].float())


def _split(rows: list[int], size: int) -> list[list[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
