# SPDX-License-Identifier: GPL-3.0-or-later
"""A distillation run: pack -> few-step pack, in one folder.

config.toml   the configuration, complete
distill/      log.csv, checkpoints, final weights
pack/         the student
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from ..checkpoints.pack import Pack
from ..checkpoints.writer import write_pack
from ..data.embeddings import complete_text_table
from ..data.store import Dataset
from ..evaluate.few_steps import STUDENT_STEPS, compare_steps
from ..evaluate.report import Choices
from .checkpoint import load_final, part
from .config import dump, parse
from .distill_stage import STAGE, DistillStage, student_configs
from .loop import seconds_left
from .pack_base import PackBase
from .pack_texts import student_card, student_licence_text
from .record import Say
from .run import CONFIG_FILE
from .runner import prepare_cuda

_NAME: Final = "{}-fast"
_QUICK: Final = Choices(clips=200, repeats=1)
"""What a CPU measures in minutes."""


class DistillRun:
    """One run folder; `train`, then `write`."""

    def __init__(
        self, folder: Path, values: Mapping[str, Any], teacher: Pack, data: Path, device: torch.device, say: Say
    ) -> None:
        """Raises RequestError and PackError for a pack, data or a configuration that do not work."""
        self._started = time.monotonic()
        self.folder, self._values, self._device, self._say = folder, values, device, say
        self._options = parse(values)
        self._dataset, self._base = Dataset.open(data), PackBase(teacher, self._options, device)
        self._base.check_frame_rate(self._dataset)

    def train(self) -> None:
        """Unless it is done. Raises CaptureError."""
        folder = self.folder / STAGE
        if load_final(folder) is not None:
            return
        prepare_cuda()
        base, options, dataset = self._base, self._options, self._dataset
        texts = complete_text_table(dataset.folder, ["", *dataset.texts()], base.text_encoder)
        mirror = options.data.mirror
        material = base.material(dataset, texts, options.distill, base.config.actions, mirror=mirror)
        stage = DistillStage(base, options, material, base.empty_text(texts), self._say)
        spent = time.monotonic() - self._started
        stage.train(folder, seconds_left(options.minutes, spent))

    def write(self, evaluator_folder: Path | None) -> Path:
        """Write the student; with an evaluator, measure it beside its teacher. Returns its folder."""
        folder = self._write("")
        if evaluator_folder is not None:
            choices = _QUICK if self._device.type == "cpu" else Choices(repeats=5)
            teacher, student = self._base.pack, Pack.open(folder)
            report = compare_steps(teacher, student, self._dataset, evaluator_folder, self._device, choices, self._say)
            self._say(report.markdown())
            self._write(report.markdown().partition("\n\n")[2].replace("## ", "### "))
        return folder

    def _write(self, measured: str) -> Path:
        teacher, tensors = self._base.pack, load_final(self.folder / STAGE)
        assert tensors is not None, "the student is written after it was trained"
        denoiser, schedule = student_configs(teacher.config.denoiser, teacher.config.schedule, self._options)
        config = replace(teacher.config, name=_NAME.format(teacher.name), denoiser=denoiser, schedule=schedule)
        folder = self.folder / "pack"
        write_pack(
            folder,
            config,
            encoder=teacher.tensors("encoder"),
            decoder=teacher.tensors("decoder"),
            denoiser=part(tensors, "denoiser"),
            statistics=self._base.statistics,
            model_card=student_card(teacher, config.name, schedule.steps, STUDENT_STEPS, measured),
            licence_text=student_licence_text(teacher),
            extra_files={CONFIG_FILE: dump(self._values).encode("utf-8")},
            half=self._options.pack.half,
            overwrite=True,
        )
        return folder
