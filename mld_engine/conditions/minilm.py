# SPDX-License-Identifier: GPL-3.0-or-later
"""all-MiniLM-L6-v2 (Reimers and Gurevych, 2019; Wang et al., 2020), read from an installed package, offline.

A BERT of 6 layers; the sentence embedding is the mean over the last hidden states of all tokens,
brought to unit length.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import normalize

from ..checkpoints.config import TextEncoderConfig
from ..errors import PackError
from ..hashing import file_sha256

if TYPE_CHECKING:
    from transformers.models.bert.modeling_bert import BertModel

_SPECIAL_TOKENS: Final = 2
_UNUSED_WEIGHTS: Final = frozenset({"pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"})


class MiniLm:
    """Loads the weights of the package that the pack names, and checks them by SHA-256 first."""

    def __init__(self, config: TextEncoderConfig) -> None:
        """Raises PackError: text_encoder_missing, text_encoder_corrupt."""
        self._config = config
        folder = _model_folder(config)
        _check_weights(folder / "model.safetensors", config.weights_sha256)
        try:
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            # The file asks for padding to, and truncation at, 128 tokens; the pack's limit counts.
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._model = _load_bert(settings, folder / "model.safetensors")
        # The tokenizer's parser raises plain Exception.
        except Exception as error:
            raise _corrupt(f"The text encoder in {folder} cannot be read: {error}.", folder) from error
        if settings["hidden_size"] != config.dim:
            raise _corrupt(f"The text encoder in {folder} has embeddings of another size than the pack needs.", folder)

    @property
    def max_pieces(self) -> int:
        return self._config.max_tokens - _SPECIAL_TOKENS

    def count_pieces(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def embed(self, text: str) -> Tensor:
        """(dim,) float32 on the CPU, of unit length where the pack says so."""
        ids = self._tokenizer.encode(text).ids
        if len(ids) > self._config.max_tokens:
            ids = [*ids[: self._config.max_tokens - 1], ids[-1]]
        with torch.inference_mode():
            states = self._model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            embedding: Tensor = states.mean(0)
            return normalize(embedding, dim=0) if self._config.normalize else embedding


def _model_folder(config: TextEncoderConfig) -> Path:
    module = config.package.replace("-", "_")
    spec = importlib.util.find_spec(module)
    for location in (spec.submodule_search_locations or []) if spec else []:
        if (Path(location) / "model" / "model.safetensors").is_file():
            return Path(location) / "model"
    raise PackError(
        "text_encoder_missing",
        f"The text encoder {config.name} is not installed: there is no package {config.package}.",
        "Run install_deps.py again; until then, action labels work.",
        {"package": config.package},
    )


def _check_weights(path: Path, sha256: str) -> None:
    if file_sha256(path) != sha256:
        raise _corrupt(f"{path} is not the text encoder that the pack was trained with: its SHA-256 differs.", path)


def _corrupt(message: str, path: Path) -> PackError:
    hint = "Run install_deps.py again to repair it; until then, action labels work."
    return PackError("text_encoder_corrupt", message, hint, {"file": str(path)})


def _load_bert(settings: dict[str, Any], weights: Path) -> BertModel:
    """The network around the file's tensors. Nothing is looked up in a cache or on the network."""
    # These two imports take most of the engine's start, which is why they wait until here.
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertModel

    with torch.device("meta"):
        model = BertModel(BertConfig(**settings), add_pooling_layer=False)
    tensors = {name: tensor for name, tensor in load_file(str(weights)).items() if name not in _UNUSED_WEIGHTS}
    try:
        model.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise SafetensorError(" ".join(str(error).split())[:300]) from error
    # Index tables are no weights: the empty ones of the meta device are filled here.
    positions = torch.arange(settings["max_position_embeddings"])[None]
    model.embeddings.register_buffer("position_ids", positions, persistent=False)
    model.embeddings.register_buffer("token_type_ids", torch.zeros_like(positions), persistent=False)
    model.train(False)
    return model
