# SPDX-License-Identifier: GPL-3.0-or-later
"""From the names and shapes of a checkpoint's tensors to the published model that it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...errors import RequestError
from ..config import Prediction
from .variant import Variant


def infer_variant(tensors: Mapping[str, Tensor], *, prediction: Prediction = "eps") -> Variant:
    """The variant that tensors named vae.* and denoiser.* belong to.

    Shapes do not tell what the denoiser predicts: `prediction` does. Raises RequestError
    (missing_denoiser, missing_vae) where one of the two networks is in another file, RequestError
    (bad_checkpoint) where a tensor that tells the model is missing, PackError
    (checkpoint_not_supported) where they contradict each other.
    """
    shapes = _Shapes(tensors)
    if not any(name.startswith("denoiser.") for name in tensors):
        raise RequestError(
            "missing_denoiser",
            "The checkpoint holds a VAE without a denoiser, as the first stage of training leaves it.",
            "Give the checkpoint of the denoiser, and this file with --vae where that one lacks the VAE.",
        )
    raw = shapes.has("denoiser.pose_embd.weight")
    if not raw and not any(name.startswith("vae.") for name in tensors):
        raise RequestError(
            "missing_vae",
            "The checkpoint holds the denoiser without its VAE.",
            "Give the file that holds the VAE with --vae FILE.",
        )
    width, time_dim = shapes.get("denoiser.time_embedding.linear_1.weight")
    stack = "decoder" if shapes.count("denoiser.decoder") else "encoder"
    skips = shapes.has(f"denoiser.{stack}.middle_block.norm1.weight")
    actions = shapes.first("denoiser.emb_proj.action_embedding", 0)
    projected = shapes.has("denoiser.latent_pre.weight")
    return Variant(
        condition="action" if actions else "text",
        denoiser_layers=shapes.count(f"denoiser.{stack}"),
        denoiser_architecture="decoder" if stack == "decoder" else "encoder",
        denoiser_skips=skips,
        denoiser_projection=projected,
        time_dim=time_dim,
        text_dim=0 if actions else shapes.get("denoiser.emb_proj.1.weight")[1],
        actions=actions,
        width=width,
        feedforward=shapes.feedforward(),
        guidance_dim=shapes.first("denoiser.time_embedding.cond_proj.weight", 1),
        # MotionLCM V2 has projections around the latent and no activation before the text's layer.
        text_activation="none" if projected else "relu",
        prediction=prediction,
        **(_no_vae(shapes) if raw else _vae(shapes, width)),
    )


def _no_vae(shapes: _Shapes) -> dict[str, Any]:
    return {"vae": "none", "features": shapes.get("denoiser.pose_embd.weight")[1]}


def _vae(shapes: _Shapes, width: int) -> dict[str, Any]:
    if shapes.has("vae.encoder.mu_token"):
        return {
            "vae": "actor",
            "features": shapes.get("vae.encoder.skel_embedding.weight")[1],
            "vae_layers": shapes.count("vae.encoder.seqTransEncoder"),
            "latent_tokens": 1,
            "latent_dim": width,
        }
    tokens = shapes.get("vae.global_motion_token")[0]
    linear = shapes.has("vae.dist_layer.weight")
    cross = shapes.has("vae.decoder.middle_block.multihead_attn.in_proj_weight")
    return {
        "vae": "mld",
        "features": shapes.get("vae.skel_embedding.weight")[1],
        "vae_layers": shapes.count("vae.encoder"),
        "vae_architecture": "encoder_decoder" if cross else "all_encoder",
        "latent_tokens": tokens if linear else tokens // 2,
        "latent_dim": shapes.first("vae.latent_pre.weight", 0) or width,
        "mlp_dist": linear,
        "vae_projection": shapes.has("vae.latent_pre.weight"),
    }


class _Shapes:
    """Shapes of a checkpoint's tensors by name."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}

    def has(self, name: str) -> bool:
        return name in self._shapes

    def get(self, name: str) -> tuple[int, int]:
        """The two sizes of a table or of a linear layer's weight."""
        shape = self._shapes.get(name, ())
        if len(shape) != 2:
            problem = f"has the shape {list(shape)}" if shape else "is missing"
            raise RequestError(
                "bad_checkpoint",
                f"The checkpoint is no model that this engine knows: {name} {problem}.",
                "Check that the file is complete and is a checkpoint of MLD or MotionLCM.",
            )
        return shape

    def first(self, name: str, axis: int) -> int:
        """One size of a tensor that not every model has, else 0."""
        return self.get(name)[axis] if name in self._shapes else 0

    def count(self, stack: str) -> int:
        """Layers of a transformer, with or without skip connections."""
        name = re.compile(re.escape(stack) + r"\.((?:layers|input_blocks|output_blocks)\.\d+|middle_block)\.")
        return len({found[1] for key in self._shapes if (found := name.match(key))})

    def feedforward(self) -> int:
        """Width of the feed-forward layers, the same everywhere."""
        shapes = [shape for name, shape in self._shapes.items() if name.endswith(".linear1.weight")]
        return shapes[0][0] if shapes else 0
