# SPDX-License-Identifier: GPL-3.0-or-later
"""A text adapter: sentences are led to the captions that mean the same, and nothing else of the pack changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from mld_engine.checkpoints.config import config_values, parse_config
from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.data.embeddings import TextTable, read_text_table
from mld_engine.errors import PackError
from mld_engine.models.text_adapter import TextAdapter
from mld_engine.pipeline import MotionPipeline

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


@pytest.fixture(scope="module")
def worded(tiny_pack: Pack, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    out = tmp_path_factory.mktemp("words") / "run"
    command = ["train", "words", "--pack", str(tiny_pack.directory), "--data", str(data), "--out", str(out)]
    settings = ["words.hidden=64", "words.sentences=0", "words.batch=64", "pack.name=slang"]
    changes = [part for setting in settings for part in ("--set", setting)]
    sentences = ["--sentences", str(data / "said.json")]
    assert main([*command, *changes, *sentences, "--steps", "300", "--device", "cpu"]) == 0
    return Pack.open(out / "pack")


@pytest.fixture(scope="module")
def embeddings(data: Path) -> dict[str, Tensor]:
    table = read_text_table(data, "all-MiniLM-L6-v2")
    assert table is not None
    return {text: torch.tensor(row) for text, row in zip(table.texts, table.embeddings, strict=True)}


@pytest.fixture(scope="module")
def adapter(worded: Pack) -> TextAdapter:
    tensors = worded.tensors("denoiser")
    network = TextAdapter(384, 64)
    network.load_state_dict({name: tensors[f"adapter.{name}"].float() for name in network.state_dict()})
    return network.eval()


@pytest.mark.parametrize("label", LABELS)
def test_new_words_mean_what_the_captions_mean(label: str, adapter: TextAdapter, embeddings: dict[str, Tensor]) -> None:
    """Words that were kept back, too; those of the right hand were never written, only those of the left."""
    for number in KEPT_BACK:
        with torch.no_grad():
            turned = adapter(embeddings[_text(label, number)])
        near = {other: float(cosine_similarity(turned, embeddings[CAPTION[other]], dim=0)) for other in LABELS}
        assert max(near, key=near.__getitem__) == label
        assert near[label] > 0.5 > float(cosine_similarity(embeddings[_text(label, number)], turned, dim=0))


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


def test_an_untrained_adapter_changes_nothing() -> None:
    text = normalize(torch.randn(5, 384, generator=torch.Generator().manual_seed(0)), dim=-1)
    assert torch.allclose(TextAdapter(384, 16).eval()(text), text, atol=1e-6)


def test_an_adapter_needs_texts(tiny_pack: Pack) -> None:
    values = config_values(tiny_pack.config)
    values["denoiser"] |= {"text_adapter": 8, "text_dim": 0}
    with pytest.raises(PackError, match="text_adapter is 8, but the model reads no text"):
        parse_config(values, "config.json")


def test_data_that_says_nothing_of_the_pack_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "said.json").write_text('{"fly": {"": ["up and away"]}}', encoding="utf-8")
    command = ["train", "words", "--data", str(data), "--out", str(tmp_path / "run"), "--set", "words.sentences=0"]
    assert main([*command, "--sentences", str(tmp_path / "said.json"), "--device", "cpu"]) == 2
    assert "no sentences for the actions" in capsys.readouterr().err
