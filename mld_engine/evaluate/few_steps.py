# SPDX-License-Identifier: GPL-3.0-or-later
"""A few-step student beside its teacher, on the same held-out clips."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from ..checkpoints.pack import Pack
from ..data.store import Dataset
from .report import Choices, Report, Say, open_measurement, ways
from .tables import Row

TEACHER_STEPS: Final = (50, 10)
STUDENT_STEPS: Final = (1, 2, 4)


def compare_steps(
    teacher: Pack,
    student: Pack,
    dataset: Dataset,
    evaluator_folder: Path,
    device: torch.device,
    choices: Choices,
    say: Say,
) -> Report:
    """Generation by each pack's first way: a row for each number of steps. Raises RequestError and PackError."""
    report = Report(f"{student.name} beside {teacher.name} on held-out clips of {dataset.name}")
    rows: list[Row] = []
    for pack, numbers in ((teacher, TEACHER_STEPS), (student, STUDENT_STEPS)):
        measurement, *_ = open_measurement(pack, dataset, evaluator_folder, device, choices)
        if not rows:
            rows.append(measurement.real())
            report.notes.append(f"{len(measurement.held_out.clips)} clips, {choices.repeats} repeats.")
        for steps in numbers:
            scale = pack.config.schedule.guidance_for(steps) if choices.guidance is None else choices.guidance
            way, kind, scale = ways(pack, scale)[0]
            say(f"{pack.name}, {steps} steps")
            row = f"{pack.name}, from {way}, guidance {scale:g}, steps {steps}"
            rows.append(measurement.generation(row, kind, scale, steps))
    report.tables = {"Generation": rows}
    return report
