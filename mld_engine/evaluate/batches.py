# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion by the thousand: what `pipeline` makes take by take, computed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

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


@dataclass(frozen=True)
class Wishes:
    """Row i of everything is one motion: kind (B,) of `Kind`, text (B, text_dim), label rows (B,), its frames."""

    kind: Tensor
    text: Tensor
    action: Tensor
    style: Tensor
    frames: tuple[int, ...]


class BatchGenerator:
    """A pack's networks. Packs without a VAE are not read.

    Raises RequestError (bad_pack) for those, and PackError: also text_encoder_missing for packs that read the empty
    text where there is no condition.
    """

    def __init__(self, pack: Pack, device: torch.device) -> None:
        config = pack.config
        if config.vae is None:
            raise RequestError("bad_pack", f"The pack {pack.name!r} is of a kind that is not computed in batches.")
        vae = config.vae
        self.pack, self.device = pack, device
        self.schedule = NoiseSchedule(config.schedule)
        self.representation = make_representation(config.representation)
        statistics = {name: tensor.float() for name, tensor in pack.tensors("statistics").items()}
        self._features = Statistics(statistics["feature_mean"], statistics["feature_std"]).to(device)
        self._latents = Statistics(statistics["latent_mean"], statistics["latent_std"]).to(device)
        self._encoder = build(lambda: MotionEncoder(vae), pack.tensors("encoder"), "encoder").to(device)
        self._decoder = build(lambda: MotionDecoder(vae), pack.tensors("decoder"), "decoder").to(device)
        self._denoiser = build(lambda: Denoiser(config.denoiser), pack.tensors("denoiser"), "denoiser").to(device)
        self._denoiser.fold()
        self._empty_text: Tensor | None = None
        if config.denoiser.null_condition == "empty_text":
            assert config.text_encoder is not None, "a pack that reads the empty text has a text encoder"
            self._empty_text = load_text_encoder(config.text_encoder, device).embed("").to(device)

    @property
    def no_style(self) -> int:
        return self._denoiser.no_style

    @torch.inference_mode()
    def generate(self, wishes: Wishes, *, guidance: float, steps: int, seed: int) -> list[Tensor]:
        """Features (T_i, F) in physical units for each wish. The noise is drawn on the CPU, with `seed`."""
        return self._decoded(self.latents(wishes, guidance=guidance, steps=steps, seed=seed), wishes.frames)

    @torch.inference_mode()
    def latents(self, wishes: Wishes, *, guidance: float, steps: int, seed: int) -> Tensor:
        """Normalised latents (B, tokens, latent_dim) for the wishes, by the pack's own sampler."""
        config, generator = self.pack.config.denoiser, torch.Generator().manual_seed(seed)
        noise = torch.randn(len(wishes.frames), config.tokens, config.latent_dim, generator=generator)
        parts = _split(list(range(len(noise))), _LATENTS_AT_ONCE)
        return torch.cat([self._latents_of(wishes, part, noise[part], guidance, steps, generator) for part in parts])

    @torch.inference_mode()
    def rebuild(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features (T_i, F) in physical units through the VAE: encoded to the mean, decoded."""
        lengths = [len(item) for item in features]
        latents: list[Tensor] = [torch.empty(0)] * len(features)
        for length, rows in by_length(lengths).items():
            for part in _split(rows, max(1, _FRAMES_AT_ONCE // length)):
                batch = torch.stack([features[row] for row in part]).to(self.device)
                mean = self._encoder(self._features.normalize(batch)).mean
                for row, latent in zip(part, self._latents.normalize(mean), strict=True):
                    latents[row] = latent
        return self._decoded(torch.stack(latents), lengths)

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
        embedded = self.pack.config.denoiser.guidance_dim > 0
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

    def _decoded(self, latents: Tensor, lengths: Sequence[int]) -> list[Tensor]:
        features: list[Tensor] = [torch.empty(0)] * len(lengths)
        for length, rows in by_length(lengths).items():
            for part in _split(rows, max(1, _FRAMES_AT_ONCE // length)):
                decoded = self._decoder(self._latents.denormalize(latents[part]), length)
                for row, item in zip(part, self._features.denormalize(decoded).cpu(), strict=True):
                    features[row] = item
        return features


def _split(rows: list[int], size: int) -> list[list[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
