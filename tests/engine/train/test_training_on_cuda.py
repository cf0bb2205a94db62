# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA graphs train as plain steps do. Only where there is a CUDA device."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from mld_engine.cli import main
from mld_engine.train.checkpoint import load_final

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def _train(data: Path, out: Path, *settings: str) -> dict[str, float]:
    """Mean loss of the last twenty of 150 steps, by stage."""
    arguments = ["train", "--data", str(data), "--out", str(out), "--device", "cuda", "--preset", "tiny"]
    changes = ["performance.log=0", *settings]
    options = [part for change in changes for part in ("--set", change)]
    assert main([*arguments, "--steps", "150", *options]) == 0
    losses = {}
    for stage in ("vae", "denoiser"):
        with (out / stage / "log.csv").open(encoding="utf-8") as file:
            values = [float(row["loss"]) for row in csv.DictReader(file)]
        assert len(values) == 150
        losses[stage] = sum(values[-20:]) / 20
    return losses


@pytest.mark.parametrize("harmonics", [0, 12])
def test_graphs_learn_as_much_as_plain_steps(
    harmonics: int, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linear = f"vae.harmonics={harmonics}"
    plain = _train(dataset_folder, tmp_path / "plain", linear, "performance.graphs=false")
    fast = _train(dataset_folder, tmp_path / "fast", linear)
    said = capsys.readouterr()
    assert "goes on without" not in said.out + said.err, "graphs were given up"
    for stage, loss in plain.items():
        assert fast[stage] == pytest.approx(loss, rel=0.2), stage
    final = load_final(tmp_path / "fast" / "vae")
    assert final is not None
    assert all(torch.isfinite(tensor).all() for tensor in final.values())


def test_an_interrupted_run_is_taken_up_on_the_device(dataset_folder: Path, tmp_path: Path) -> None:
    arguments = ["train", "vae", "--data", str(dataset_folder), "--out", str(tmp_path / "run"), "--device", "cuda"]
    assert main([*arguments, "--preset", "tiny", "--steps", "30"]) == 0
    (tmp_path / "run" / "vae" / "final.safetensors").unlink()
    assert main([*arguments, "--resume", "--steps", "60"]) == 0
    with (tmp_path / "run" / "vae" / "log.csv").open(encoding="utf-8") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)][-1] == 60
