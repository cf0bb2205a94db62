# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Sentence-T5 with random weights, in the folder layout of sentence-transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor

WIDTH, HEADS, HEAD_WIDTH, FORWARD, LAYERS, BUCKETS, DISTANCE = 8, 2, 4, 16, 2, 8, 16
SETTINGS = {
    "model_type": "t5",
    "d_model": WIDTH,
    "num_heads": HEADS,
    "d_kv": HEAD_WIDTH,
    "d_ff": FORWARD,
    "num_layers": LAYERS,
    "vocab_size": 20,
    "relative_attention_num_buckets": BUCKETS,
    "relative_attention_max_distance": DISTANCE,
    "feed_forward_proj": "relu",
    "dropout_rate": 0.1,
    "layer_norm_epsilon": 1e-6,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
WORDS = ["<pad>", "</s>", "<unk>", "a", "person", "walks", "jumps", "and", "then", "slowly", "dog", "runs", "the"]
MODULES = ("Transformer", "Pooling", "Dense", "Normalize")


def small_t5_tensors(dim: int) -> dict[str, Tensor]:
    """The network's tensors, and linear.weight of the layer to `dim` numbers."""
    generator = torch.Generator().manual_seed(5)
    shapes: dict[str, tuple[int, ...]] = {"shared.weight": (20, WIDTH), "encoder.final_layer_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        attention, forward = (f"encoder.block.{layer}.layer.{part}" for part in (0, 1))
        shapes[f"{attention}.layer_norm.weight"] = shapes[f"{forward}.layer_norm.weight"] = (WIDTH,)
        for name in "qkv":
            shapes[f"{attention}.SelfAttention.{name}.weight"] = (HEADS * HEAD_WIDTH, WIDTH)
        shapes[f"{attention}.SelfAttention.o.weight"] = (WIDTH, HEADS * HEAD_WIDTH)
        shapes[f"{forward}.DenseReluDense.wi.weight"] = (FORWARD, WIDTH)
        shapes[f"{forward}.DenseReluDense.wo.weight"] = (WIDTH, FORWARD)
    shapes["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (BUCKETS, HEADS)
    shapes["linear.weight"] = (dim, WIDTH)
    return {name: 0.7 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write_small_t5(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the files that sentence-transformers would."""
    parts = dict(zip(MODULES, ("", "1_Pooling", "2_Dense", "3_Normalize"), strict=True))
    for place in parts.values():
        (folder / place).mkdir(parents=True, exist_ok=True)
    modules = [
        {"idx": index, "name": str(index), "path": place, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, place) in enumerate(parts.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    identity, outputs = "torch.nn.modules.linear.Identity", len(tensors["linear.weight"])
    dense = {"in_features": WIDTH, "out_features": outputs, "bias": False, "activation_function": identity}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(dense))
    save_file({"linear.weight": tensors["linear.weight"]}, folder / "2_Dense" / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if k != "linear.weight"}, folder / "model.safetensors")
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    # The published file asks for padding and truncation, which must not reach the embedding.
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(4)
    tokenizer.save(str(folder / "tokenizer.json"))
