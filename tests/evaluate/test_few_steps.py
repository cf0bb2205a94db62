# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a few-step student beside its teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mld_engine.checkpoints.pack import Pack
from mld_engine.checkpoints.writer import write_pack
from mld_engine.data.store import Dataset
from mld_engine.evaluate.few_steps import compare_steps
from mld_engine.evaluate.report import Choices


def _student_of(teacher: Pack, folder: Path) -> Pack:
    """The teacher itself with a student's sampler, deaf to the guidance scale: what distillation starts from."""
    config = teacher.config
    width = config.denoiser.time_dim or config.denoiser.width
    return write_pack(
        folder,
        replace(
            config,
            name="deaf",
            denoiser=replace(config.denoiser, guidance_dim=8),
            schedule=replace(config.schedule, sampler="lcm", lcm_steps=10, steps=4),
        ),
        encoder=teacher.tensors("encoder"),
        decoder=teacher.tensors("decoder"),
        denoiser={**teacher.tensors("denoiser"), "guidance.weight": torch.zeros(width, 8)},
        statistics=teacher.tensors("statistics"),
        model_card="",
        licence_text="",
    )


def test_a_student_stands_beside_its_teacher(
    research: Pack, walks: Dataset, evaluator_folder: Path, tmp_path: Path
) -> None:
    student, said = _student_of(research, tmp_path / "deaf"), []
    choices = Choices(splits=("test",), clips=4, repeats=1)
    report = compare_steps(research, student, walks, evaluator_folder, torch.device("cpu"), choices, said.append)
    rows = dict(report.tables["Generation"])
    assert list(rows) == [
        "captured",
        *(f"research, from text, guidance 4, steps {steps}" for steps in (50, 10)),
        *(f"deaf, from text, guidance 4, steps {steps}" for steps in (1, 2, 4)),
    ]
    assert len(said) == 5
    figures = [values["Diversity"].mean for name, values in rows.items()]
    assert np.isfinite(figures).all()
    assert len(set(figures)) == 6, "each row is of motion of its own"
