# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own evaluator: motion and text in one space, and an action classifier on the motion.

A motion tower (convolutions that halve the frames twice, then a transformer) and a text tower on
sentence embeddings, trained contrastively (Radford et al., 2021) and with the action labels, as Guo
et al. (2022) do for theirs. It reads normalised features without their contacts, and brings its own
statistics, so that packs with other statistics are measured alike.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..errors import PackError, RequestError
from ..models.blocks import Block, position_table
from ..models.loading import build
from ..representations.base import Statistics

WEIGHTS_FILE: Final = "evaluator.safetensors"
CONFIG_FILE: Final = "evaluator.json"
_CONTACTS: Final = 4
_STATISTICS: Final = ("feature_mean", "feature_std")


@dataclass(frozen=True)
class EvaluatorConfig:
    """`actions` are the labels that its classifier knows; `features` include the contacts that it leaves out."""

    actions: tuple[str, ...]
    features: int
    text_dim: int
    max_frames: int
    width: int = 256
    layers: int = 4
    heads: int = 4
    embedding_dim: int = 128
    dropout: float = 0.1


class MotionTextEvaluator(nn.Module):
    """Parameter names are those of evaluator.safetensors."""

    pos: Tensor

    def __init__(self, config: EvaluatorConfig) -> None:
        super().__init__()
        self.config = config
        width, dim = config.width, config.embedding_dim
        self.conv = nn.Sequential(
            nn.Conv1d(config.features - _CONTACTS, width, 4, 2, 1), nn.GELU(), nn.Conv1d(width, width, 4, 2, 1)
        )
        self.register_buffer("pos", position_table(config.max_frames // 4 + 2, width), persistent=False)
        self.blocks = nn.ModuleList(Block(width, config.heads, 2 * width, config.dropout) for _ in range(config.layers))
        self.norm, self.proj = nn.LayerNorm(width), nn.Linear(width, dim)
        self.cls = nn.Linear(width, len(config.actions))
        self.text = nn.Sequential(
            nn.Linear(config.text_dim, 2 * width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(2 * width, dim)
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def motion(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised features (B, T, F) of one length -> embeddings (B, embedding_dim), action logits (B, actions)."""
        h = self.conv(features[..., :-_CONTACTS].transpose(1, 2)).transpose(1, 2)
        h = h + self.pos[: h.shape[1]]
        for block in self.blocks:
            h = block(h)
        pooled = self.norm(h).float().mean(1)
        return self.proj(pooled).float(), self.cls(pooled).float()

    def words(self, embeddings: Tensor) -> Tensor:
        """Sentence embeddings (B, text_dim) of unit length -> (B, embedding_dim)."""
        # Unit embeddings have tiny components; this brings them to about 1.
        embedded: Tensor = self.text(embeddings * embeddings.shape[-1] ** 0.5).float()
        return embedded


@dataclass(frozen=True)
class Evaluator:
    """A trained evaluator on one device, and the statistics that its motion tower was trained with."""

    network: MotionTextEvaluator
    statistics: Statistics

    @property
    def actions(self) -> tuple[str, ...]:
        return self.network.config.actions

    @torch.inference_mode()
    def embed_motion(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) in physical units -> unit embeddings (B, dim) and action rows (B,)."""
        embeddings, logits = self.network.motion(self.statistics.normalize(features))
        return embeddings, logits.argmax(-1)

    @torch.inference_mode()
    def embed_text(self, embeddings: Tensor) -> Tensor:
        """Sentence embeddings (B, text_dim) -> (B, dim)."""
        return self.network.words(embeddings)


def check_evaluator(folder: Path) -> None:
    """Raises RequestError (evaluator_missing) where there is none of ours."""
    if not (folder / WEIGHTS_FILE).is_file() or not (folder / CONFIG_FILE).is_file():
        raise RequestError(
            "evaluator_missing",
            f"There is no evaluator in {folder}.",
            "Train one with `train evaluator`, or name another folder with --evaluator.",
        )


def load_evaluator(folder: Path, device: torch.device) -> Evaluator:
    """The evaluator in a folder, or in a pack's folder.

    Raises RequestError (evaluator_missing) where there is none, PackError (pack_corrupt) for a damaged one.
    """
    check_evaluator(folder)
    weights, settings = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    try:
        values = json.loads(settings.read_text(encoding="utf-8"))
        config = EvaluatorConfig(**{**values, "actions": tuple(values["actions"])})
        tensors = load(weights.read_bytes())
        mean, std = (tensors.pop(name).float() for name in _STATISTICS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise PackError("pack_corrupt", f"The evaluator in {folder} cannot be read: {error}.") from error
    network = build(lambda: MotionTextEvaluator(config), tensors, str(weights))
    return Evaluator(network.to(device), Statistics(mean, std).to(device))


def evaluator_files(network: MotionTextEvaluator, statistics: Statistics) -> dict[str, bytes]:
    """File name -> content, weights in half precision: what `load_evaluator` reads."""
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}
    for name, tensor in zip(_STATISTICS, (statistics.mean, statistics.std), strict=True):
        tensors[name] = tensor.detach().cpu().float().contiguous()
    settings = json.dumps(asdict(network.config), indent=1) + "\n"
    return {WEIGHTS_FILE: save(tensors), CONFIG_FILE: settings.encode("utf-8")}
