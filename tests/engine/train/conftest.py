# SPDX-License-Identifier: GPL-3.0-or-later
"""The made-up data set on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_motion import CAPTIONS, FPS, synthetic_records

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.embeddings import TextTable, read_text_table
from mld_engine.data.store import Dataset, DatasetWriter
from mld_engine.representations.smpl203 import Smpl203
from mld_engine.train.config import load_values, parse
from mld_engine.train.feature_groups import SMPL203
from mld_engine.train.motions import Motions, load_motions
from mld_engine.train.options import DataOptions


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bodies that walk and wave, with an embedding of every caption."""
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    encoder = Pack.open("research").config.text_encoder
    assert encoder is not None
    texts = ("", *sorted({text for captions in CAPTIONS.values() for text in captions}))
    embeddings = np.random.default_rng(0).normal(size=(len(texts), encoder.dim)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    with DatasetWriter(folder, name="synthetic", fps=FPS, offsets=REST_OFFSETS) as writer:
        for record in synthetic_records():
            writer.add(record)
        writer.add_file(TextTable(encoder, texts, embeddings).write)
    return folder


@pytest.fixture(scope="session")
def data_options() -> DataOptions:
    """Those of the tiny preset."""
    return parse(load_values("tiny")).data


@pytest.fixture(scope="session")
def motions(dataset_folder: Path, data_options: DataOptions) -> Motions:
    """The data set as training has it, on the CPU."""
    dataset = Dataset.open(dataset_folder)
    table = read_text_table(dataset_folder, data_options.text_encoder)
    assert table is not None
    shortest = data_options.lengths[0]
    return load_motions(dataset, table, Smpl203(FPS), SMPL203, torch.device("cpu"), mirror=True, shortest=shortest)


@pytest.fixture(scope="session")
def tiny_pack(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack that has learned a little from the data set, to be trained on."""
    out = tmp_path_factory.mktemp("base") / "run"
    settings = ["--preset", "tiny", "--set", "train_denoiser.steps=300", "--device", "cpu"]
    assert main(["train", "--data", str(dataset_folder), "--out", str(out), *settings]) == 0
    return Pack.open(out / "pack")
