# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentence-T5 from a small folder of sentence-transformers' layout, compared with T5 written out from its paper."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_t5 import BUCKETS, DISTANCE, HEAD_WIDTH, HEADS, LAYERS, small_t5_tensors, write_small_t5
from torch import Tensor

from mld_engine.checkpoints.config import TextEncoderConfig
from mld_engine.conditions.text import load_text_encoder
from mld_engine.errors import PackError

CONFIG = TextEncoderConfig(
    name="sentence-t5-large", dim=6, pooling="mean", normalize=True, max_tokens=12, package="", weights_sha256=""
)


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return small_t5_tensors(CONFIG.dim)


@pytest.fixture
def folder(tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, found by the environment variable."""
    write_small_t5(tmp_path, tensors)
    monkeypatch.setenv("MLD_T5_MODEL", str(tmp_path))
    return tmp_path


def buckets(length: int) -> Tensor:
    """(length, length): relative positions in buckets, exact when near, logarithmic when far (Raffel et al., 2020)."""
    half = BUCKETS // 2
    table = torch.zeros(length, length, dtype=torch.long)
    for query in range(length):
        for key in range(length):
            distance = abs(key - query)
            if distance >= half // 2:
                ratio = math.log(distance / (half // 2)) / math.log(DISTANCE / (half // 2))
                distance = min(half // 2 + int(ratio * (half - half // 2)), half - 1)
            table[query, key] = distance + (half if key > query else 0)
    return table


def expected_embedding(tensors: dict[str, Tensor], ids: list[int]) -> Tensor:
    """The sentence embedding, written out."""

    def root_mean_square_norm(x: Tensor, weight: Tensor) -> Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * weight

    x = tensors["shared.weight"][ids]
    bias = tensors["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"][buckets(len(ids))]
    for layer in range(LAYERS):
        attention, forward = (f"encoder.block.{layer}.layer.{part}" for part in (0, 1))
        h = root_mean_square_norm(x, tensors[f"{attention}.layer_norm.weight"])
        q, k, v = (
            (h @ tensors[f"{attention}.SelfAttention.{name}.weight"].T).view(len(ids), HEADS, HEAD_WIDTH)
            for name in "qkv"
        )
        scores = torch.einsum("qhd,khd->hqk", q, k) + bias.permute(2, 0, 1)
        mixed = torch.einsum("hqk,khd->qhd", scores.softmax(-1), v).flatten(1)
        x = x + mixed @ tensors[f"{attention}.SelfAttention.o.weight"].T
        h = root_mean_square_norm(x, tensors[f"{forward}.layer_norm.weight"])
        h = (h @ tensors[f"{forward}.DenseReluDense.wi.weight"].T).relu()
        x = x + h @ tensors[f"{forward}.DenseReluDense.wo.weight"].T
    states = root_mean_square_norm(x, tensors["encoder.final_layer_norm.weight"])
    embedding = tensors["linear.weight"] @ states.mean(0)
    return embedding / embedding.norm()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1]),
        ("a person walks", [3, 4, 5, 1]),
        ("the person jumps and then walks slowly", [12, 4, 6, 7, 8, 5, 9, 1]),
        ("a person " * 20, [3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 1]),
    ],
)
def test_embeddings_equal_the_papers_t5(folder: Path, tensors: dict[str, Tensor], text: str, ids: list[int]) -> None:
    embedding = load_text_encoder(CONFIG).embed(text)
    assert embedding.dtype == torch.float32
    assert float((embedding - expected_embedding(tensors, ids)).abs().max()) < 2e-6
    assert abs(float(embedding.norm()) - 1) < 1e-6


def test_pieces_are_counted_without_the_end_mark(folder: Path) -> None:
    encoder = load_text_encoder(CONFIG)
    assert encoder.count_pieces("a person walks") == 3
    assert encoder.max_pieces == 11


def test_pickled_half_precision_weights_are_read_without_running_them(folder: Path, tensors: dict[str, Tensor]) -> None:
    """As the published folder has them."""
    network = {name: tensor.half() for name, tensor in tensors.items() if name != "linear.weight"}
    network["encoder.embed_tokens.weight"] = network["shared.weight"]
    torch.save(network, folder / "pytorch_model.bin")
    torch.save({"linear.weight": tensors["linear.weight"]}, folder / "2_Dense" / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (folder / "2_Dense" / "model.safetensors").unlink()
    embedding = load_text_encoder(CONFIG).embed("a person walks")
    halved = {name: tensor.half().float() for name, tensor in tensors.items()}
    halved["linear.weight"] = tensors["linear.weight"]
    assert float((embedding - expected_embedding(halved, [3, 4, 5, 1])).abs().max()) < 2e-6


def change_json(path: Path, change: Callable[[Any], None]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("modules.json", lambda values: values.pop(), "not Transformer, Pooling, Dense, Normalize"),
        ("modules.json", lambda values: values[2].update(path="../elsewhere"), "outside of its own"),
        ("modules.json", lambda values: values[2].pop("type"), "no list of modules"),
        ("1_Pooling/config.json", lambda values: values.update(pooling_mode_cls_token=True), "another pooling"),
        ("2_Dense/config.json", lambda values: values.update(bias=True), "without bias"),
        ("2_Dense/config.json", lambda values: values.update(activation_function="torch.nn.Tanh"), "without bias"),
        ("config.json", lambda values: values.update(d_ff=24), "does not fit its configuration"),
    ],
)
def test_a_folder_of_another_model_is_refused(
    folder: Path, file: str, change: Callable[[Any], None], message: str
) -> None:
    change_json(folder / file, change)
    with pytest.raises(PackError, match=message) as caught:
        load_text_encoder(CONFIG)
    assert caught.value.code == "text_encoder_corrupt"


def test_another_size_than_the_packs_is_refused(folder: Path) -> None:
    with pytest.raises(PackError, match="no layer with 768 outputs"):
        load_text_encoder(replace(CONFIG, dim=768))


def test_damaged_weights_are_no_traceback(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(PackError, match=r"model\.safetensors cannot be read") as caught:
        load_text_encoder(CONFIG)
    assert caught.value.code == "text_encoder_corrupt"


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "config.json", "2_Dense/model.safetensors"])
def test_a_missing_file_is_asked_for_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(PackError, match=name) as caught:
        load_text_encoder(CONFIG)
    assert caught.value.code == "text_encoder_missing"
    assert "huggingface.co/sentence-transformers/sentence-t5-large" in caught.value.hint


def test_nothing_is_downloaded_when_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("MLD_T5_MODEL", raising=False)
    with pytest.raises(PackError, match="not on this computer") as caught:
        load_text_encoder(CONFIG)
    assert caught.value.code == "text_encoder_missing"
    assert "fetch-text-encoder t5" in caught.value.hint
    monkeypatch.setenv("MLD_T5_MODEL", str(tmp_path / "nowhere"))
    with pytest.raises(PackError, match="MLD_T5_MODEL says"):
        load_text_encoder(CONFIG)


def test_the_hubs_cache_is_enough(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_text_encoder(CONFIG).embed("a dog runs")
    cache = tmp_path / "cache"
    repository = cache / "models--sentence-transformers--sentence-t5-large"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abc")
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / "0123abc").symlink_to(folder, target_is_directory=True)
    monkeypatch.delenv("MLD_T5_MODEL")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    assert torch.equal(load_text_encoder(CONFIG).embed("a dog runs"), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_on_a_gpu_gives_nearly_the_same(folder: Path, tensors: dict[str, Tensor]) -> None:
    embedding = load_text_encoder(CONFIG, torch.device("cuda")).embed("a person walks")
    assert embedding.dtype == torch.float32
    assert embedding.device.type == "cpu"
    assert float(embedding @ expected_embedding(tensors, [3, 4, 5, 1])) > 0.9999
