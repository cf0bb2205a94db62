# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluators of HumanAct12 and UESTC, on files of their layout with made-up weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from published_files import humanact12_embedding, humanact12_state, uestc_embedding, uestc_state
from torch import Tensor

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.contract.skeleton import PARENTS, REST_OFFSETS
from mld_engine.data.store import ClipRecord, Dataset, DatasetWriter
from mld_engine.errors import RequestError
from mld_engine.evaluate.metrics.distribution import spread_in_groups
from mld_engine.evaluate.published.actions import of_60_frames
from mld_engine.evaluate.published.humanact12 import HANDS, read_humanact12
from mld_engine.evaluate.published.opening import EvaluatorChoice, open_judge
from mld_engine.evaluate.published.uestc import read_uestc
from mld_engine.evaluate.report import Choices, Report, evaluate, open_measurement
from mld_engine.models.denoiser import Kind
from mld_engine.representations.action150 import Action150

CPU = torch.device("cpu")
ACTIONS = ("walk", "sit", "run")
SPLITS = ("test",)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deps")
    (folder / "actionrecognition").mkdir()
    torch.save({"model": humanact12_state(), "epoch": 5}, folder / "actionrecognition" / "humanact12_gru.tar")
    torch.save(uestc_state(), folder / "actionrecognition" / "uestc_rot6d_stgcn.tar")
    return folder


@pytest.fixture(scope="module")
def published_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A small checkpoint of the HumanAct12 layout, imported."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))
    from hostile_files import lightning_values
    from official_files import VARIANTS, make_official, random_tensor, small

    folder = tmp_path_factory.mktemp("packs")
    state = make_official(small(VARIANTS["humanact12"]), fill=random_tensor).state_dict()
    torch.save(lightning_values(state), folder / "actions.ckpt")
    assert main(["import-checkpoint", str(folder / "actions.ckpt"), str(folder / "actions")]) == 0
    return Pack.open(folder / "actions")


def glides(folder: Path, fps: float, frames: int, actions: tuple[str, ...]) -> Dataset:
    """Twelve clips without a caption, each at its own speed, with the labels in turn."""
    rotations = np.zeros((frames, 22, 4), np.float32)
    rotations[..., 0] = 1.0
    with DatasetWriter(folder, name="glides", fps=fps, offsets=REST_OFFSETS) as writer:
        for number in range(12):
            path = np.outer(np.arange(frames) / fps, [0.0, 0.0, 0.2 * number]) + np.array([0.0, 0.92, 0.0])
            action = actions[number % len(actions)]
            writer.add(ClipRecord(str(number), rotations, path.astype(np.float32), split="test", action=action))
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """At 20 frames a second, 60 frames: as the published clips. One label in four is none of HumanAct12's."""
    return glides(tmp_path_factory.mktemp("data") / "slow", 20.0, 60, (*ACTIONS, "fly"))


def measured(pack: Pack, dataset: Dataset, files: Path, kind: str) -> Report:
    chosen = Choices(splits=SPLITS, repeats=2, steps=2, speed=False, evaluator=EvaluatorChoice(kind))
    return evaluate(pack, dataset, files, CPU, chosen, lambda line: None)


def features(count: int, frames: int) -> Tensor:
    return torch.randn(count, frames, 150, generator=torch.Generator().manual_seed(4))


def matrices(motion: Tensor) -> Tensor:
    """(T, 150) -> (T, 24, 3, 3): number d * 25 + j is part d of joint j; 6D are the first two rows."""
    sixd = torch.stack([motion[:, d * 25 : d * 25 + 24] for d in range(6)], -1)
    one = sixd[..., :3] / sixd[..., :3].norm(dim=-1, keepdim=True)
    two = sixd[..., 3:] - (one * sixd[..., 3:]).sum(-1, keepdim=True) * one
    two = two / two.norm(dim=-1, keepdim=True)
    return torch.stack([one, two, torch.linalg.cross(one, two)], -2)


def joints(motion: Tensor) -> Tensor:
    """(T, 150) -> 24 joints (T, 24, 3), one after the other along the body."""
    local, travel = matrices(motion), motion[:, [24, 49, 74]]
    offsets = torch.cat([torch.tensor(REST_OFFSETS), HANDS])
    world, placed = [local[:, 0]], [travel - travel[0]]
    for joint, parent in enumerate((*PARENTS, 20, 21)):
        if joint:
            placed.append(placed[parent] + (world[parent] @ offsets[joint][:, None])[..., 0])
            world.append(world[parent] @ local[:, joint])
    return torch.stack(placed, 1)


def test_humanact12_embeds_as_published(files: Path) -> None:
    network = read_humanact12(files / "actionrecognition" / "humanact12_gru.tar", CPU)
    motions = features(2, 60)
    embeddings, scores = network(motions)
    for embedding, score, motion in zip(embeddings, scores, motions, strict=True):
        expected = humanact12_embedding(humanact12_state(), joints(motion).flatten(1))
        torch.testing.assert_close(embedding, expected[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(score, expected[1], atol=1e-4, rtol=0)


def test_uestc_embeds_as_published(files: Path) -> None:
    network = read_uestc(files / "actionrecognition" / "uestc_rot6d_stgcn.tar", CPU)
    motions = features(2, 60)
    embeddings, scores = network(motions)
    for embedding, score, motion in zip(embeddings, scores, motions, strict=True):
        sixd = torch.stack([motion[:, d * 25 : d * 25 + 24] for d in range(6)], -1)
        expected = uestc_embedding(uestc_state(), sixd)
        torch.testing.assert_close(embedding, expected[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(score, expected[1], rtol=1e-4, atol=1e-4)


def test_a_clip_is_cut_or_stands_still() -> None:
    long, short = features(1, 75), features(1, 9)
    assert torch.equal(of_60_frames(long), long[:, :60])
    filled = of_60_frames(short)
    assert torch.equal(filled[:, :9], short)
    assert torch.equal(filled[:, 9:], short[:, 8:].expand(-1, 51, -1))


def test_a_published_pack_is_judged_in_its_own_features(published_pack: Pack, slow: Dataset, files: Path) -> None:
    report = measured(published_pack, slow, files, "humanact12")
    rows = dict(report.tables["Generation"])
    assert [name.partition(",")[0] for name in rows] == ["captured", "VAE", "from action", "from nothing"]
    assert {"Diversity", "Accuracy", "MultiModality", "FID"} <= set(rows["captured"])
    assert "R@1" not in rows["captured"], "this evaluator reads no text"
    assert all(np.isfinite(value.mean) for row in rows.values() for value in row.values())
    said = "\n".join(report.notes)
    assert "9 clips of test (3 more cannot be judged)" in said
    assert "published one of humanact12" in said
    assert "Generated motion: the pack's own features." in said


@pytest.mark.parametrize("always", ["walk", "drink"])
def test_accuracy_is_the_share_of_clips_that_are_taken_for_their_label(
    published_pack: Pack, slow: Dataset, tmp_path: Path, always: str
) -> None:
    state = humanact12_state()
    state["linear2.weight"][:] = 0.0
    state["linear2.bias"] = torch.tensor([float(action == always) for action in published_pack.actions])
    torch.save({"model": state}, tmp_path / "humanact12_gru.tar")
    rows = dict(measured(published_pack, slow, tmp_path, "auto").tables["Generation"])
    for values in rows.values():
        assert values["Accuracy"].mean == pytest.approx(1 / 3 if always == "walk" else 0.0)


def test_our_own_motion_becomes_their_features(research: Pack, files: Path, tmp_path: Path) -> None:
    dataset = glides(tmp_path / "glides", 30.0, 90, ("run", "jump"))
    chosen = Choices(splits=SPLITS, evaluator=EvaluatorChoice("humanact12"))
    measurement, _, judge = open_measurement(research, dataset, files, CPU, chosen)
    held_out = measurement.held_out
    assert held_out.judged is not None
    assert not measurement.asks(Kind.TEXT)
    with pytest.raises(RequestError, match="reads no captions"):
        measurement.generation("", Kind.TEXT, 1.0, 1)
    for clip, rows, ours in zip(held_out.clips, held_out.judged, held_out.features, strict=True):
        travel = 0.2 * int(clip.name) * torch.arange(60) / 20
        assert (len(ours), len(rows)) == (88, 59), "a multiple of 4 at 30 fps, and as much of it at 20"
        # The data's Y points down and its Z back: number d * 25 + 24 is part d of the translation.
        torch.testing.assert_close(rows[:, 74], -travel[: len(rows)], atol=1e-4, rtol=0)
        upright = Action150(up="y").from_motion(*still(len(rows)), torch.tensor(REST_OFFSETS))
        torch.testing.assert_close(rows[:, :24], upright[:, :24], atol=1e-5, rtol=0)
        from_pack, _ = judge.embed_motion(ours[None])
        captured, _ = judge.embed_judged(rows[None])
        torch.testing.assert_close(from_pack, captured, atol=1e-3, rtol=0)


def still(frames: int) -> tuple[Tensor, Tensor]:
    rotations = torch.zeros(frames, 22, 4)
    rotations[..., 0] = 1.0
    return rotations, torch.zeros(frames, 3)


def test_what_cannot_be_judged_is_refused(
    research: Pack, published_pack: Pack, slow: Dataset, files: Path, tmp_path: Path
) -> None:
    def refused(words: str, folder: Path, pack: Pack, kind: str = "auto") -> None:
        with pytest.raises(RequestError, match=words):
            open_judge(folder, EvaluatorChoice(kind), pack, slow, SPLITS, CPU)

    refused("several evaluators: humanact12, uestc", files, published_pack)
    refused("knows none of the actions that the evaluator tells apart: punching_and", files, research, "uestc")
    path = tmp_path / "humanact12_gru.tar"
    for content, words in (
        (humanact12_state(), "holds no 'model'"),
        ({"model": humanact12_state(inputs=54)}, "reads 54 numbers a frame and tells 12 actions, not 72 and 12"),
        ({"model": {**humanact12_state(), "linear3.weight": torch.zeros(2)}}, "not those of the published network"),
    ):
        torch.save(content, path)
        refused(words, tmp_path, published_pack)
    torch.save(humanact12_state(), path, _use_new_zipfile_serialization=False)
    refused("written by PyTorch before 1.6.*save it again", tmp_path, published_pack)
    torch.save(uestc_state(actions=12), tmp_path / "uestc.tar")
    with pytest.raises(RequestError, match="tells 12 actions, not 24 and 40"):
        read_uestc(tmp_path / "uestc.tar", CPU)


def test_the_spread_of_takes_of_one_label() -> None:
    embeddings = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0], [5.0, 3.0], [9.0, 9.0]])
    assert spread_in_groups(embeddings[[0, 1, 4]], np.array([0, 0, 1])) == 0.0
    # Half of all pairs, drawn with replacement out of two, are of two motions: 3 apart.
    many = [spread_in_groups(embeddings[2:4], np.array([7, 7]), seed=seed) for seed in range(200)]
    assert np.mean(many) == pytest.approx(1.5, abs=0.1)
    assert spread_in_groups(embeddings[:4], np.array([0, 0, 7, 7]), 2000) == pytest.approx(0.75, abs=0.1)
    with pytest.raises(ValueError, match="no embeddings"):
        spread_in_groups(embeddings[:0], np.zeros(0, int))
