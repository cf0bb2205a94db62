# SPDX-License-Identifier: GPL-3.0-or-later
"""A text adapter: sentences are led to the captions that mean the same, and nothing else of the pack changes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_motion import CAPTIONS, FPS, synthetic_records
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from mld_engine.augment.grammar import Grammar
from mld_engine.augment.spoken import Spoken
from mld_engine.checkpoints.config import config_values, parse_config
from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.embeddings import TextTable, read_text_table
from mld_engine.data.store import Dataset, DatasetWriter
from mld_engine.errors import PackError, RequestError
from mld_engine.evaluate.evaluator import (
    Evaluator,
    EvaluatorConfig,
    MotionTextEvaluator,
    evaluator_files,
    load_evaluator,
)
from mld_engine.models.text_adapter import TextAdapter
from mld_engine.pipeline import MotionPipeline
from mld_engine.representations.base import Statistics
from mld_engine.train.caption_trials import try_captions
from mld_engine.train.config import load_values, parse
from mld_engine.train.pack_base import PackBase
from mld_engine.train.words import WordsStage, meanings_of, sentences_for

LABELS = ("walk", "wave_left", "wave_right")
WORDS = {"walk": "go", "wave_left": "bye left", "wave_right": "bye right"}
CAPTION = {
    "walk": "a person walks",
    "wave_left": "a person waves with the left hand",
    "wave_right": "a person waves with the right hand",
}
TOLD, KEPT_BACK = range(12), range(12, 18)


def _text(label: str, number: int) -> str:
    return f"{WORDS[label]} {number}"


@pytest.fixture(scope="module")
def data(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up data, whose table knows slang: a cluster of embeddings for each label, far from its captions."""
    folder = tmp_path_factory.mktemp("words") / "data"
    shutil.copytree(dataset_folder, folder)
    table = read_text_table(folder, "all-MiniLM-L6-v2")
    assert table is not None
    generator = np.random.default_rng(3)
    texts, rows = list(table.texts), [table.embeddings]
    for label in LABELS:
        centre = generator.normal(size=table.encoder.dim)
        for number in (*TOLD, *KEPT_BACK):
            vector = centre + 0.5 * generator.normal(size=table.encoder.dim)
            texts.append(_text(label, number))
            rows.append((vector / np.linalg.norm(vector)).astype(np.float32)[None])
    TextTable(table.encoder, tuple(texts), np.concatenate(rows)).write(folder)
    said = {label: {"": [_text(label, number) for number in TOLD]} for label in ("walk", "wave_left")}
    (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


def _train_words(pack: Pack, data: Path, out: Path, *more: str) -> Pack:
    command = ["train", "words", "--pack", str(pack.directory), "--data", str(data), "--out", str(out)]
    settings = ["words.hidden=64", "words.sentences=0", "words.batch=64", "pack.name=slang"]
    changes = [part for setting in settings for part in ("--set", setting)]
    sentences = ["--sentences", str(data / "said.json")]
    assert main([*command, *changes, *sentences, "--steps", "300", "--device", "cpu", *more]) == 0
    return Pack.open(out / "pack")


@pytest.fixture(scope="module")
def worded(tiny_pack: Pack, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return _train_words(tiny_pack, data, tmp_path_factory.mktemp("words") / "run")


@pytest.fixture(scope="module")
def embeddings(data: Path) -> dict[str, Tensor]:
    table = read_text_table(data, "all-MiniLM-L6-v2")
    assert table is not None
    return {text: torch.tensor(row) for text, row in zip(table.texts, table.embeddings, strict=True)}


def _adapter(pack: Pack) -> TextAdapter:
    tensors = pack.tensors("denoiser")
    network = TextAdapter(384, 64, pack.config.denoiser.text_goals)
    network.load_state_dict({name: tensors[f"adapter.{name}"].float() for name in network.state_dict()})
    return network.eval()


@pytest.fixture(scope="module")
def adapter(worded: Pack) -> TextAdapter:
    return _adapter(worded)


@pytest.mark.parametrize("label", LABELS)
def test_new_words_mean_what_the_captions_mean(label: str, adapter: TextAdapter, embeddings: dict[str, Tensor]) -> None:
    """Words that were kept back, too; those of the right hand were never written, only those of the left."""
    for number in KEPT_BACK:
        with torch.no_grad():
            turned = adapter(embeddings[_text(label, number)])
        near = {other: float(cosine_similarity(turned, embeddings[CAPTION[other]], dim=0)) for other in LABELS}
        assert max(near, key=near.__getitem__) == label
        assert near[label] > 0.9


def test_captions_stay_where_they_are(adapter: TextAdapter, embeddings: dict[str, Tensor]) -> None:
    captions = torch.stack([embeddings[text] for text in CAPTION.values()])
    with torch.no_grad():
        assert cosine_similarity(adapter(captions), captions).min() > 0.9


def test_everything_else_stays(worded: Pack, tiny_pack: Pack) -> None:
    for part in ("encoder", "decoder", "statistics", "denoiser"):
        before, after = tiny_pack.tensors(part), worded.tensors(part)
        assert all(torch.equal(after[name], before[name]) for name in before)
    assert (worded.name, worded.config.denoiser.text_adapter) == ("slang", 64)
    motion = MotionPipeline.from_pack(worded, "cpu")("a person walks", seconds=1.0, steps=2)[0]
    assert np.isfinite(motion.rotations).all()


@pytest.fixture
def says_walk(tmp_path: Path) -> Path:
    """An evaluator that takes every motion for a walk."""
    config = EvaluatorConfig(("walk", "wave_left", "wave_right"), 203, 384, 300, width=16, layers=1, embedding_dim=8)
    network = MotionTextEvaluator(config)
    torch.nn.init.zeros_(network.cls.weight)
    network.cls.bias.data = torch.tensor([1.0, 0.0, 0.0])
    folder = tmp_path / "judge"
    folder.mkdir()
    for name, content in evaluator_files(network, Statistics(torch.zeros(203), torch.ones(203))).items():
        (folder / name).write_bytes(content)
    return folder


def test_captions_are_tried(says_walk: Path, tiny_pack: Pack, data: Path, embeddings: dict[str, Tensor]) -> None:
    base = PackBase(tiny_pack, parse(load_values()), torch.device("cpu"))
    meanings = meanings_of(Dataset.open(data), LABELS)
    evaluator = load_evaluator(says_walk, torch.device("cpu"))
    found = try_captions(base, evaluator, meanings, embeddings, 2, empty_text=None)
    assert found == {text: float("walks" in text) for meaning in meanings for text in meaning.captions}
    assert set(found.values()) == {0.0, 1.0}


@pytest.mark.parametrize("best", CAPTIONS["walk", ""])
def test_sentences_are_led_to_the_caption_that_succeeds(best: str, data: Path, embeddings: dict[str, Tensor]) -> None:
    meanings = meanings_of(Dataset.open(data), LABELS)
    spoken = Spoken.read(data / "said.json")
    said = sentences_for(meanings, Grammar.read(), spoken, 0, np.random.default_rng(0))
    options = parse(load_values(changes=["words.hidden=8"]))
    stage = WordsStage(options, meanings, said, embeddings, {best: 1.0}, torch.device("cpu"), print)
    walks = [number for number, meaning in enumerate(meanings) if meaning.action == "walk"]
    assert walks
    assert torch.allclose(stage.adapter.goals[walks], embeddings[best].expand(len(walks), -1), atol=1e-6)


def test_an_evaluator_chooses_captions(
    says_walk: Path, tiny_pack: Pack, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--evaluator", str(says_walk), "--set", "words.trials=2"]
    pack = _train_words(tiny_pack, data, tmp_path / "run", *more)
    assert pack.config.denoiser.text_goals == 6, "three actions in two styles"
    assert "tried 4 captions, 2 takes each: 50 % of the takes do as told" in capsys.readouterr().out


def test_the_smallest_batch_has_a_caption_and_a_sentence(tiny_pack: Pack, data: Path, tmp_path: Path) -> None:
    pack = _train_words(tiny_pack, data, tmp_path / "run", "--set", "words.batch=2", "--steps", "2")
    assert pack.tensors("denoiser")["adapter.choose.weight"].isfinite().all()


def test_an_evaluator_of_other_features_is_refused(says_walk: Path, tiny_pack: Pack, data: Path) -> None:
    base = PackBase(tiny_pack, parse(load_values()), torch.device("cpu"))
    evaluator = load_evaluator(says_walk, torch.device("cpu"))
    config = replace(evaluator.network.config, features=263)
    other = Evaluator(MotionTextEvaluator(config), evaluator.statistics)
    with pytest.raises(RequestError, match="263 features"):
        try_captions(base, other, meanings_of(Dataset.open(data), LABELS), {}, 1, empty_text=None)


def test_what_is_taught_later_is_not_led_elsewhere(
    worded: Pack, data: Path, tmp_path: Path, embeddings: dict[str, Tensor]
) -> None:
    """A new move's caption reads like slang for walking; after the lesson it stands for itself. A student of the
    pack has its adapter, too."""
    caption, slang = _text("walk", KEPT_BACK[0]), _text("walk", KEPT_BACK[1])
    folder = tmp_path / "mine"
    table = read_text_table(data, "all-MiniLM-L6-v2")
    assert table is not None
    with DatasetWriter(folder, name="mine", fps=FPS, offsets=REST_OFFSETS) as writer:
        for record in synthetic_records()[:6]:
            writer.add(replace(record, split="train", action="", action_mirrored="", captions=(caption,)))
        writer.add_file(table.write)

    def led(pack: Pack, text: str) -> Tensor:
        with torch.no_grad():
            turned: Tensor = _adapter(pack)(embeddings[text])
        return turned

    def near(turned: Tensor, text: str) -> float:
        return float(cosine_similarity(turned, embeddings[text], dim=0))

    assert near(led(worded, caption), CAPTION["walk"]) > 0.9
    command = ["train", "teach", "--pack", str(worded.directory), "--data", str(folder), "--preset", "tiny"]
    more = ["--device", "cpu", "--steps", "250", "--label", "new_move", "--set", "teach.replay=0"]
    assert main([*command, "--out", str(tmp_path / "taught"), *more]) == 0
    taught = Pack.open(tmp_path / "taught")
    assert near(led(taught, caption), caption) > 0.9
    command = ["train", "distill", "--teacher", str(worded.directory), "--data", str(data), "--preset", "tiny"]
    assert main([*command, "--out", str(tmp_path / "fast"), "--device", "cpu", "--steps", "1"]) == 0
    student = Pack.open(tmp_path / "fast" / "pack")
    assert near(led(student, slang), CAPTION["walk"]) > 0.9


def test_an_untrained_adapter_changes_nothing() -> None:
    text = normalize(torch.randn(5, 384, generator=torch.Generator().manual_seed(0)), dim=-1)
    assert torch.allclose(TextAdapter(384, 16, 3).eval()(text), text, atol=1e-6)


def test_an_adapter_needs_texts(tiny_pack: Pack) -> None:
    values = config_values(tiny_pack.config)
    values["denoiser"] |= {"text_adapter": 8, "text_goals": 2, "text_dim": 0}
    with pytest.raises(PackError, match="text_adapter is 8, but the model reads no text"):
        parse_config(values, "config.json")


def test_data_that_says_nothing_of_the_pack_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "said.json").write_text('{"fly": {"": ["up and away"]}}', encoding="utf-8")
    command = ["train", "words", "--data", str(data), "--out", str(tmp_path / "run"), "--set", "words.sentences=0"]
    assert main([*command, "--sentences", str(tmp_path / "said.json"), "--device", "cpu"]) == 2
    assert "no sentences for the actions" in capsys.readouterr().err
