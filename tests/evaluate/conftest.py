# SPDX-License-Identifier: GPL-3.0-or-later
"""A small data set of walks and an untrained evaluator: enough for every row of every table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.checkpoints.pack import Pack
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.embeddings import TextTable
from mld_engine.data.store import ClipRecord, Dataset, DatasetWriter
from mld_engine.evaluate.evaluator import EvaluatorConfig, MotionTextEvaluator, evaluator_files
from mld_engine.representations.base import Statistics

FPS = 30.0
FRAMES = 24
WORDS = ("a person walks", "a person bows")


@pytest.fixture(scope="session")
def research() -> Pack:
    return Pack.open("research")


@pytest.fixture(scope="session")
def walks(tmp_path_factory: pytest.TempPathFactory, research: Pack) -> Dataset:
    """Twelve held-out clips at different speeds, half of them labelled a walk and half a bow."""
    folder = tmp_path_factory.mktemp("data") / "walks"
    encoder = research.config.text_encoder
    assert encoder is not None
    embeddings = np.eye(len(WORDS), encoder.dim, dtype=np.float32)
    rotations = np.zeros((FRAMES, 22, 4), np.float32)
    rotations[..., 0] = 1.0
    with DatasetWriter(folder, name="walks", fps=FPS, offsets=REST_OFFSETS) as writer:
        for number in range(12):
            path = np.outer(np.arange(FRAMES) / FPS, [0.0, 0.0, 0.2 * number]) + np.array([0.0, 0.92, 0.0])
            writer.add(
                ClipRecord(
                    f"clip {number}",
                    rotations,
                    path.astype(np.float32),
                    split="test",
                    action=("walk", "bow")[number % 2],
                    captions=(WORDS[number % 2],),
                )
            )
        writer.add_file(TextTable(encoder, WORDS, embeddings).write)
    return Dataset.open(folder)


@pytest.fixture(scope="session")
def evaluator_folder(tmp_path_factory: pytest.TempPathFactory, research: Pack) -> Path:
    torch.manual_seed(3)
    config = EvaluatorConfig(research.actions, 203, 384, 300, width=32, layers=1, heads=2, embedding_dim=8)
    statistics = research.tensors("statistics")
    files = evaluator_files(
        MotionTextEvaluator(config), Statistics(statistics["feature_mean"], statistics["feature_std"])
    )
    folder = tmp_path_factory.mktemp("evaluator")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
