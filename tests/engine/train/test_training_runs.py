# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs from the command line: data set -> VAE -> denoiser -> pack -> motion; kills and what comes after."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.pipeline import MotionPipeline
from mld_engine.train.config import read_values
from mld_engine.train.run import sole_run


def _arguments(data: Path, out: Path, *more: str) -> list[str]:
    return ["train", "--data", str(data), "--out", str(out), "--device", "cpu", *more]


@pytest.fixture(scope="module")
def run_folder(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny run, which logged every step."""
    folder = tmp_path_factory.mktemp("run") / "tiny"
    assert main(_arguments(dataset_folder, folder, "--preset", "tiny", "--set", "performance.log=0")) == 0
    return folder


def test_the_pack_of_a_run_makes_motion(run_folder: Path) -> None:
    pipeline = MotionPipeline.from_pack(Pack.open(run_folder / "pack"), "cpu")
    walk, again = (pipeline(action="walk", style="old", seconds=1.5, seed=3, steps=5)[0] for _ in range(2))
    assert walk.rotations.shape == (45, 22, 4)
    assert torch.isfinite(torch.from_numpy(walk.rotations)).all()
    assert (walk.rotations == again.rotations).all()
    assert 0.5 < walk.root[:, 1].mean() < 1.3


def test_the_pack_says_how_it_was_made(run_folder: Path) -> None:
    pack = Pack.open(run_folder / "pack")
    assert pack.name == "tiny"
    assert pack.conditions == ("text", "action", "unconditional")
    assert pack.actions == ("walk", "wave_left", "wave_right")
    assert {seen.action: dict(seen.counts) for seen in pack.config.action_styles} == {
        "walk": {"happy": 6, "old": 6},
        "wave_left": {"happy": 3, "old": 3},
        "wave_right": {"happy": 3, "old": 3},
    }
    assert (pack.config.min_frames, pack.config.max_frames) == (24, 48)
    assert read_values(pack.directory / "config.toml") == read_values(run_folder / "config.toml")
    card = (pack.directory / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "CC0" in card
    assert "| test | made |" in card


def test_training_learns(run_folder: Path) -> None:
    for stage in ("vae", "denoiser"):
        with (run_folder / stage / "log.csv").open(encoding="utf-8") as file:
            losses = [float(row["loss"]) for row in csv.DictReader(file)]
        assert len(losses) == 60
        assert sum(losses[-10:]) < 0.8 * sum(losses[:10]), stage


def test_a_finished_run_is_not_trained_again_and_not_overwritten(
    run_folder: Path, dataset_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Pack.open(run_folder / "pack").sha256
    assert main(_arguments(dataset_folder, run_folder)) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(_arguments(dataset_folder, run_folder, "--resume")) == 0
    assert Pack.open(run_folder / "pack").sha256 == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_run_goes_on_bit_for_bit(run_folder: Path, dataset_folder: Path, tmp_path: Path) -> None:
    """To the very weights of the run that nothing disturbed."""
    killed = tmp_path / "killed"
    settings = ["--preset", "tiny", "--set", "performance.log=0", "--set", "performance.checkpoint=0.2"]
    _stop_at_checkpoint(_arguments(dataset_folder, killed, *settings), killed / "vae", "SIGKILL")
    assert not (killed / "vae" / "final.safetensors").exists()
    status = _stop_at_checkpoint(_arguments(dataset_folder, killed, "--resume"), killed / "denoiser", "SIGINT")
    assert status == 130  # the step was finished, and a checkpoint written
    assert not (killed / "pack").exists()
    assert main(_arguments(dataset_folder, killed, "--resume")) == 0
    for stage in ("vae", "denoiser"):
        resumed, expected = (load_file(folder / stage / "final.safetensors") for folder in (killed, run_folder))
        assert all(torch.equal(resumed[name], expected[name]) for name in expected)
        with (killed / stage / "log.csv").open(encoding="utf-8") as file:
            assert [int(row["step"]) for row in csv.DictReader(file)] == list(range(1, 61))
    packs = [Pack.open(folder / "pack") for folder in (killed, run_folder)]
    assert packs[0].sha256 == packs[1].sha256


def test_another_seed_is_another_run(run_folder: Path, dataset_folder: Path, tmp_path: Path) -> None:
    assert main(_arguments(dataset_folder, tmp_path / "a", "--preset", "tiny", "--steps", "3", "--seed", "1")) == 0
    assert main(_arguments(dataset_folder, tmp_path / "b", "--preset", "tiny", "--steps", "3", "--seed", "2")) == 0
    first, second = (Pack.open(tmp_path / name / "pack").tensors("decoder") for name in "ab")
    assert not torch.equal(first["head.weight"], second["head.weight"])


def test_stages_one_by_one_in_a_time_box(dataset_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    started = time.monotonic()
    box = ["--minutes", "0.45", "--set", "train_vae.share=0.9"]
    assert main(_arguments(dataset_folder, out, "--preset", "tiny", *box)) == 0
    # 25 s of the box are kept for measuring and for the pack.
    assert time.monotonic() - started < 27
    with (out / "vae" / "log.csv").open(encoding="utf-8") as file:
        assert float(list(csv.DictReader(file))[-1]["seconds"]) < 3


def test_a_run_that_breaks_down_says_so(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--preset", "tiny", "--steps", "3", "--set", "train_vae.learning_rate=1e30"]
    assert main(_arguments(dataset_folder, tmp_path / "run", *settings)) == 1
    assert "Stage vae broke down" in capsys.readouterr().err
    assert not (tmp_path / "run" / "vae" / "final.safetensors").exists()


def test_one_process_trains_in_a_folder(
    run_folder: Path, dataset_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run_folder / "config.toml").read_bytes()
    with sole_run(run_folder):
        assert main(_arguments(dataset_folder, run_folder, "--resume", "--seed", "9")) == 2
    assert "Another process is training" in capsys.readouterr().err
    assert (run_folder / "config.toml").read_bytes() == before
    assert main(_arguments(dataset_folder, run_folder, "--resume")) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_ends_in_a_line_and_the_run_goes_on(dataset_folder: Path, tmp_path: Path) -> None:
    limited = (
        "import resource, sys; from mld_engine.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); sys.exit(main(sys.argv[1:]))"
    )
    out = tmp_path / "run"
    command = _arguments(dataset_folder, out, "--preset", "tiny", "--steps", "3")
    done = subprocess.run(
        [sys.executable, "-c", limited, *command],
        cwd=Path(__file__).resolve().parents[3],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot be written" in line
    assert "--resume" in line
    assert main(_arguments(dataset_folder, out, "--resume")) == 0
    assert Pack.open(out / "pack").name == "tiny"


def test_a_folder_that_cannot_be_made_is_told(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(_arguments(dataset_folder, tmp_path / "file" / "run", "--preset", "tiny")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "unexpected" not in line
    assert str(tmp_path / "file") in line


def test_a_denoiser_needs_a_vae(dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--preset", "tiny", "--steps", "2"]
    arguments = _arguments(dataset_folder, tmp_path / "run", *settings)
    assert main([arguments[0], "denoiser", *arguments[1:]]) == 2
    assert "train vae" in capsys.readouterr().err
    out = str(tmp_path / "two")
    for stage in ("vae", "denoiser"):
        command = ["train", stage, "--data", str(dataset_folder), "--out", out, "--device", "cpu"]
        assert main([*command, *(settings if stage == "vae" else [])]) == 0
    assert Pack.open(Path(out) / "pack").conditions[0] == "text"


@pytest.mark.parametrize(
    "changes",
    [
        ["denoiser.architecture=decoder", "denoiser.skips=false", "denoiser.duration_token=false"],
        ["vae.architecture=all_encoder", "vae.tokens=1", "vae.skips=false", "data.mirror=false", "data.time_scale=0"],
        ["denoiser.null=empty_text", "schedule.prediction=eps", "train_denoiser.action=0", "train_vae.ema=0"],
    ],
)
def test_switches_of_the_ablations_train(dataset_folder: Path, tmp_path: Path, changes: list[str]) -> None:
    settings = [part for change in changes for part in ("--set", change)]
    assert main(_arguments(dataset_folder, tmp_path / "run", "--preset", "tiny", "--steps", "2", *settings)) == 0
    assert MotionPipeline.from_pack(tmp_path / "run" / "pack", "cpu").pack.config.vae is not None


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = capsys.readouterr().out
    for option in ("--data", "--out", "--preset", "--config", "--set", "--minutes", "--steps", "--seed", "--resume"):
        assert option in text


def _stop_at_checkpoint(arguments: list[str], stage: Path, signal_name: str) -> int:
    """Run the command in a process of its own, send it the signal when the stage has a checkpoint; its exit status."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-m", "mld_engine", *arguments]
    repository = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        command, cwd=repository, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 120
        while not list(stage.glob("checkpoint-*/state.json")):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "no checkpoint in two minutes"
            time.sleep(0.005)
        process.send_signal(getattr(signal, signal_name))
        return process.wait(60)
