# SPDX-License-Identifier: GPL-3.0-or-later
"""Published models with made-up weights: the files that this engine imports, without the files."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from official_models import ActorVae, MldDenoiser, MldVae
from torch import Tensor, nn

from mld_engine.checkpoints.official.variant import Variant

MLD = Variant(
    features=263, condition="text", vae="mld", latent_tokens=1, latent_dim=256, vae_layers=9,
    denoiser_layers=9, time_dim=768, text_dim=768,
)  # fmt: skip
ACTION = Variant(
    features=150, condition="action", vae="actor", latent_tokens=1, latent_dim=256, vae_layers=6,
    denoiser_layers=15, time_dim=256, actions=12,
)  # fmt: skip
V2 = replace(
    MLD, latent_tokens=16, latent_dim=32, vae_projection=True, denoiser_projection=True, text_activation="none"
)
NO_VAE = Variant(
    features=263, condition="text", vae="none", denoiser_layers=9, time_dim=768, text_dim=768,
    denoiser_architecture="decoder", denoiser_skips=False,
)  # fmt: skip
VARIANTS: dict[str, Variant] = {
    "mld": MLD,
    "kit": replace(MLD, features=251),
    "humanact12": ACTION,
    "uestc": replace(ACTION, actions=40),
    "no_vae": NO_VAE,
    "motionlcm_v1": replace(MLD, guidance_dim=256),
    "motionlcm_v2_mld": V2,
    "motionlcm_v2": replace(V2, guidance_dim=256),
    "seven_tokens": replace(MLD, latent_tokens=7),
    "all_encoder": replace(MLD, vae_architecture="all_encoder"),
    "mlp_dist": replace(MLD, latent_tokens=2, mlp_dist=True),
    "cross_attention": replace(MLD, latent_tokens=2, denoiser_architecture="decoder", denoiser_skips=False),
    "no_skips": replace(MLD, denoiser_layers=6, denoiser_skips=False),
    "no_vae_encoder": replace(NO_VAE, denoiser_architecture="encoder", denoiser_skips=True),
    "clean_motion": replace(MLD, prediction="x0"),
}
"""The published models, and the variants that their code offers."""


def small(variant: Variant, **changes: Any) -> Variant:
    """The same model with few and narrow layers."""
    width = 32
    sizes: dict[str, Any] = {"width": width, "feedforward": 48, "denoiser_layers": 3 if variant.denoiser_skips else 2}
    if variant.vae != "none":
        sizes["vae_layers"] = 3 if variant.vae == "mld" else 2
        sizes["latent_dim"] = 8 if variant.vae_projection else width
    sizes["time_dim"] = 24 if variant.text_dim else width
    sizes["text_dim"] = 24 if variant.text_dim else 0
    sizes["guidance_dim"] = 10 if variant.guidance_dim else 0
    return replace(variant, **{**sizes, **changes})


def golden_tensor(key: str, shape: torch.Size) -> Tensor:
    """The weights that the golden arrays were made with: 0.05 sin(0.37 n + phase of the key), norms around 1.

    `key` goes without vae. and denoiser. in front.
    """
    count = torch.arange(shape.numel(), dtype=torch.float64)
    values = 0.05 * torch.sin(0.37 * count + zlib.crc32(key.encode()) % 1000)
    if "norm" in key and key.endswith("weight"):
        values += 1
    return values.reshape(shape).float()


def random_tensor(key: str, shape: torch.Size) -> Tensor:
    """Weights to which every part of a network matters, other than to the golden ones; from the key alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    values = torch.randn(shape, generator=generator)
    if len(shape) == 2:
        return 1.3 * values / shape[1] ** 0.5
    return 0.3 * values + (1.0 if "norm" in key and key.endswith("weight") else 0.0)


@dataclass(frozen=True)
class OfficialModel:
    """The networks of one published model."""

    vae: MldVae | ActorVae | None
    denoiser: MldDenoiser

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors by their published keys."""
        networks = {"vae": self.vae, "denoiser": self.denoiser}
        return {
            f"{prefix}.{key}": tensor
            for prefix, network in networks.items()
            if network is not None
            for key, tensor in network.state_dict().items()
        }


def make_official(
    variant: Variant, *, fill: Callable[[str, torch.Size], Tensor] = golden_tensor, mem_pos: bool = True
) -> OfficialModel:
    """A published model with made-up weights. `mem_pos`: with the table that most of them can do without."""
    sizes = {"width": variant.width, "feedforward": variant.feedforward}
    vae: MldVae | ActorVae | None = None
    latent = variant.latent_dim
    if variant.vae == "actor":
        vae = ActorVae(features=variant.features, layers=variant.vae_layers, **sizes)
    elif variant.vae == "mld":
        vae = MldVae(
            features=variant.features,
            tokens=variant.latent_tokens,
            layers=variant.vae_layers,
            all_encoder=variant.vae_architecture == "all_encoder",
            mlp_dist=variant.mlp_dist,
            small_latent=latent if variant.vae_projection else None,
            **sizes,
        )
    denoiser = MldDenoiser(
        layers=variant.denoiser_layers,
        text_dim=variant.text_dim,
        actions=variant.actions,
        decoder=variant.denoiser_architecture == "decoder",
        skips=variant.denoiser_skips,
        raw_features=variant.features if variant.vae == "none" else 0,
        small_latent=latent if variant.denoiser_projection else None,
        guidance_dim=variant.guidance_dim,
        text_relu=variant.text_activation == "relu",
        mem_pos=mem_pos,
        **sizes,
    )
    for network in (vae, denoiser):
        if network is not None:
            _fill(network, fill)
    return OfficialModel(vae, denoiser)


@torch.no_grad()
def _fill(network: nn.Module, fill: Callable[[str, torch.Size], Tensor]) -> None:
    for key, tensor in network.state_dict().items():
        if not key.endswith("sequence_pos_encoding.pe"):
            tensor.copy_(fill(key, tensor.shape))
    network.eval().requires_grad_(False)


def wave(shape: tuple[int, ...], phase: float) -> Tensor:
    """The inputs of the golden arrays."""
    count = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(0.11 * count + phase).reshape(shape).float()


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}
