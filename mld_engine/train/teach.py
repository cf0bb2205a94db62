# SPDX-License-Identifier: GPL-3.0-or-later
"""Teaching a pack more moves: pack and clips -> pack.

Beside the new pack's folder, in .NAME.teach until it is done:

config.toml   the configuration, complete
replay/       what the old pack makes, to remind it of
teach/        log.csv, checkpoints, final weights
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from ..augment.grammar import Grammar
from ..augment.spoken import Spoken
from ..checkpoints.pack import Pack
from ..checkpoints.writer import check_pack_directory, write_pack
from ..data.embeddings import TextTable, complete_text_table
from ..data.store import Dataset
from .checkpoint import load_final, part
from .config import dump, parse
from .lessons import Lessons, make_lessons, taught_config, with_new_labels
from .loop import seconds_left
from .pack_base import PackBase
from .pack_texts import taught_card, taught_licence, taught_licence_text
from .record import Say
from .replay import Replay, make_replay, stored_replay, things_to_ask
from .run import CONFIG_FILE
from .runner import prepare_cuda
from .teach_stage import STAGE, TeachStage

_RESERVED_SECONDS: Final = 5.0
"""Of the time box, for writing the pack."""
_LEAST_SECONDS: Final = 5.0


def work_folder(out: Path) -> Path:
    """Where a run keeps what it needs to go on; a name with a dot in front is nobody's pack."""
    return out.with_name(f".{out.name}.teach")


class TeachRun:
    """Everything is computed by `run`."""

    def __init__(
        self,
        out: Path,
        values: Mapping[str, Any],
        pack: Pack,
        data: Path,
        device: torch.device,
        say: Say,
        *,
        label: str = "",
        overwrite: bool = False,
    ) -> None:
        """`label` is that of clips without one. Raises RequestError and PackError for what does not work."""
        self._started = time.monotonic()
        check_pack_directory(out, overwrite=overwrite)
        self._out, self._values, self._device, self._say, self._overwrite = out, values, device, say, overwrite
        self._options = options = parse(values)
        self._base = PackBase(pack, options, device)
        self._grammar = Grammar.read()
        dataset, training = Dataset.open(data), options.teach
        self._base.check_frame_rate(dataset)
        self.lessons: Lessons = make_lessons(
            dataset, pack, self._grammar, label=label, sentences=training.captions, seed=options.seed
        )

    def describe(self) -> str:
        """What is taught, in a line."""
        clips, new = self.lessons.dataset.clips, ", ".join(self.lessons.new) or "none"
        seconds = sum(clip.frames for clip in clips) / self.lessons.dataset.fps
        return f"{self._base.pack.name} learns from {len(clips)} clips, {seconds:.0f} s; new labels: {new}"

    def run(self) -> Path:
        """Teach, write the pack, remove what was kept to go on. Raises CaptureError, RequestError and PackError."""
        prepare_cuda()
        options, base, lessons, work = self._options, self._base, self.lessons, work_folder(self._out)
        asked = things_to_ask(
            base.pack, self._grammar, Spoken.read(), options.teach.replay if options.teach.keep > 0 else 0,
            options.teach.sentences, options.seed,
        )  # fmt: skip
        texts = self._texts([item.text for item in asked if item.text])
        embeddings, rows = torch.tensor(texts.embeddings), texts.rows()
        replay: Replay | None = None
        if asked:
            self._say(f"making {len(asked)} motions of the pack's own, to keep what it can")
            make = partial(
                make_replay, base.pack, asked, lambda text: embeddings[rows[text]], self._device,
                steps=min(options.teach.replay_steps, base.config.schedule.max_steps), seed=options.seed,
            )  # fmt: skip
            replay = stored_replay(work / "replay", make)
        material = base.material(lessons.dataset, texts, options.teach, lessons.actions, mirror=False)
        licence = taught_licence(base.pack, lessons.dataset, options.pack.licence)
        config = taught_config(base.config, lessons, self._out.name, licence)
        former = base.denoiser(base.config.denoiser, base.pack.tensors("denoiser"), trained=False)
        weights = with_new_labels(former, lessons, rows, embeddings)
        stage = TeachStage(base, options, config.denoiser, weights, material, replay, self._say)
        steps, seconds = stage.train(work / STAGE, self._seconds_left())
        tensors = load_final(work / STAGE)
        assert tensors is not None, "the stage has just written them"
        write_pack(
            self._out,
            config,
            encoder=base.pack.tensors("encoder"),
            decoder=base.pack.tensors("decoder"),
            denoiser=part(tensors, "denoiser"),
            statistics=base.statistics,
            model_card=taught_card(
                base.pack, config.name, licence, lessons.dataset.clips, base.pack.fps,
                f"{steps} steps in {seconds / 60:.1f} minutes on {self._device.type}.",
            ),
            licence_text=taught_licence_text(base.pack, licence),
            extra_files={CONFIG_FILE: dump(self._values).encode("utf-8")},
            half=options.pack.half,
            overwrite=self._overwrite,
        )  # fmt: skip
        shutil.rmtree(work, ignore_errors=True)
        return self._out

    def _texts(self, asked: list[str]) -> TextTable:
        said = self.lessons.dataset.texts() if "text" in self._base.config.conditions else []
        return complete_text_table(self.lessons.dataset.folder, ["", *said, *asked], self._base.text_encoder)

    def _seconds_left(self) -> float:
        """Of the time box; 0 where there is none."""
        spent = time.monotonic() - self._started
        return seconds_left(self._options.minutes, spent, _RESERVED_SECONDS, _LEAST_SECONDS)
