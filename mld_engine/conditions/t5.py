# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentence-T5 (Ni et al., 2022), which MotionLCM was trained with, from a folder of sentence-transformers.

The encoder of a T5; the mean over all tokens; a linear layer without bias; unit length.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..checkpoints.config import TextEncoderConfig
from ..errors import PackError
from .sources import MODULES_FILE, SENTENCE_T5, find_file
from .weights import check_sha256, corrupt, place, read_tensors

_MODULES: Final = ("Transformer", "Pooling", "Dense", "Normalize")
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
_SPECIAL_TOKENS: Final = 1


class SentenceT5:
    """One text -> an embedding of unit length. In half precision on a CUDA device."""

    def __init__(self, config: TextEncoderConfig, device: torch.device) -> None:
        """Raises PackError: text_encoder_missing, text_encoder_corrupt."""
        folder = find_file(SENTENCE_T5).parent
        self._config = config
        parts = _module_folders(folder)
        weights = _existing(folder, parts["Transformer"], *_WEIGHTS)
        check_sha256(weights, config)
        _check_pooling(_existing(folder, parts["Pooling"], "config.json"))
        self._dense = _read_dense(folder, parts["Dense"], config.dim)
        tokenizer = _existing(folder, parts["Transformer"], "tokenizer.json")
        settings = _read_json(_existing(folder, parts["Transformer"], "config.json"))
        try:
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
        # The tokenizer's parser raises plain Exception.
        except Exception as error:
            raise corrupt(tokenizer, f"cannot be read ({error})") from error
        self._model = _load_encoder(settings, weights)
        self._device = place(self._model, device, _halve)
        self._dense = self._dense.to(self._device)

    @property
    def max_pieces(self) -> int:
        return self._config.max_tokens - _SPECIAL_TOKENS

    def count_pieces(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @torch.inference_mode()
    def embed(self, text: str) -> Tensor:
        """(dim,) float32 on the CPU, of unit length."""
        ids = self._tokenizer.encode(text).ids
        if len(ids) > self._config.max_tokens:
            ids = [*ids[: self._config.max_tokens - 1], ids[-1]]
        states = self._model(input_ids=torch.tensor([ids], device=self._device)).last_hidden_state[0]
        embedding: Tensor = self._dense @ states.float().mean(0)
        return normalize(embedding, dim=0).cpu()


def _module_folders(folder: Path) -> dict[str, str]:
    """Kind of module -> its folder inside `folder`. Raises PackError for another chain than `_MODULES`."""
    path = folder / MODULES_FILE
    modules = _read_json(path)
    try:
        found = {str(module["type"]).rpartition(".")[2]: str(module["path"]) for module in modules}
    except (TypeError, KeyError) as error:
        raise corrupt(path, "is no list of modules of sentence-transformers") from error
    if tuple(found) != _MODULES:
        raise corrupt(path, f"has the modules {', '.join(found) or 'none'}, not {', '.join(_MODULES)}")
    if any(".." in Path(place).parts or Path(place).is_absolute() for place in found.values()):
        raise corrupt(path, "names a folder outside of its own")
    return found


def _existing(folder: Path, part: str, *names: str) -> Path:
    for name in names:
        if (folder / part / name).is_file():
            return folder / part / name
    raise PackError(
        "text_encoder_missing",
        f"{SENTENCE_T5.title} in {folder} lacks {Path(part, names[0])}.",
        f"Put that file of https://huggingface.co/{SENTENCE_T5.files[0].repository} there, "
        f"or run `{SENTENCE_T5.command}`.",
        {"file": str(folder / part / names[0])},
    )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise corrupt(path, f"cannot be read ({error})") from error


def _check_pooling(path: Path) -> None:
    settings = _read_json(path)
    modes = {key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True}
    if settings.get("pooling_mode") == "mean":
        return
    if modes != {"pooling_mode_mean_tokens"}:
        raise corrupt(path, "asks for another pooling than the mean")


def _read_dense(folder: Path, part: str, dim: int) -> Tensor:
    """(dim, hidden) float32."""
    path = _existing(folder, part, "config.json")
    settings = _read_json(path)
    if settings.get("bias") is not False or not str(settings.get("activation_function")).endswith(".Identity"):
        raise corrupt(path, "describes another layer than a linear one without bias")
    weights = _existing(folder, part, *_WEIGHTS)
    tensors = read_tensors(weights, lambda name: name == "linear.weight")
    if "linear.weight" not in tensors or tensors["linear.weight"].shape[0] != dim:
        raise corrupt(weights, f"has no layer with {dim} outputs, as the pack needs")
    return tensors["linear.weight"].float()


def _load_encoder(settings: Any, weights: Path) -> nn.Module:
    """The network around the file's tensors. Nothing is looked up in a cache or on the network."""
    from transformers.models.t5.configuration_t5 import T5Config
    from transformers.models.t5.modeling_t5 import T5EncoderModel

    tensors = {
        name: tensor.float()
        for name, tensor in read_tensors(weights, lambda name: name.startswith(("shared.", "encoder."))).items()
    }
    for name, other in (
        ("shared.weight", "encoder.embed_tokens.weight"),
        ("encoder.embed_tokens.weight", "shared.weight"),
    ):
        if name not in tensors and other in tensors:
            tensors[name] = tensors[other]
    try:
        with torch.device("meta"):
            model: nn.Module = T5EncoderModel(T5Config(**settings))
        model.load_state_dict(tensors, strict=True, assign=True)
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise corrupt(weights, f"does not fit its configuration: {' '.join(str(error).split())[:300]}") from error
    return model.eval().requires_grad_(False)


def _halve(model: nn.Module) -> None:
    """Half precision, but for the feed-forward's second layer, whose outputs can exceed its range."""
    model.half()
    for name, module in model.named_modules():
        if name.endswith(".wo"):
            module.float()
