# SPDX-License-Identifier: GPL-3.0-or-later
"""CLIP through OpenCLIP, with small models of the same layout: equal to OpenCLIP's and to Hugging Face's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from official_files import MLD, make_official, small
from safetensors.torch import save_file
from torch import Tensor

from mld_engine.checkpoints.config import TextEncoderConfig
from mld_engine.checkpoints.official.importer import ImportOptions, import_checkpoint
from mld_engine.conditions.text import load_text_encoder
from mld_engine.errors import PackError
from mld_engine.pipeline import MotionPipeline

open_clip = pytest.importorskip("open_clip", reason="OpenCLIP is not installed (install_deps.py --clip)")

CONFIG = TextEncoderConfig(
    name="clip-vit-large-patch14",
    dim=24,
    pooling="end_token",
    normalize=False,
    max_tokens=77,
    model="small-quickgelu",
)
SETTINGS: dict[str, Any] = {
    "embed_dim": 24,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
TEXTS = (
    "",
    "a person walks forward",
    "A man's hand waves, twice!",
    "go there and come back, " * 30,
    "a trap <end_of_text> in the prompt",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A whole CLIP with random weights, larger than freshly initialised ones so that activations matter."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "small-quickgelu.json").write_text(json.dumps(SETTINGS))
    (folder / "small.json").write_text(json.dumps({**SETTINGS, "quick_gelu": False}))
    open_clip.add_model_config(folder)
    torch.manual_seed(3)
    made = open_clip.create_model("small-quickgelu").eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter.mul_(2)
    return made


@pytest.fixture
def tensors(model: Any) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.fixture
def weights(tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model's file, found by the environment variable."""
    path = tmp_path / "open_clip_model.safetensors"
    save_file(tensors, path)
    monkeypatch.setenv("MLD_CLIP_WEIGHTS", str(path))
    return path


def reference(model: Any, text: str) -> Tensor:
    tokens = open_clip.get_tokenizer("small-quickgelu")(text)
    embedding: Tensor = model.encode_text(tokens, normalize=False)[0].detach()
    return embedding


def difference(embedding: Tensor, expected: Tensor) -> float:
    """Largest difference, in parts of the largest value."""
    return float((embedding - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("text", TEXTS)
def test_embeddings_equal_open_clips_own_without_normalisation(model: Any, weights: Path, text: str) -> None:
    embedding = load_text_encoder(CONFIG).embed(text)
    expected = reference(model, text)
    assert embedding.shape == (24,)
    assert difference(embedding, expected) < 1e-5
    assert abs(float(embedding.norm()) - 1) > 0.1


def test_pieces_are_counted_without_the_marks_at_the_ends(model: Any, weights: Path) -> None:
    encoder = load_text_encoder(CONFIG)
    assert encoder.count_pieces("a person walks") == 3
    assert encoder.max_pieces == 75


def test_embeddings_equal_hugging_faces_from_a_file_with_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(4)
    clip = transformers.CLIPTextModelWithProjection(
        transformers.CLIPTextConfig(
            vocab_size=49408,
            hidden_size=32,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            projection_dim=24,
            hidden_act="quick_gelu",
            bos_token_id=49406,
            eos_token_id=49407,
        )
    ).eval()
    with torch.no_grad():
        for parameter in clip.parameters():
            parameter.mul_(2)
    tensors = {
        name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}": tensor.clone()
        for name, tensor in clip.state_dict().items()
    }
    tensors["vision_model.post_layernorm.weight"] = torch.ones(3)
    save_file(tensors, tmp_path / "model.safetensors")
    monkeypatch.setenv("MLD_CLIP_WEIGHTS", str(tmp_path))
    encoder = load_text_encoder(CONFIG)
    for text in TEXTS[:4]:
        tokens = open_clip.get_tokenizer("small-quickgelu")(text)
        with torch.no_grad():
            expected = clip(input_ids=tokens).text_embeds[0]
        assert difference(encoder.embed(text), expected) < 1e-5


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["torch.save", "TorchScript"])
def test_files_of_pytorch_are_read_too(
    model: Any, tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """OpenAI's own ViT-L-14.pt is a TorchScript file with half-precision weights."""
    path = tmp_path / "ViT-L-14.pt"
    if kind == "torch.save":
        torch.save({"state_dict": tensors}, path)
    else:
        script = torch.jit.trace_module(model, {"encode_text": torch.zeros(1, 77, dtype=torch.long)}, check_trace=False)
        torch.jit.save(script, str(path))
    monkeypatch.setenv("MLD_CLIP_WEIGHTS", str(path))
    assert difference(load_text_encoder(CONFIG).embed(TEXTS[1]), reference(model, TEXTS[1])) < 1e-5


def test_the_vision_tower_is_not_needed_and_not_kept(
    model: Any, tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_only = {name: tensor for name, tensor in tensors.items() if not name.startswith(("visual.", "logit_"))}
    save_file(text_only, tmp_path / "text.safetensors")
    monkeypatch.setenv("MLD_CLIP_WEIGHTS", str(tmp_path / "text.safetensors"))
    assert difference(load_text_encoder(CONFIG).embed("jump"), reference(model, "jump")) < 1e-5


def test_an_architecture_with_the_exact_gelu_is_an_error(model: Any, weights: Path) -> None:
    for name in ("small", "ViT-L-14"):
        with pytest.raises(PackError, match="QuickGELU") as caught:
            load_text_encoder(replace(CONFIG, model=name))
        assert caught.value.code == "text_encoder_corrupt"
        assert f"{name}-quickgelu" in caught.value.hint


def test_the_activation_is_seen_in_the_embedding(model: Any, tensors: dict[str, Tensor]) -> None:
    """So that the comparison above would notice the wrong one."""
    exact = open_clip.create_model("small").eval()
    exact.load_state_dict(tensors)
    assert difference(reference(exact, TEXTS[1]), reference(model, TEXTS[1])) > 1e-3


def test_a_pinned_file_is_compared_by_its_hash(weights: Path) -> None:
    with pytest.raises(PackError, match="SHA-256") as caught:
        load_text_encoder(replace(CONFIG, weights_sha256="0" * 64))
    assert caught.value.code == "text_encoder_corrupt"


def test_weights_of_another_size_are_refused(tensors: dict[str, Tensor], weights: Path) -> None:
    tensors["ln_final.weight"] = torch.ones(16)
    save_file(tensors, weights)
    with pytest.raises(PackError, match="does not hold the text tower of small-quickgelu") as caught:
        load_text_encoder(CONFIG)
    assert caught.value.code == "text_encoder_corrupt"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(PackError, match="cannot be read"):
        load_text_encoder(CONFIG)


def test_the_hubs_cache_is_enough(
    model: Any, tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLD_CLIP_WEIGHTS", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PackError) as caught:
        load_text_encoder(CONFIG)
    assert caught.value.code == "text_encoder_missing"
    for words in ("fetch-text-encoder clip", "MLD_CLIP_WEIGHTS", "open_clip_model.safetensors", "huggingface.co/timm"):
        assert words in str(caught.value)
    repository = tmp_path / "models--timm--vit_large_patch14_clip_224.openai"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abc")
    snapshot = repository / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    save_file(tensors, snapshot / "open_clip_model.safetensors")
    assert difference(load_text_encoder(CONFIG).embed("jump"), reference(model, "jump")) < 1e-5


def test_an_imported_checkpoint_reads_its_prompts_with_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file of the official layout to motion that depends on the words."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "wide-quickgelu.json").write_text(json.dumps({**SETTINGS, "embed_dim": 768}))
    open_clip.add_model_config(tmp_path / "models")
    wide = open_clip.create_model("wide-quickgelu").requires_grad_(False)
    save_file(dict(wide.state_dict()), tmp_path / "clip.safetensors")
    monkeypatch.setenv("MLD_CLIP_WEIGHTS", str(tmp_path / "clip.safetensors"))
    torch.save({"state_dict": make_official(small(MLD, time_dim=768, text_dim=768)).state_dict()}, tmp_path / "m.ckpt")
    for name, value in (("Mean", 0.0), ("Std", 1.0)):
        np.save(tmp_path / f"{name}.npy", np.full(263, value))
    options = ImportOptions(text_encoder="clip", mean=tmp_path / "Mean.npy", std=tmp_path / "Std.npy")
    folder = import_checkpoint(tmp_path / "m.ckpt", tmp_path / "pack", options).pack.directory
    config = json.loads((folder / "config.json").read_text())
    assert config["text_encoder"]["model"] == "ViT-L-14-quickgelu"
    config["text_encoder"]["model"] = "wide-quickgelu"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "hashes.json").unlink()
    pipeline = MotionPipeline.from_pack(folder, "cpu")
    walk, jump = (pipeline(text, seconds=1.0, seed=2, steps=3)[0] for text in ("a person walks", "a person jumps"))
    assert walk.frames == 20
    assert np.isfinite(walk.rotations).all()
    assert np.abs(walk.rotations - jump.rotations).max() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_on_a_gpu_gives_nearly_the_same(model: Any, weights: Path) -> None:
    encoder = load_text_encoder(CONFIG, torch.device("cuda"))
    for text in TEXTS:
        embedding = encoder.embed(text)
        assert embedding.dtype == torch.float32
        assert embedding.device.type == "cpu"
        assert float(torch.cosine_similarity(embedding, reference(model, text), dim=0)) > 0.9999
