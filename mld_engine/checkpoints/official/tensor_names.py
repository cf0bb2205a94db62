# SPDX-License-Identifier: GPL-3.0-or-later
"""Tensors of the published checkpoints -> tensors of our modules.

Both compute the same from them. Queries are split from keys and values; input, middle and output
blocks are counted through; positions that are always added to the same learned token are added to it
here; and of the position tables only the rows that can be used are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ...errors import PackError
from ...models.blocks import position_table
from ..config import DenoiserConfig, TransformerConfig, VaeConfig
from .variant import Variant, variant_configs

PREFIXES: Final = ("vae.", "denoiser.")
"""Keys with other prefixes belong to evaluators, text encoders and body models."""
IGNORED_ENDINGS: Final = ("sequence_pos_encoding.pe",)
"""Fixed sinusoids, which are computed."""
UNUSED_POSITIONS: Final = "denoiser.mem_pos.pe"
"""Made but never read by the denoiser that has its context in the sequence; some files leave it out."""


@dataclass(frozen=True)
class Converted:
    """Tensors by the names of our modules; without a VAE there is no encoder and no decoder."""

    encoder: dict[str, Tensor] | None
    decoder: dict[str, Tensor] | None
    denoiser: dict[str, Tensor]


def convert(variant: Variant, state_dict: Mapping[str, Tensor]) -> Converted:
    """A published `state_dict` (keys with `vae.` and `denoiser.`) -> float32 tensors for our modules.

    Raises PackError (checkpoint_not_supported) naming a key of these two that is missing, that has
    another shape than the variant says, or that the variant does not have.
    """
    source = _Source(state_dict)
    vae, denoiser, _ = variant_configs(variant)
    converted = Converted(
        None if vae is None else _encoder(source, variant, vae),
        None if vae is None else _decoder(source, variant, vae),
        _denoiser(source, denoiser),
    )
    source.done()
    return converted


class _Source:
    """The checkpoint's tensors, each of which is to be taken once."""

    def __init__(self, state_dict: Mapping[str, Tensor]) -> None:
        self._tensors = {
            key: tensor
            for key, tensor in state_dict.items()
            if key.startswith(PREFIXES) and not key.endswith(IGNORED_ENDINGS)
        }
        self._taken: set[str] = {UNUSED_POSITIONS}

    def take(self, key: str, *shape: int) -> Tensor:
        tensor = self._find(key)
        if tuple(tensor.shape) != shape:
            raise _unsupported(f"{key} has the shape {tuple(tensor.shape)}, not {shape}")
        return tensor.float()

    def positions(self, key: str, rows: int, width: int) -> Tensor:
        """The first `rows` rows (rows, width) of a table that is stored as (length, 1, width)."""
        table = self._find(key)
        if table.dim() != 3 or table.shape[0] < rows or tuple(table.shape[1:]) != (1, width):
            raise _unsupported(f"{key} has the shape {tuple(table.shape)}, not at least {(rows, 1, width)}")
        return table[:rows, 0].float()

    def linear(self, key: str, name: str, inputs: int, outputs: int) -> dict[str, Tensor]:
        return {
            f"{name}.weight": self.take(f"{key}.weight", outputs, inputs),
            f"{name}.bias": self.take(f"{key}.bias", outputs),
        }

    def norm(self, key: str, name: str, width: int) -> dict[str, Tensor]:
        return {f"{name}.{part}": self.take(f"{key}.{part}", width) for part in ("weight", "bias")}

    def done(self) -> None:
        unknown = sorted(set(self._tensors) - self._taken)
        if unknown:
            raise _unsupported(f"it holds {unknown[0]}, which this kind of model does not have")

    def _find(self, key: str) -> Tensor:
        if key not in self._tensors:
            raise _unsupported(f"{key} is missing")
        self._taken.add(key)
        return self._tensors[key]


def _unsupported(problem: str) -> PackError:
    return PackError(
        "checkpoint_not_supported",
        f"The checkpoint does not fit the published models: {problem}.",
        "Check that the file is complete and is a checkpoint of MLD or MotionLCM.",
    )


def _encoder(source: _Source, variant: Variant, config: VaeConfig) -> dict[str, Tensor]:
    width, count = config.width, config.distribution_tokens
    rows = count + config.max_frames
    if variant.vae == "actor":
        tokens = torch.stack([source.take(f"vae.encoder.{name}_token", width) for name in ("mu", "logvar")])
        positions = position_table(rows, width)
        stack, embedding = "vae.encoder.seqTransEncoder", "vae.encoder.skel_embedding"
    else:
        tokens = source.take("vae.global_motion_token", count, width)
        positions = source.positions("vae.query_pos_encoder.pe", rows, width)
        stack, embedding = "vae.encoder", "vae.skel_embedding"
    converted = {"dist_tokens": tokens + positions[:count], "enc_pos": positions[count:]}
    converted |= source.linear(embedding, "embed", config.features, width)
    converted |= _stack(source, stack, "encoder", config, cross=False)
    return converted | _distribution(source, config)


def _distribution(source: _Source, config: VaeConfig) -> dict[str, Tensor]:
    """The layers for mean and log-variance: two halves of one layer, or the same layer twice."""
    width, size = config.width, config.latent_dim
    if config.distribution == "linear":
        both = source.linear("vae.dist_layer", "both", width, 2 * size)
        mean, log_variance = ({name: tensor.chunk(2)[half] for name, tensor in both.items()} for half in (0, 1))
    elif config.latent_projection:
        mean = log_variance = source.linear("vae.latent_pre", "both", width, size)
    else:
        return {}
    return {
        name.replace("both", layer): tensor
        for layer, tensors in (("to_mu", mean), ("to_logvar", log_variance))
        for name, tensor in tensors.items()
    }


def _decoder(source: _Source, variant: Variant, config: VaeConfig) -> dict[str, Tensor]:
    width, frames = config.width, config.max_frames
    converted: dict[str, Tensor] = {}
    if variant.vae == "actor":
        converted["dec_pos"] = position_table(frames, width)
        stack, head = "vae.decoder.seqTransDecoder", "vae.decoder.final_layer"
    else:
        before = config.tokens if config.memory_positions else 0
        positions = source.positions("vae.query_pos_decoder.pe", before + frames, width)
        converted["dec_pos"] = positions[before:]
        if before:
            converted["mem_pos"] = positions[:before]
        stack, head = "vae.decoder", "vae.final_layer"
    if config.latent_projection:
        converted |= source.linear("vae.latent_post", "from_latent", config.latent_dim, width)
    converted |= _stack(source, stack, "decoder", config, cross=config.architecture == "encoder_decoder")
    return converted | source.linear(head, "head", width, config.features)


def _denoiser(source: _Source, config: DenoiserConfig) -> dict[str, Tensor]:
    width = config.width
    converted: dict[str, Tensor] = {"pos": _denoiser_positions(source, config)}
    if config.latent_projection:
        into, out_of = ("pose_embd", "pose_proj") if config.raw_motion else ("latent_pre", "latent_post")
        converted |= source.linear(f"denoiser.{into}", "inp", config.latent_dim, width)
        converted |= source.linear(f"denoiser.{out_of}", "out", width, config.latent_dim)
    time_dim = config.time_dim or width
    converted |= source.linear("denoiser.time_embedding.linear_1", "time.0", time_dim, width)
    converted |= source.linear("denoiser.time_embedding.linear_2", "time.2", width, width)
    if config.guidance_dim:
        key = "denoiser.time_embedding.cond_proj.weight"
        converted["guidance.weight"] = source.take(key, time_dim, config.guidance_dim)
    if config.text_dim:
        converted |= source.linear("denoiser.emb_proj.1", "text", config.text_dim, width)
    if config.actions:
        converted["action.weight"] = source.take("denoiser.emb_proj.action_embedding", config.actions, width)
    cross = config.architecture == "decoder"
    return converted | _stack(source, "denoiser.decoder" if cross else "denoiser.encoder", "body", config, cross=cross)


def _denoiser_positions(source: _Source, config: DenoiserConfig) -> Tensor:
    """Our table: the noisy tokens' rows, then the context's. The order of a sequence means nothing by itself."""
    width, tokens, context = config.width, config.tokens, config.context_tokens
    if config.architecture == "decoder":
        queries = source.positions("denoiser.query_pos.pe", tokens, width)
        return torch.cat([queries, source.positions(UNUSED_POSITIONS, context, width)])
    table = source.positions("denoiser.query_pos.pe", tokens + context, width)
    if config.raw_motion:
        # There the context stands before the frames.
        return torch.cat([table[context:], table[:context]])
    return table


def _stack(source: _Source, key: str, name: str, config: TransformerConfig, *, cross: bool) -> dict[str, Tensor]:
    width, half = config.width, config.layers // 2
    if config.skips:
        sides = [[f"{side}_blocks.{index}" for index in range(half)] for side in ("input", "output")]
        blocks = [*sides[0], "middle_block", *sides[1]]
    else:
        blocks = [f"layers.{index}" for index in range(config.layers)]
    converted: dict[str, Tensor] = {}
    for index, block in enumerate(blocks):
        converted |= _block(source, f"{key}.{block}", f"{name}.blocks.{index}", config, cross=cross)
    if config.skips:
        for index in range(half):
            converted |= source.linear(f"{key}.linear_blocks.{index}", f"{name}.links.{index}", 2 * width, width)
    if config.final_norm:
        converted |= source.norm(f"{key}.norm", f"{name}.norm", width)
    return converted


def _block(source: _Source, key: str, name: str, config: TransformerConfig, *, cross: bool) -> dict[str, Tensor]:
    width = config.width
    converted = _attention(source, f"{key}.self_attn", f"{name}.self_attn", width)
    norms = ["n1", "nc", "n2"] if cross else ["n1", "n2"]
    if cross:
        converted |= _attention(source, f"{key}.multihead_attn", f"{name}.cross_attn", width)
    for number, norm in enumerate(norms, start=1):
        converted |= source.norm(f"{key}.norm{number}", f"{name}.{norm}", width)
    converted |= source.linear(f"{key}.linear1", f"{name}.up", width, config.feedforward)
    return converted | source.linear(f"{key}.linear2", f"{name}.down", config.feedforward, width)


def _attention(source: _Source, key: str, name: str, width: int) -> dict[str, Tensor]:
    weight = source.take(f"{key}.in_proj_weight", 3 * width, width)
    bias = source.take(f"{key}.in_proj_bias", 3 * width)
    return {
        f"{name}.q.weight": weight[:width],
        f"{name}.q.bias": bias[:width],
        f"{name}.kv.weight": weight[width:],
        f"{name}.kv.bias": bias[width:],
        **source.linear(f"{key}.out_proj", f"{name}.out", width, width),
    }
