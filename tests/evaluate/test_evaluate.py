# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole evaluations: every row is there, and what can be known beforehand is so."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.data.store import Dataset
from mld_engine.errors import PackError, RequestError
from mld_engine.evaluate.batches import BatchGenerator, Wishes
from mld_engine.evaluate.evaluator import CONFIG_FILE, WEIGHTS_FILE, load_evaluator
from mld_engine.evaluate.free_text import FreeSentence, measure_free_text
from mld_engine.evaluate.joints import world_joints
from mld_engine.evaluate.metrics.animator import Jitter
from mld_engine.evaluate.report import Choices, compare, evaluate, open_measurement
from mld_engine.models.denoiser import Kind
from mld_engine.pipeline import MotionPipeline

CPU = torch.device("cpu")
QUICK = Choices(splits=("test",), repeats=2, steps=2, speed=False)


def quiet(_: str) -> None:
    pass


def test_a_whole_evaluation(research: Pack, walks: Dataset, evaluator_folder: Path) -> None:
    report = evaluate(research, walks, evaluator_folder, CPU, QUICK, quiet)
    ((_, errors),) = report.tables["Reconstruction"]
    rows = dict(report.tables["Generation"])
    assert list(rows) == [
        "captured",
        "VAE",
        "from text, guidance 4",
        "from action, guidance 2.5",
        "from nothing, guidance 1",
    ]
    assert 0 < errors["PA-MPJPE mm"].mean < errors["MPJPE mm"].mean < 500
    for values in rows.values():
        assert all(np.isfinite(value.mean) for value in values.values())
        assert 0 <= values["R@1"].mean <= values["R@2"].mean <= values["R@3"].mean <= 1
    # Twelve glides at 0, 0.2 ... 2.2 m/s with both toes at 2.6 cm: 1.1 m/s on average.
    assert rows["captured"]["sliding m/s"].mean == pytest.approx(1.1, abs=1e-3)
    assert rows["captured"]["jerk m/s^3"].mean == pytest.approx(0.0, abs=1.0)
    assert rows["captured"]["Label spread"].mean > 0, "faster and slower glides of one label"
    assert rows["VAE"]["FID"].half_width == 0.0, "what the VAE makes does not depend on a seed"
    assert rows["from text, guidance 4"]["FID"].half_width > 0.0
    assert "| captured |" in report.markdown()


def test_batches_make_what_the_pipeline_makes(research: Pack) -> None:
    pipeline = MotionPipeline.from_pack(research, "cpu")
    motion = pipeline(action="walk", style="old", seconds=2.0, seed=11, guidance=2.5, steps=6)[0]
    row, style = research.actions.index("walk"), research.styles.index("old")
    wishes = Wishes(
        torch.tensor([int(Kind.ACTION)]), torch.zeros(1, 384), torch.tensor([row]), torch.tensor([style]), (60,)
    )
    generator = BatchGenerator(research, CPU)
    (features,) = generator.generate(wishes, guidance=2.5, steps=6, seed=11)
    made = generator.representation.to_motion(features)
    np.testing.assert_allclose(made.root.numpy(), motion.root, atol=1e-4)
    same = np.abs((made.rotations.numpy() * motion.rotations).sum(-1))
    assert same.min() > 1 - 1e-6


def test_labels_have_the_styles_that_the_pipeline_draws(research: Pack, walks: Dataset, evaluator_folder: Path) -> None:
    measurement, generator, _ = open_measurement(research, walks, evaluator_folder, CPU, replace(QUICK, repeats=1))
    asked, pipeline = [clip.action for clip in measurement.held_out.clips], MotionPipeline.from_pack(research, "cpu")
    drawn = [
        research.styles.index(pipeline(action=action, seconds=1.0, seed=seed, steps=1)[0].meta["style"])
        for seed, action in enumerate(asked)
    ]
    assert len(set(drawn)) > 1

    def jerk(styles: list[int]) -> float:
        wishes = Wishes(
            torch.full((len(asked),), int(Kind.ACTION)),
            torch.zeros(len(asked), 384),
            torch.tensor([research.actions.index(action) for action in asked]),
            torch.tensor(styles),
            tuple(measurement.held_out.frames),
        )
        features, metric = generator.generate(wishes, guidance=2.5, steps=2, seed=0), Jitter()
        for joints in world_joints(features, generator.representation, torch.tensor(research.offsets)):
            metric.add(joints, research.fps)
        return metric.value()

    measured = measurement.generation("", Kind.ACTION, 2.5, 2)[1]["jerk m/s^3"].mean
    assert measured == pytest.approx(jerk(drawn), rel=1e-6)
    assert measured != pytest.approx(jerk([generator.no_style] * len(asked)), rel=1e-3)


def test_free_sentences_count_the_actions_that_would_be_right(research: Pack, evaluator_folder: Path) -> None:
    evaluator, generator = load_evaluator(evaluator_folder, CPU), BatchGenerator(research, CPU)

    def embed(text: str) -> torch.Tensor:
        return torch.eye(384)[len(text)]

    def rate(*actions: str) -> float:
        sentences = [FreeSentence("go", actions), FreeSentence("come", actions)]
        return measure_free_text(generator, evaluator, sentences, embed, takes=1, guidance=1.0, steps=1).rate

    assert rate(*research.actions) == 1.0
    half = research.actions[:25]
    assert rate(*half) + rate(*research.actions[25:]) == pytest.approx(1.0)


def test_the_command_writes_a_report(
    walks: Dataset, evaluator_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "--data", str(walks.folder), "--evaluator", str(evaluator_folder), "--splits", "test"]
    options = ["--repeats", "1", "--steps", "2", "--no-speed", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main([*command, *options]) == 0
    assert "## Generation" in capsys.readouterr().out
    values = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert {row["row"] for row in values["tables"]["Generation"]} >= {"captured", "VAE"}
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8").startswith("# research on held-out clips")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--splits", "test,foo", "There is no split 'foo'"),
        ("--steps", "0", "denoising steps must be a whole number from 1"),
        ("--guidance", "nan", "guidance scale must be a number from 0"),
        ("--free-text", "-1", "--free-text"),
        ("--repeats", "0", "--repeats"),
        ("--evaluator", "nowhere", "There is no evaluator in nowhere"),
    ],
)
def test_wrong_options_end_in_a_line(
    walks: Dataset, evaluator_folder: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    command = ["evaluate", "--data", str(walks.folder), "--evaluator", str(evaluator_folder), "--device", "cpu"]
    assert main([*command, option, value]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_report_that_cannot_be_written_is_noticed_before_the_work(
    walks: Dataset, evaluator_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    command = ["evaluate", "--data", str(walks.folder), "--evaluator", str(evaluator_folder), "--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "file")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Cannot save" in line


def test_packs_of_another_frame_rate_are_noticed_before_the_work(
    research: Pack, walks: Dataset, evaluator_folder: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    values = json.loads(research.read("config.json"))
    values["representation"]["fps"] = 20.0
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(RequestError, match="has 20 fps, the data set 30"):
        compare([research, Pack(tmp_path)], walks, evaluator_folder, CPU, QUICK, told.append)
    assert told == []


def test_an_ablation_has_a_row_a_pack(research: Pack, walks: Dataset, evaluator_folder: Path) -> None:
    report = compare([research, research], walks, evaluator_folder, CPU, QUICK, quiet)
    errors, made = report.tables["Reconstruction"], report.tables["Generation"]
    assert [name for name, _ in errors] == ["research", "research"]
    assert errors[0][1]["tokens"].mean == 4
    assert errors[0] == errors[1]
    assert [name for name, _ in made] == ["captured", *["research, VAE", "research, from text"] * 2]


def test_what_is_missing_is_named(research: Pack, walks: Dataset, evaluator_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no evaluator in"):
        load_evaluator(tmp_path, CPU)
    with pytest.raises(RequestError, match="one evaluator for all packs"):
        compare([research], walks, None, CPU, QUICK, quiet)
    with pytest.raises(RequestError, match="no held-out clip"):
        evaluate(research, walks, evaluator_folder, CPU, Choices(splits=("val",)), quiet)
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        shutil.copy(evaluator_folder / name, tmp_path)
    (tmp_path / CONFIG_FILE).write_text('{"actions": []}', encoding="utf-8")
    with pytest.raises(PackError, match="cannot be read"):
        load_evaluator(tmp_path, CPU)
