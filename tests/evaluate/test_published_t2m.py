# SPDX-License-Identifier: GPL-3.0-or-later
"""The text-motion evaluator of HumanML3D and KIT-ML, on files of its layout with made-up weights."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from published_files import (
    VOCABULARY,
    motion_embedding,
    t2m_state,
    text_embedding,
    write_glove,
    write_t2m,
)

from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.embeddings import TextTable
from mld_engine.data.store import ClipRecord, Dataset, DatasetWriter
from mld_engine.errors import RequestError
from mld_engine.evaluate.published.glove import read_tokens, read_words
from mld_engine.evaluate.published.loading import read_statistics
from mld_engine.evaluate.published.opening import EvaluatorChoice, open_judge
from mld_engine.evaluate.published.t2m import LONGEST, Networks, load_networks
from mld_engine.evaluate.report import Choices, evaluate, open_measurement
from mld_engine.representations.humanml.layout import ROOT_STEP, YAW_STEP
from mld_engine.representations.humanml.skeleton import HUMANML

CPU = torch.device("cpu")
FPS, FRAMES = 30.0, 72
CAPTIONS = {
    "a person walks": "a/DET person/NOUN walks/VERB",
    "a man bows slowly": "a/DET man/NOUN bows/VERB slowly/ADV",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """t2m, kit and glove beside each other, and the folder texts."""
    folder = tmp_path_factory.mktemp("published")
    write_t2m(folder)
    write_t2m(folder, 251, "kit")
    (folder / "texts").mkdir()
    lines = [f"{caption}#{tokens}#0.0#0.0\n" for caption, tokens in CAPTIONS.items()]
    (folder / "texts" / "000001.txt").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def networks(files: Path) -> Networks:
    meta = files / "t2m" / "Comp_v6_KLD01" / "meta"
    statistics = read_statistics(meta / "mean.npy", meta / "std.npy", 263)
    return load_networks(files / "t2m" / "text_mot_match" / "model" / "finest.tar", statistics, CPU)


@pytest.fixture(scope="module")
def glides(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight clips of 2.4 s that glide along +Z at 0.1, 0.2 ... m/s, and one whose caption has no tokens."""
    folder = tmp_path_factory.mktemp("data") / "glides"
    encoder = Pack.open("research").config.text_encoder
    assert encoder is not None
    said = (*CAPTIONS, "nobody parsed this")
    rotations = np.zeros((FRAMES, 22, 4), np.float32)
    rotations[..., 0] = 1.0
    with DatasetWriter(folder, name="glides", fps=FPS, offsets=REST_OFFSETS) as writer:
        for number in range(9):
            path = np.outer(np.arange(FRAMES) / FPS, [0.0, 0.0, 0.1 * (number + 1)]) + np.array([0.0, 0.92, 0.0])
            caption = said[2] if number == 8 else said[number % 2]
            name = "000007@0.5-3" if number == 1 else f"00000{number}"
            writer.add(ClipRecord(name, rotations, path.astype(np.float32), split="test", captions=(caption,)))
        writer.add_file(TextTable(encoder, said, np.eye(3, encoder.dim, dtype=np.float32)).write)
    return Dataset.open(folder)


def choices(files: Path, **of_evaluator: object) -> Choices:
    chosen = EvaluatorChoice(**{"kind": "t2m", "texts": files / "texts", **of_evaluator})  # type: ignore[arg-type]
    return Choices(splits=("test",), repeats=2, steps=2, speed=False, evaluator=chosen)


def quiet(_: str) -> None:
    pass


def test_motion_is_embedded_as_published(networks: Networks) -> None:
    generator = torch.Generator().manual_seed(2)
    mean, std = torch.linspace(-0.5, 0.5, 263), torch.linspace(0.5, 2.0, 263)
    for length in (4, 40, 96, LONGEST - 4, LONGEST):
        rows = torch.randn(3, length, 263, generator=generator)
        found = networks.embed_motion(rows)
        for one, row in zip(found, rows, strict=True):
            torch.testing.assert_close(one, motion_embedding(t2m_state(), (row - mean) / std), atol=1e-5, rtol=0)


def test_contacts_and_rows_beyond_whole_units_and_196_are_not_read(networks: Networks) -> None:
    rows = torch.randn(1, 211, 263, generator=torch.Generator().manual_seed(3))
    other = rows.clone()
    other[..., -4:] += 1.0
    other[:, LONGEST:] += 1.0
    assert torch.equal(networks.embed_motion(rows), networks.embed_motion(other))
    assert torch.equal(networks.embed_motion(rows[:, :43]), networks.embed_motion(rows[:, :40]))
    assert not torch.allclose(networks.embed_motion(rows[:, :44]), networks.embed_motion(rows[:, :40]))
    with pytest.raises(RequestError, match="4 frames or more"):
        networks.embed_motion(rows[:, :3])


def test_captions_are_embedded_as_published_whatever_stands_beside_them(networks: Networks, files: Path) -> None:
    words = read_words([files / "glove"])
    vectors = torch.from_numpy(np.load(files / "glove" / "our_vab_data.npy")).float()

    def vector(word: str) -> torch.Tensor:
        return vectors[len(VOCABULARY) + 2 - VOCABULARY.index(word)]

    long = ("walks/VERB",) * 25
    captions = [("a/DET", "person/NOUN", "walk/VERB"), ("arm/NOUN",), ("glides/VERB", "slowly/ADV"), long, ("a/XYZ",)]
    # sos and eos are "other" (14), as are unknown words; walk is an act (12), arm a body part (10), slowly manner (13).
    expected = [
        (["sos", "a", "person", "walk", "eos"], [14, 2, 1, 12, 14]),
        (["sos", "arm", "eos"], [14, 10, 14]),
        (["sos", "unk", "slowly", "eos"], [14, 14, 13, 14]),
        (["sos", *["walks"] * 20, "eos"], [14, *[0] * 20, 14]),
        (["sos", "a", "eos"], [14, 14, 14]),
    ]
    together = networks.embed_tokens(captions, words)
    for row, (caption, (known, classes)) in enumerate(zip(captions, expected, strict=True)):
        alone = networks.embed_tokens([caption], words)[0]
        torch.testing.assert_close(together[row], alone, atol=1e-6, rtol=0)
        oracle = text_embedding(t2m_state(), torch.stack([vector(word) for word in known]), classes)
        torch.testing.assert_close(alone, oracle, atol=1e-5, rtol=0)


def test_our_motion_reaches_the_published_features(research: Pack, glides: Dataset, files: Path) -> None:
    measurement, _, judge = open_measurement(research, glides, files, CPU, choices(files))
    held_out = measurement.held_out
    assert len(held_out.clips) == 8
    assert held_out.left_out == 1
    assert set(held_out.captions) == set(CAPTIONS)
    legs = [np.linalg.norm(REST_OFFSETS[joint]) for joint in (5, 8)]
    ratio = (HUMANML.lengths[5] + HUMANML.lengths[8]) / sum(legs)
    assert held_out.judged is not None
    for clip, rows, features in zip(held_out.clips, held_out.judged, held_out.features, strict=True):
        speed = 0.1 * (1 + [*glides.clips].index(clip))
        assert len(features) == FRAMES
        assert rows.shape == (FRAMES * 20 // 30, 263)
        # Metres a frame at 20 frames a second, on the data set's body; our rest pose does not quite face +Z.
        np.testing.assert_allclose(rows[:, ROOT_STEP], [[0.0, ratio * speed / 20]] * len(rows), atol=4e-4)
        np.testing.assert_allclose(rows[:, ROOT_STEP].norm(dim=-1), ratio * speed / 20, atol=1e-5)
        # The published features force the first heading to be straight.
        np.testing.assert_allclose(rows[1:, YAW_STEP], 0.0, atol=1e-5)
        own, _ = judge.embed_motion(features[None])
        captured, _ = judge.embed_judged(rows[None])
        torch.testing.assert_close(own, captured, atol=1e-3, rtol=0)


def test_a_whole_evaluation_says_what_was_judged(research: Pack, glides: Dataset, files: Path) -> None:
    report = evaluate(research, glides, files, CPU, choices(files), quiet)
    rows = dict(report.tables["Generation"])
    assert list(rows)[:3] == ["captured", "VAE", "from text, guidance 4"]
    assert {"R@1", "R@2", "R@3", "MM-Dist", "Diversity", "FID"} <= set(rows["captured"])
    assert "Accuracy" not in rows["captured"], "this evaluator tells no actions"
    assert all(np.isfinite(value.mean) for row in rows.values() for value in row.values())
    said = "\n".join(report.notes)
    assert "1 more cannot be judged" in said
    assert "published one of HumanML3D" in said
    assert "joints of the data set's own motion" in said
    assert "brought to 20 fps and converted to humanml263" in said
    assert "R@1 0.511" in said


def test_named_joint_vecs_are_the_captured_motion(
    research: Pack, glides: Dataset, files: Path, networks: Networks, tmp_path: Path
) -> None:
    generator = np.random.default_rng(8)
    vecs = {name: generator.standard_normal((100, 263)) for name in ("000000", "000004", "000007")}
    for name, rows in vecs.items():
        np.save(tmp_path / f"{name}.npy", rows)
    chosen = choices(files, joint_vecs=tmp_path)
    measurement, _, judge = open_measurement(research, glides, files, CPU, chosen)
    held_out = measurement.held_out
    assert held_out.judged is not None
    found = {clip.name: rows.numpy() for clip, rows in zip(held_out.clips, held_out.judged, strict=True)}
    # Clip 7 is there as a whole and in part; 72 frames at 30 fps are 48 rows at 20 fps.
    assert set(found) == {"000000", "000004", "000007", "000007@0.5-3"}
    np.testing.assert_allclose(found["000000"], vecs["000000"][:48], rtol=1e-6)
    np.testing.assert_allclose(found["000007@0.5-3"], vecs["000007"][10:58], rtol=1e-6)
    assert f"Captured motion: straight from {tmp_path}." in judge.notes
    assert np.isfinite(measurement.real()[1]["FID"].mean)

    (tmp_path / "000004.npy").unlink()
    with pytest.raises(RequestError, match="Only 3 held-out clips can be judged"):
        open_measurement(research, glides, files, CPU, chosen)
    np.save(tmp_path / "000000.npy", np.zeros((100, 251)))
    with pytest.raises(RequestError, match=r"'000000' cannot be read .*\(any, 263\)"):
        open_measurement(research, glides, files, CPU, chosen)


def test_kit_has_features_of_its_own(research: Pack, glides: Dataset, files: Path) -> None:
    measurement, *_ = open_measurement(research, glides, files, CPU, choices(files, kind="kit"))
    assert measurement.held_out.judged is not None
    assert {rows.shape for rows in measurement.held_out.judged} == {(30, 251)}  # 2.4 s at 12.5 fps
    assert np.isfinite(measurement.real()[1]["Diversity"].mean)


def test_the_command_recognises_the_folder(
    glides: Dataset, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(files / "t2m", tmp_path / "deps" / "t2m" / "t2m")
    shutil.copytree(files / "glove", tmp_path / "deps" / "glove")
    command = ["evaluate", "--data", str(glides.folder), "--evaluator", str(tmp_path / "deps" / "t2m")]
    options = ["--splits", "test", "--repeats", "1", "--steps", "1", "--no-speed", "--device", "cpu"]
    assert main([*command, *options]) != 0
    assert "Name the folder texts of HumanML3D with --texts" in capsys.readouterr().err
    assert main([*command, *options, "--texts", str(files / "texts"), "--out", str(tmp_path / "out")]) == 0
    values = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert values["tables"]["Generation"][0]["row"] == "captured"
    assert any("(t2m)" in note for note in values["notes"])


def test_what_is_missing_or_ambiguous_is_named(research: Pack, glides: Dataset, files: Path, tmp_path: Path) -> None:
    def refused(folder: Path, chosen: Choices, words: str) -> None:
        with pytest.raises(RequestError, match=words):
            open_judge(folder, chosen.evaluator, research, glides, chosen.splits, CPU)

    refused(files, choices(files, kind="auto"), r"several evaluators: t2m, kit\. Choose one with --evaluator-kind")
    refused(files, choices(files, kind="uestc"), r"no evaluator of the kind uestc: uestc_rot6d_stgcn\.tar")
    refused(files, choices(files, texts=tmp_path), "holds no texts")
    refused(files, choices(files, glove=tmp_path), r"our_vab_idx\.pkl are not there.*--glove")
    with pytest.raises(RequestError, match="no held-out clip with a caption that is in"):
        open_measurement(research, glides, files, CPU, replace(choices(files), splits=("train",)))
    with pytest.raises(RequestError, match="Free sentences are judged by"):
        evaluate(research, glides, files, CPU, replace(choices(files), free_text=1), quiet)
    bare = tmp_path / "bare"
    write_t2m(bare)
    shutil.rmtree(bare / "t2m" / "Comp_v6_KLD01")
    refused(bare, choices(files), "lacks the evaluator's statistics: mean.npy and std.npy")
    other = tmp_path / "other"
    write_t2m(other, 251)
    refused(other, choices(files), r"mean\.npy holds \(251,\), not finite numbers of shape \(263\)")


def test_texts_without_parts_of_speech_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("a man  walks#a man walks#0.0#0.0\n", encoding="utf-8")
    assert read_tokens(tmp_path, {"somebody else"}) == {}
    with pytest.raises(RequestError, match=r"1\.txt does not give the words of 'a man walks' with parts of speech"):
        read_tokens(tmp_path, {"a man walks"})


class _Harm:
    """Makes a file when it is unpickled by Python."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_hostile_and_damaged_files_are_refused_and_not_run(files: Path, tmp_path: Path) -> None:
    words, marker = write_glove(tmp_path / "glove"), tmp_path / "harmed"
    for content, message in (
        (pickle.dumps(_Harm(marker)), "no pickle of plain words.*mkdir"),
        (pickle.dumps({"a": 1}), "no list of words"),
        (pickle.dumps(["a", "man"]), "no word 'unk'"),
        (pickle.dumps(["unk", "zebra"]), "one of 14 rows"),
        (b"words", "no pickle of plain words"),
    ):
        (words / "our_vab_words.pkl").write_bytes(content)
        with pytest.raises(RequestError, match=message):
            read_words([words])
    statistics = read_statistics(*(files / "t2m" / "Comp_v6_KLD01" / "meta" / f"{x}.npy" for x in ("mean", "std")), 263)
    state = t2m_state()
    broken = {**state, "motion_encoder": {**state["motion_encoder"], "hidden": torch.full((2, 1, 12), torch.nan)}}
    unlike = {**state, "motion_encoder": {**state["motion_encoder"], "hidden": torch.zeros(3, 1, 12)}}
    apart = {**state, "movement_encoder": t2m_state(251)["movement_encoder"]}
    wider = {"input_emb.weight": (12, 8), "output_net.3.weight": (6, 12)}
    for content, message in (
        ({**state, "epoch": _Harm(marker)}, "nothing in it was run"),
        ({"text_encoder": state["text_encoder"]}, "holds no 'movement_encoder'"),
        ({**state, "motion_encoder": [1, 2]}, "holds no 'motion_encoder'"),
        ({**state, "motion_encoder": {"input_emb.weight": 3}}, "is no tensor"),
        ({**state, "motion_encoder": made_up_part(wider)}, "not those of the published network"),
        ({**state, "motion_encoder": {"hidden": torch.zeros(2, 1, 12)}}, "lacks the tensor 'input_emb.weight'"),
        (broken, "values that are not finite"),
        (unlike, "not those of the published network.*hidden"),
        (apart, "another data set's"),
    ):
        torch.save(content, tmp_path / "finest.tar")
        with pytest.raises(RequestError, match=message):
            load_networks(tmp_path / "finest.tar", statistics, CPU)
    assert not marker.exists()


def made_up_part(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros(shape) for name, shape in shapes.items()}
