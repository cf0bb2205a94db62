# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that gives a pack more words: pack and captioned data -> pack.

config.toml   the configuration, complete
words/        log.csv, checkpoints, final weights of the adapter
pack/         the pack
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ..augment.grammar import Grammar
from ..augment.spoken import Spoken
from ..checkpoints.pack import Pack
from ..checkpoints.writer import write_pack
from ..data.embeddings import complete_text_table
from ..data.store import Dataset
from ..errors import RequestError
from ..evaluate.evaluator import load_evaluator
from .caption_trials import try_captions
from .checkpoint import load_final, part
from .config import dump, parse
from .loop import seconds_left
from .pack_base import PackBase
from .pack_texts import licence_of, worded_card
from .record import Say
from .run import CONFIG_FILE
from .words import STAGE, WordsStage, meanings_of, sentences_for

_RESERVED_SECONDS: Final = 5.0
"""Of the time box, for writing the pack."""


class WordsRun:
    """One run folder. Everything is computed by `run`."""

    def __init__(
        self,
        folder: Path,
        values: Mapping[str, Any],
        pack: Pack,
        data: Path,
        device: torch.device,
        say: Say,
        spoken: Spoken,
        evaluator: Path | None = None,
    ) -> None:
        """With an evaluator's folder, sentences are led to the captions that the pack performs best.

        Raises RequestError (bad_pack, no_labels, no_words, evaluator_missing, and those of the data) and PackError for
        what does not work.
        """
        self._started = time.monotonic()
        self._folder, self._values, self._device, self._say = folder, values, device, say
        self._options = options = parse(values)
        self._base = PackBase(pack, options, device)
        if "text" not in pack.conditions:
            raise RequestError("bad_pack", f"The pack {pack.name!r} reads no text.", "Name one that does.")
        self._dataset = dataset = Dataset.open(data)
        self._evaluator = None if evaluator is None else load_evaluator(evaluator, device)
        known = pack.actions or {clip.action for clip in dataset.clips} - {""}
        self._meanings = meanings_of(dataset, known)
        generator = np.random.default_rng(options.seed)
        self._said = sentences_for(self._meanings, Grammar.read(), spoken, options.words.sentences, generator)
        self._captions = sum(item.origin == "caption" for item in self._said)
        if self._captions == len(self._said):
            raise RequestError(
                "no_words",
                "There are no sentences for the actions of this data.",
                "Add some to augment/sentences.json.",
            )

    def describe(self) -> str:
        """What is learned, in a line."""
        return (
            f"{self._base.pack.name}: {len(self._said) - self._captions} sentences to be led to {self._captions} "
            f"captions of {len({meaning.action for meaning in self._meanings})} actions"
        )

    def run(self) -> Path:
        """Train the adapter and write the pack; returns its folder. Raises RequestError and PackError."""
        base, options = self._base, self._options
        texts = list(dict.fromkeys(["", *(item.text for item in self._said)]))
        table = complete_text_table(self._dataset.folder, texts, base.text_encoder)
        rows, embeddings = table.rows(), torch.tensor(table.embeddings)
        of_text = {text: embeddings[rows[text]] for text in texts}
        success = self._try_captions(of_text, base.empty_text(table))
        stage = WordsStage(options, self._meanings, self._said, of_text, success, self._device, self._say)
        spent = time.monotonic() - self._started
        stage.train(self._folder / STAGE, seconds_left(options.minutes, spent, _RESERVED_SECONDS))
        return self._write()

    def _try_captions(self, embeddings: Mapping[str, Tensor], empty_text: Tensor | None) -> dict[str, float]:
        """The candidate captions' success; none without an evaluator."""
        if self._evaluator is None:
            return {}
        takes = self._options.words.trials
        found = try_captions(
            self._base, self._evaluator, self._meanings, embeddings, takes=takes, empty_text=empty_text
        )
        good = sum(found.values()) / len(found)
        self._say(f"tried {len(found)} captions, {takes} takes each: {100 * good:.0f} % of the takes do as told")
        return found

    def _write(self) -> Path:
        base, tensors = self._base, load_final(self._folder / STAGE)
        assert tensors is not None, "the stage has just written them"
        adapter = {f"adapter.{name}": tensor for name, tensor in part(tensors, "adapter").items()}
        hidden, goals = self._options.words.hidden, len(self._meanings)
        denoiser = replace(base.config.denoiser, text_adapter=hidden, text_goals=goals)
        config = replace(base.config, name=self._options.pack.name, denoiser=denoiser)
        folder = self._folder / "pack"
        write_pack(
            folder,
            config,
            encoder=base.pack.tensors("encoder"),
            decoder=base.pack.tensors("decoder"),
            denoiser={**base.pack.tensors("denoiser"), **adapter},
            statistics=base.statistics,
            model_card=worded_card(base.pack, config.name, len(self._said) - self._captions),
            licence_text=f"This pack has the licence of {base.pack.name}: {config.licence}\n{licence_of(base.pack)}",
            extra_files={CONFIG_FILE: dump(self._values).encode("utf-8")},
            half=self._options.pack.half,
            overwrite=True,
        )
        return folder
