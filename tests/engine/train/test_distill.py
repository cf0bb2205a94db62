# SPDX-License-Identifier: GPL-3.0-or-later
"""Distillation from the command line: the student jumps to where its teacher walks."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.evaluate.batches import BatchGenerator, Wishes
from mld_engine.models.denoiser import Kind
from mld_engine.pipeline import MotionPipeline

CPU = torch.device("cpu")
GUIDANCE = 4.0


def _distill(teacher: Pack, data: Path, out: Path, *more: str) -> Pack:
    command = ["train", "distill", "--teacher", str(teacher.directory), "--data", str(data), "--out", str(out)]
    assert main([*command, "--preset", "tiny", "--device", "cpu", "--set", "performance.log=0", *more]) == 0
    return Pack.open(out / "pack")


@pytest.fixture(scope="module")
def student_folder(tiny_pack: Pack, dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of some hundred steps."""
    out = tmp_path_factory.mktemp("student") / "run"
    _distill(tiny_pack, dataset_folder, out, "--steps", "500")
    return out


def _latents(pack: Pack, steps: int) -> torch.Tensor:
    """From the same noise for every pack: all its labels, in turn."""
    generator, count = BatchGenerator(pack, CPU), 96
    kind, text = torch.full((count,), int(Kind.ACTION)), torch.zeros(count, pack.config.denoiser.text_dim)
    action, style = torch.arange(count) % len(pack.actions), torch.full((count,), generator.no_style)
    wishes = Wishes(kind, text, action, style, (40,) * count)
    return generator.latents(wishes, guidance=GUIDANCE, steps=steps, seed=0)


def _distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).square().mean().sqrt())


def test_one_step_of_the_student_is_many_of_its_teacher(
    tiny_pack: Pack, student_folder: Path, dataset_folder: Path, tmp_path: Path
) -> None:
    # A path of the sampler without added noise has one end, which consistency is about.
    end = _latents(tiny_pack, steps=50)
    untrained = _distill(
        tiny_pack, dataset_folder, tmp_path / "run", "--steps", "1", "--set", "distill.warm_up=1000000"
    )
    before, after = (
        _distance(_latents(pack, steps=1), end) for pack in (untrained, Pack.open(student_folder / "pack"))
    )
    assert after < 0.8 * before


def test_the_loss_falls(student_folder: Path) -> None:
    with (student_folder / "distill" / "log.csv").open(encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 500
    assert sum(losses[-50:]) < 0.9 * sum(losses[:50])


def test_the_student_is_a_pack_of_few_steps(tiny_pack: Pack, student_folder: Path) -> None:
    pack = Pack.open(student_folder / "pack")
    assert (pack.name, pack.licence) == ("tiny-fast", tiny_pack.licence)
    assert (pack.actions, pack.styles, pack.conditions) == (tiny_pack.actions, tiny_pack.styles, tiny_pack.conditions)
    assert pack.config.action_styles == tiny_pack.config.action_styles != ()
    assert (pack.config.schedule.sampler, pack.config.schedule.steps) == ("lcm", 4)
    for component in ("encoder", "decoder", "statistics"):
        mine, theirs = pack.tensors(component), tiny_pack.tensors(component)
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    pipeline = MotionPipeline.from_pack(pack, "cpu")
    for steps in (1, 2, 4, None):
        motion = pipeline(action="walk", seconds=1.5, seed=3, steps=steps)[0]
        assert np.isfinite(motion.rotations).all()
        assert motion.meta["steps"] == (steps or 4)


def test_batches_make_what_the_pipeline_makes_of_a_student(student_folder: Path) -> None:
    pack = Pack.open(student_folder / "pack")
    motion = MotionPipeline.from_pack(pack, "cpu")(action="walk", seconds=1.5, seed=11, guidance=3.0, steps=3)[0]
    generator, row = BatchGenerator(pack, CPU), torch.tensor([pack.actions.index("walk")])
    style = torch.tensor([pack.styles.index(motion.meta["style"])])
    wishes = Wishes(torch.tensor([int(Kind.ACTION)]), torch.zeros(1, 384), row, style, (45,))
    (features,) = generator.generate(wishes, guidance=3.0, steps=3, seed=11)
    np.testing.assert_allclose(generator.representation.to_motion(features).root.numpy(), motion.root, atol=1e-4)


def test_a_student_is_taken_up_again_bit_for_bit(tiny_pack: Pack, dataset_folder: Path, tmp_path: Path) -> None:
    decay = ["--set", "distill.decay=constant"]
    _distill(tiny_pack, dataset_folder, tmp_path / "broken", "--steps", "4", "--seed", "3", *decay)
    _distill(tiny_pack, dataset_folder, tmp_path / "whole", "--steps", "8", "--seed", "3", *decay)
    (tmp_path / "broken" / "distill" / "final.safetensors").unlink()
    resumed = _distill(tiny_pack, dataset_folder, tmp_path / "broken", "--steps", "8", "--resume", *decay)
    whole = Pack.open(tmp_path / "whole" / "pack").tensors("denoiser")
    assert all(torch.equal(tensor, whole[name]) for name, tensor in resumed.tensors("denoiser").items())
    assert bool(whole["guidance.weight"].any()), "the scale is an input that is learned"


def test_what_cannot_be_distilled_is_refused(
    student_folder: Path, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "distill", "--data", str(dataset_folder), "--out", str(tmp_path / "run"), "--preset", "tiny"]
    assert main(command) == 2
    assert "--teacher" in capsys.readouterr().err
    assert main([*command, "--teacher", str(student_folder / "pack")]) == 2
    assert "few-step student" in capsys.readouterr().err
    assert main([*command, "--teacher", "research", "--evaluator", str(tmp_path / "nowhere")]) == 2
    assert "no evaluator in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
