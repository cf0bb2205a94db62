# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pack makes itself, to remind it of while it learns more: no data that it was trained on is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..augment.grammar import Grammar
from ..augment.spoken import Spoken
from ..checkpoints.pack import Pack
from ..data.sources.labels import words_of_name
from ..evaluate.batches import BatchGenerator, Wishes
from ..models.denoiser import Kind
from .checkpoint import load_final, save_final
from .conditions import Conditions

_NULL_SHARE: Final = 0.15
_LONGEST_SECONDS: Final = 6.0
"""A longer take costs no more here, but the shorter ones are where a fine-tuning would show."""
_STYLED: Final = 0.3
_WRITTEN: Final = 0.5


@dataclass(frozen=True)
class Replay:
    """Normalised latents (N, tokens, dim), lengths frames (N,), and the conditions that they were made from."""

    values: Tensor
    frames: Tensor
    kind: Tensor
    text: Tensor
    action: Tensor
    style: Tensor

    def draw(self, count: int) -> tuple[Tensor, Tensor, Conditions]:
        """`count` rows: latents, frames, conditions."""
        index = torch.randint(0, len(self.values), (count,), device=self.values.device)
        told = Conditions(self.kind[index], self.text[index], self.action[index], self.style[index])
        return self.values[index], self.frames[index], told

    def to(self, device: torch.device) -> Replay:
        return Replay(**{name: tensor.to(device) for name, tensor in asdict(self).items()})


@dataclass(frozen=True)
class Asked:
    """One thing that a pack is asked for; `text` is empty where it is not a text."""

    kind: Kind
    text: str = ""
    action: int = 0
    style: int | None = None
    frames: int = 0


def things_to_ask(pack: Pack, grammar: Grammar, spoken: Spoken, count: int, sentences: int, seed: int) -> list[Asked]:
    """`count` requests spread over the pack's labels, up to `sentences` sentences for each of them, and nothing.

    About half of the sentences are the grammar's, the others were written. Labels that there are no words for are
    said as they are. A pack without labels is asked for
    all actions that the grammar knows.
    """
    generator = np.random.default_rng(seed)
    labels, styles = pack.actions or tuple(grammar.phrases), pack.styles
    said = {label: _said(label, styles, grammar, spoken, sentences, generator) for label in labels}
    kinds = [Kind.TEXT] * ("text" in pack.conditions) + [Kind.ACTION] * ("action" in pack.conditions)
    longest = min(pack.config.max_frames, round(_LONGEST_SECONDS * pack.fps))
    asked = []
    for number in range(count):
        kind = kinds[number % len(kinds)] if kinds and generator.random() >= _NULL_SHARE else Kind.NULL
        row = number // max(len(kinds), 1) % len(labels)
        frames = int(generator.integers(pack.config.min_frames, longest, endpoint=True))
        if kind == Kind.TEXT:
            of_label = said[labels[row]]
            asked.append(Asked(kind, of_label[int(generator.integers(len(of_label)))], frames=frames))
        elif kind == Kind.ACTION:
            styled = bool(styles) and generator.random() < _STYLED
            style = int(generator.integers(len(styles))) if styled else None
            asked.append(Asked(kind, action=row, style=style, frames=frames))
        else:
            asked.append(Asked(kind, frames=frames))
    return asked


def make_replay(
    pack: Pack, asked: Sequence[Asked], embed: Callable[[str], Tensor], device: torch.device, *, steps: int, seed: int
) -> Replay:
    """Let the pack make the latents, one half without guidance. Raises RequestError (bad_pack)."""
    maker = BatchGenerator(pack, device)
    none = torch.zeros(max(pack.config.denoiser.text_dim, 1))
    text = torch.stack([embed(item.text) if item.text else none for item in asked])
    kind = torch.tensor([int(item.kind) for item in asked])
    action = torch.tensor([item.action for item in asked])
    style = torch.tensor([maker.no_style if item.style is None else item.style for item in asked])
    frames = [item.frames for item in asked]
    latents, half = [], (len(asked) + 1) // 2
    for part, guidance in ((slice(0, half), 1.0), (slice(half, len(asked)), pack.config.schedule.guidance_for(steps))):
        if frames[part]:
            wishes = Wishes(kind[part], text[part], action[part], style[part], tuple(frames[part]))
            latents.append(maker.latents(wishes, guidance=guidance, steps=steps, seed=seed + part.start).cpu())
    # A copy made outside of inference mode may take part in training.
    values = torch.cat(latents).clone()
    return Replay(values, torch.tensor(frames), kind, text, action, style)


def stored_replay(folder: Path, make: Callable[[], Replay]) -> Replay:
    """The replay stored in `folder`, or what `make` gives, which is stored there. Raises EngineError (run_corrupt)."""
    tensors = load_final(folder)
    if tensors is None:
        replay = make()
        save_final(folder, asdict(replay))
        return replay
    return Replay(**tensors)


def _said(
    label: str,
    styles: Sequence[str],
    grammar: Grammar,
    spoken: Spoken,
    count: int,
    generator: np.random.Generator,
) -> list[str]:
    said, written = [], [text for sentences in spoken.of(label).values() for text in sentences]
    for _ in range(count):
        style = styles[int(generator.integers(len(styles)))] if styles else ""
        if written and generator.random() < _WRITTEN:
            said.append(written[int(generator.integers(len(written)))])
        else:
            said.append(grammar.sentence(label, style, generator) or words_of_name(label))
    return list(dict.fromkeys(said))
