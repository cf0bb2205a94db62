# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's clips as lessons for a pack: which labels are new, which sentences describe the clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..augment.around import sentences_around
from ..augment.grammar import Grammar
from ..checkpoints.config import PackConfig
from ..checkpoints.pack import Pack
from ..data.sources.labels import words_of_name
from ..data.store import Dataset
from ..errors import RequestError
from ..models.denoiser import Denoiser, Kind


@dataclass(frozen=True)
class Lessons:
    """`dataset`: the training clips, with labels and sentences; `actions`: the pack's labels, then the new ones."""

    dataset: Dataset
    actions: tuple[str, ...]
    new: tuple[str, ...]

    def sentences(self, label: str) -> list[str]:
        """Every sentence of the clips of a label, once."""
        clips = (clip for clip in self.dataset.clips if clip.action == label)
        return list(dict.fromkeys(text for clip in clips for text in clip.captions))


def make_lessons(dataset: Dataset, pack: Pack, grammar: Grammar, *, label: str, sentences: int, seed: int) -> Lessons:
    """`label` is that of clips without one; a clip without a caption is described by its label's words.

    Raises RequestError: no_clips without a training clip, no_labels where a clip has neither label nor
    caption, condition_not_supported where the pack knows no labels and a clip has nothing else.
    """
    generator, found = np.random.default_rng(seed), {}
    clips = []
    for clip in dataset.clips:
        if clip.split != "train":
            continue
        action = clip.action or label
        captions = clip.captions or ((words_of_name(action),) if action else ())
        if not captions:
            raise RequestError(
                "no_labels",
                f"The clip {clip.name!r} has no label and no caption, so there would be no way to ask for it.",
                "Give one label for all such clips with --label, or describe the clips in captions.csv.",
            )
        for caption in captions:
            if caption not in found:
                found[caption] = sentences_around(caption, grammar, sentences, generator)
        said = tuple(dict.fromkeys(text for caption in captions for text in found[caption]))
        clips.append(replace(clip, action=action, captions=said, captions_mirrored=said))
    if not clips:
        raise RequestError("no_clips", f"{dataset.folder} has no training clip.", "Prepare it without held-out clips.")
    new: tuple[str, ...] = ()
    if "action" in pack.conditions:
        new = tuple(sorted({clip.action for clip in clips} - {"", *pack.actions}))
    elif "text" not in pack.conditions:
        raise RequestError("condition_not_supported", f"The pack {pack.name!r} takes neither texts nor labels.")
    return Lessons(replace(dataset, clips=tuple(clips)), (*pack.actions, *new), new)


def taught_config(config: PackConfig, lessons: Lessons, name: str, licence: str) -> PackConfig:
    """The pack's configuration with the new labels."""
    denoiser = replace(config.denoiser, actions=len(lessons.actions)) if lessons.new else config.denoiser
    return replace(config, name=name, licence=licence, actions=lessons.actions, denoiser=denoiser)


@torch.no_grad()
def with_new_labels(denoiser: Denoiser, lessons: Lessons, rows: Mapping[str, int], texts: Tensor) -> dict[str, Tensor]:
    """The weights of the pack's denoiser with a row for each new label.

    A new label starts as what the pack makes of the label's sentences: its token is the mean of
    theirs. A pack that reads no text gives it the mean of the other labels. `rows` are those of `texts`.
    """
    weights = {name: tensor.detach().cpu() for name, tensor in denoiser.state_dict().items()}
    if not lessons.new:
        return weights
    assert denoiser.action is not None, "a pack that takes labels has a table of them"
    table = denoiser.action.weight
    added = [table.mean(0)] * len(lessons.new)
    if denoiser.text is not None:
        none, style = torch.zeros(1, dtype=torch.long), torch.tensor([denoiser.no_style])
        place = [values.to(table.device) for values in (none, style)]
        blank = denoiser.condition_tokens(
            torch.full_like(place[0], int(Kind.ACTION)), texts[:1].to(table), place[0], place[1]
        )
        for number, label in enumerate(lessons.new):
            said = texts[[rows[text] for text in lessons.sentences(label)]].to(table)
            kind, zero = torch.full((len(said),), int(Kind.TEXT), device=table.device), place[0].expand(len(said))
            tokens = denoiser.condition_tokens(kind, said, zero, place[1].expand(len(said)))
            added[number] = tokens.mean(0) - (blank[0] - table[0])
    weights["action.weight"] = torch.cat([table, torch.stack(added)]).cpu()
    return weights
