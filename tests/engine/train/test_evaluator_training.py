# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluator learns which words belong to which motion, and its loss counts what it should."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.cli import main
from mld_engine.data.store import Dataset
from mld_engine.evaluate.evaluator import load_evaluator
from mld_engine.representations.smpl203 import Smpl203
from mld_engine.train.evaluator_stage import contrastive_loss, label_loss, same_meaning


def test_contrast_of_perfect_and_of_blind_embeddings() -> None:
    own, nobody = torch.eye(8), torch.zeros(8, 8, dtype=torch.bool)
    scale = torch.tensor(50.0)
    assert float(contrastive_loss(own, own, scale, nobody)) == pytest.approx(0.0, abs=1e-6)
    blind = torch.ones(8, 8)
    assert float(contrastive_loss(blind, blind, scale, nobody)) == pytest.approx(math.log(8))


def test_paraphrases_are_excused() -> None:
    text = torch.tensor([[1.0, 0.0], [0.99, 0.1], [0.0, 1.0], [1.0, 0.0]])
    action, style = torch.tensor([2, 2, 2, -1]), torch.tensor([0, 0, 0, 0])
    excused = same_meaning(text, action, style)
    assert excused.nonzero().tolist() == [[0, 1], [1, 0]], "neither other words, nor unlabelled clips, nor itself"
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    pair = torch.tensor([[False, True], [True, False]])
    assert float(contrastive_loss(same, same, torch.tensor(9.0), pair)) == pytest.approx(0.0, abs=1e-6)


def test_rows_without_a_label_do_not_count() -> None:
    logits = torch.tensor([[5.0, 0.0], [0.0, 5.0], [0.0, 5.0]])
    expected = torch.nn.functional.cross_entropy(logits[:2], torch.tensor([0, 1]))
    torch.testing.assert_close(label_loss(logits, torch.tensor([0, 1, -1])), expected)
    assert float(label_loss(logits, torch.tensor([-1, -1, -1]))) == 0.0


def test_a_trained_evaluator_knows_walks_from_waves(dataset_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ["train", "evaluator", "--data", str(dataset_folder), "--out", str(run), "--preset", "tiny"]
    assert main([*command, "--steps", "120", "--device", "cpu"]) == 0
    evaluator, dataset = load_evaluator(run / "evaluator", torch.device("cpu")), Dataset.open(dataset_folder)
    offsets = torch.tensor(dataset.offsets)
    right = []
    for clip in dataset.clips:
        frames = slice(clip.start, clip.start + 40)
        rotations, root = (torch.tensor(np.array(array[frames])) for array in (dataset.rotations, dataset.root))
        _, row = evaluator.embed_motion(Smpl203(dataset.fps).from_motion(rotations, root, offsets)[None])
        right.append(evaluator.actions[int(row[0])] == clip.action)
    assert np.mean(right) > 0.8
