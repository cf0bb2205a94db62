# SPDX-License-Identifier: GPL-3.0-or-later
"""The text-motion evaluator of HumanML3D and KIT-ML (Guo et al., 2022): FID, R-precision, MM-Dist, Diversity.

finest.tar holds three networks: text_encoder, movement_encoder and motion_encoder. Motion without its
contacts is normalised by the evaluator's OWN mean.npy and std.npy, halved twice in time by
convolutions, and summed up by a bidirectional GRU; so are the words. Texts and motions are compared by
their Euclidean distance. Parameter names are those of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from ...errors import RequestError
from ...representations.base import Statistics
from ..held_out import HeldOut, Wanted
from ..judge import Rules
from .features import EvaluatorFeatures
from .glove import Words
from .loading import Shapes, bad_evaluator, read_networks

UNIT: Final = 4
"""Frames that the convolutions make one step of; rows beyond a multiple of it are not read."""
LONGEST: Final = 196
"""Rows of the longest published clip, to which the published evaluation fills up every clip with zeros."""
_SEEN_BEYOND: Final = 4
"""Rows after a clip's end that the convolutions look at; zeros further on change nothing."""
_CONTACTS: Final = 4
RULES: Final = Rules()


@dataclass(frozen=True)
class DataSet:
    """What differs between the two: names, features a frame, length of clips in seconds, published figures."""

    name: str
    representation: str
    features: int
    shortest: float
    longest: float
    published: str


DATA_SETS: Final = {
    "t2m": DataSet(
        "HumanML3D", "humanml263", 263, 40 / 20, LONGEST / 20,
        "R@1 0.511, R@2 0.703, R@3 0.797, MM-Dist 2.974, Diversity 9.503",
    ),
    "kit": DataSet("KIT-ML", "kit251", 251, 24 / 12.5, LONGEST / 12.5, "R@1 0.424, R@3 0.779, Diversity 11.08"),
}  # fmt: skip


class _Summary(nn.Module):
    """A sequence summed up by both ends of a bidirectional GRU, from a learned start."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        width, inputs = shapes["input_emb.weight"]
        self.input_emb = nn.Linear(inputs, width)
        self.gru = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.output_net = nn.Sequential(
            nn.Linear(2 * width, width),
            nn.LayerNorm(width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, shapes["output_net.3.weight"][0]),
        )
        self.hidden = nn.Parameter(torch.empty(2, 1, width))

    def summary(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, inputs), of which row i has `lengths[i]` steps (on the CPU) -> (B, embedding)."""
        packed = pack_padded_sequence(self.input_emb(inputs), lengths, batch_first=True, enforce_sorted=False)
        _, last = self.gru(packed, self.hidden.repeat(1, len(inputs), 1))
        summed: Tensor = self.output_net(torch.cat([last[0], last[1]], -1))
        return summed


class TextEncoder(_Summary):
    def __init__(self, shapes: Shapes) -> None:
        super().__init__(shapes)
        words, speech = shapes["pos_emb.weight"]
        self.pos_emb = nn.Linear(speech, words)

    def forward(self, words: Tensor, speech: Tensor, lengths: Tensor) -> Tensor:
        """Word vectors (B, N, 300), class one-hots (B, N, 15), lengths (B,) -> (B, embedding)."""
        return self.summary(words + self.pos_emb(speech), lengths)


class MovementEncoder(nn.Module):
    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        width, inputs, _ = shapes["main.0.weight"]
        outputs = shapes["out_net.weight"][0]
        self.main = nn.Sequential(
            nn.Conv1d(inputs, width, 4, 2, 1),
            nn.Dropout(0.2),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, outputs, 4, 2, 1),
            nn.Dropout(0.2),
            nn.LeakyReLU(0.2),
        )
        self.out_net = nn.Linear(outputs, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        """Normalised rows (B, T, features - 4) -> (B, T / 4, movement)."""
        moved: Tensor = self.out_net(self.main(rows.transpose(1, 2)).transpose(1, 2))
        return moved


@dataclass(frozen=True)
class Networks:
    """The three networks of finest.tar on one device, and the statistics that they were trained with."""

    text: TextEncoder
    movement: MovementEncoder
    motion: _Summary
    statistics: Statistics
    device: torch.device

    @torch.inference_mode()
    def embed_motion(self, rows: Tensor) -> Tensor:
        """Published features (B, T, F) in physical units, all T rows real -> (B, embedding).

        Raises RequestError (too_short) for fewer than 4 rows.
        """
        length = min(rows.shape[1], LONGEST) // UNIT * UNIT
        if not length:
            raise RequestError("too_short", f"The evaluator reads {UNIT} frames or more.", "Leave out shorter clips.")
        normal = self.statistics.normalize(rows[:, :length].to(self.device))[..., :-_CONTACTS]
        moved = self.movement(pad(normal, (0, 0, 0, min(LONGEST - length, _SEEN_BEYOND))))[:, : length // UNIT]
        return self.motion.summary(moved, torch.full((len(rows),), length // UNIT))

    @torch.inference_mode()
    def embed_tokens(self, captions: list[tuple[str, ...]], words: Words) -> Tensor:
        """`word/POS` tokens of captions -> (captions, embedding)."""
        vectors, speech = zip(*(words.encode(tokens) for tokens in captions), strict=True)
        lengths = torch.tensor([len(item) for item in vectors])
        padded = (pad_sequence(list(items), batch_first=True).to(self.device) for items in (vectors, speech))
        embedded: Tensor = self.text(*padded, lengths)
        return embedded


def load_networks(path: Path, statistics: Statistics, device: torch.device) -> Networks:
    """Raises RequestError: missing_file, bad_checkpoint, bad_evaluator."""
    parts: list[Any] = read_networks(
        path, {"text_encoder": TextEncoder, "movement_encoder": MovementEncoder, "motion_encoder": _Summary}
    )
    text, movement, motion = (part.to(device) for part in parts)
    sizes = (text.pos_emb.weight.shape, movement.main[0].in_channels, motion.input_emb.in_features)
    wanted = ((300, 15), len(statistics.mean) - _CONTACTS, movement.out_net.out_features)
    if (tuple(sizes[0]), *sizes[1:]) != wanted or text.output_net[3].out_features != motion.output_net[3].out_features:
        raise bad_evaluator(f"the networks in {path} do not fit together, or are another data set's")
    return Networks(text, movement, motion, statistics.to(device), device)


@dataclass(frozen=True)
class T2mJudge:
    """The evaluator with a pack's motion and a data set's captions; `tokens` has those that it can read."""

    networks: Networks
    words: Words
    tokens: Mapping[str, tuple[str, ...]]
    features: EvaluatorFeatures
    wanted: Wanted
    notes: tuple[str, ...]
    rules: Rules = RULES
    actions: tuple[str, ...] = ()

    def embed_motion(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.networks.embed_motion(self.features.of_pack(features)), None

    def embed_judged(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.networks.embed_motion(features), None

    def embed_text(self, held_out: HeldOut) -> Tensor | None:
        return self.networks.embed_tokens([self.tokens[caption] for caption in held_out.captions], self.words)
