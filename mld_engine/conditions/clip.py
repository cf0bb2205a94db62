# SPDX-License-Identifier: GPL-3.0-or-later
"""CLIP's text encoder (Radford et al., 2021) by OpenCLIP: the projected, not normalised embedding.

Only the text tower is made and loaded. The official MLD models were trained on OpenAI's weights,
whose blocks have the QuickGELU activation; OpenCLIP builds the same architecture with the exact GELU
under the plain name `ViT-L-14`, which gives embeddings that are subtly wrong. That is an error here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from ..checkpoints.config import TextEncoderConfig
from ..errors import PackError
from ..models.loading import build
from .sources import CLIP, find_file
from .weights import check_sha256, corrupt, place, read_tensors

if TYPE_CHECKING:
    from open_clip import TextTransformer

_SPECIAL_TOKENS: Final = 2
_TOWER: Final = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection")
_HUGGING_FACE_PREFIX: Final = "text_model."
_HUGGING_FACE_BLOCK: Final = re.compile(r"text_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_HUGGING_FACE_LAYERS: Final = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_HUGGING_FACE_NAMES: Final = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
}


class Clip:
    """One text -> the end token's output, projected. In half precision on a CUDA device."""

    def __init__(self, config: TextEncoderConfig, device: torch.device) -> None:
        """Raises PackError: text_encoder_missing, text_encoder_corrupt."""
        open_clip = _import_open_clip()
        settings = open_clip.get_model_config(config.model)
        if settings is None:
            raise PackError(
                "text_encoder_missing",
                f"The pack reads text with {config.model!r}, which this OpenCLIP does not know.",
                "Run install_deps.py --clip to get the OpenCLIP that this engine was tested with.",
            )
        check_quick_gelu(config.model, settings)
        path = find_file(CLIP)
        check_sha256(path, config)
        tensors = _open_clip_names(read_tensors(path, lambda name: name.startswith((*_TOWER, _HUGGING_FACE_PREFIX))))
        try:
            self._tower = build(lambda: _make_tower(open_clip, settings), tensors, str(path))
        except PackError as error:
            raise corrupt(path, f"does not hold the text tower of {config.model}") from error
        if self._tower.text_projection.shape[1] != config.dim:
            raise corrupt(path, "has embeddings of another size than the pack needs")
        self._tokenizer = open_clip.get_tokenizer(config.model)
        self._length: int = min(config.max_tokens, settings["text_cfg"]["context_length"])
        self._device = place(self._tower, device, nn.Module.half)

    @property
    def max_pieces(self) -> int:
        return self._length - _SPECIAL_TOKENS

    def count_pieces(self, text: str) -> int:
        return len(self._tokenizer.encode(text))

    @torch.inference_mode()
    def embed(self, text: str) -> Tensor:
        """(dim,) float32 on the CPU, not normalised."""
        tower = self._tower
        row = self._tokenizer(text, context_length=self._length)[0]
        # Attention is causal, so what follows the first end token changes nothing and is left out.
        count = int((row == self._tokenizer.eot_token_id).int().argmax()) + 1
        tokens = tower.token_embedding(row[None, :count].to(self._device)) + tower.positional_embedding[:count]
        tokens = tower.transformer(tokens, attn_mask=tower.attn_mask[:count, :count])
        embedding: Tensor = tower.ln_final(tokens[0, -1]) @ tower.text_projection
        return embedding.float().cpu()


def check_quick_gelu(model: str, settings: dict[str, Any]) -> None:
    """Raises PackError (text_encoder_corrupt) for an OpenCLIP model that OpenAI's weights do not belong to."""
    if settings.get("quick_gelu") is not True:
        raise PackError(
            "text_encoder_corrupt",
            f"The pack names the text encoder {model!r}, whose blocks have the exact GELU. OpenAI's weights were "
            "trained with QuickGELU: the embeddings would be subtly wrong.",
            f"Import the checkpoint again; the pack's configuration must name {model}-quickgelu.",
        )


def _import_open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise PackError(
            "text_encoder_missing",
            "The pack reads text with CLIP, and OpenCLIP is not installed.",
            "Run: python install_deps.py --clip",
            {"package": "open_clip_torch"},
        ) from error
    return open_clip


def _make_tower(open_clip: Any, settings: dict[str, Any]) -> TextTransformer:
    """The text tower alone, as OpenCLIP makes it for this configuration."""
    from open_clip.transformer import QuickGELU, TextTransformer

    text = open_clip.CLIPTextCfg(**settings["text_cfg"])
    tower = TextTransformer(
        context_length=text.context_length,
        vocab_size=text.vocab_size,
        width=text.width,
        heads=text.heads,
        layers=text.layers,
        mlp_ratio=text.mlp_ratio,
        output_dim=settings["embed_dim"],
        pool_type=text.pool_type,
        act_layer=QuickGELU,
    )
    activations = [module for block in tower.transformer.resblocks for module in block.mlp.children()]
    assert sum(isinstance(module, QuickGELU) for module in activations) == text.layers, "every block has a QuickGELU"
    assert not any(isinstance(module, nn.GELU) for module in activations), "no block has another activation"
    return tower


def _open_clip_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Hugging Face's names for the same tensors -> OpenCLIP's, which are OpenAI's."""
    if not any(name.startswith(_HUGGING_FACE_PREFIX) for name in tensors):
        return tensors
    renamed = {ours: tensors[theirs] for theirs, ours in _HUGGING_FACE_NAMES.items() if theirs in tensors}
    if "text_projection.weight" in tensors:
        renamed["text_projection"] = tensors["text_projection.weight"].T
    for name, tensor in tensors.items():
        if found := _HUGGING_FACE_BLOCK.fullmatch(name):
            block, layer, part = found.groups()
            to = f"transformer.resblocks.{block}"
            if layer in _HUGGING_FACE_LAYERS:
                renamed[f"{to}.{_HUGGING_FACE_LAYERS[layer]}.{part}"] = tensor
            elif layer == "self_attn.q_proj":
                rows = [tensors.get(name.replace("q_proj", f"{row}_proj")) for row in "qkv"]
                renamed[f"{to}.attn.in_proj_{part}"] = torch.cat([row for row in rows if row is not None])
    return renamed
