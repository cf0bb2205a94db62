# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the published evaluators' layout with made-up weights, and their networks written out by hand.

The oracles know the published formulas only: gates of a GRU, convolutions as sums, no module of torch.nn.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv1d, conv2d, layer_norm, leaky_relu

State = dict[str, Tensor]
VOCABULARY = ("unk", "sos", "eos", "a", "person", "man", "walks", "walk", "bows", "slowly", "arm")


def made_up(shapes: Mapping[str, tuple[int, ...]], seed: int) -> State:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}


def gru_shapes(name: str, inputs: int, width: int, ends: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    sizes = {"weight_ih": (3 * width, inputs), "weight_hh": (3 * width, width), "bias_ih": (3 * width,)}
    sizes["bias_hh"] = sizes["bias_ih"]
    return {f"{name}.{part}_{end}": size for part, size in sizes.items() for end in ends}


def summary_shapes(inputs: int, width: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {
        "input_emb.weight": (width, inputs),
        "input_emb.bias": (width,),
        **gru_shapes("gru", width, width, ("l0", "l0_reverse")),
        "output_net.0.weight": (width, 2 * width),
        "output_net.0.bias": (width,),
        "output_net.1.weight": (width,),
        "output_net.1.bias": (width,),
        "output_net.3.weight": (outputs, width),
        "output_net.3.bias": (outputs,),
        "hidden": (2, 1, width),
    }


def t2m_state(features: int = 263) -> dict[str, State]:
    text = {**summary_shapes(300, 10, 6), "pos_emb.weight": (300, 15), "pos_emb.bias": (300,)}
    movement = {
        "main.0.weight": (9, features - 4, 4),
        "main.0.bias": (9,),
        "main.3.weight": (8, 9, 4),
        "main.3.bias": (8,),
        "out_net.weight": (8, 8),
        "out_net.bias": (8,),
    }
    shapes = {"text_encoder": text, "movement_encoder": movement, "motion_encoder": summary_shapes(8, 12, 6)}
    return {part: made_up(sizes, seed) for seed, (part, sizes) in enumerate(shapes.items())}


def write_t2m(folder: Path, features: int = 263, name: str = "t2m") -> Path:
    """folder/<name>/text_mot_match, its statistics, and folder/glove. Returns the file of the networks."""
    file = folder / name / "text_mot_match" / "model" / "finest.tar"
    meta = folder / name / "Comp_v6_KLD01" / "meta"
    for place in (file.parent, meta):
        place.mkdir(parents=True)
    optimiser = {"state": {0: {"step": 3, "exp_avg": torch.zeros(5)}}, "param_groups": [{"lr": 1e-4}]}
    torch.save({**t2m_state(features), "epoch": 7, "opt_motion_encoder": optimiser}, file)
    np.save(meta / "mean.npy", np.linspace(-0.5, 0.5, features))
    np.save(meta / "std.npy", np.linspace(0.5, 2.0, features))
    write_glove(folder / "glove")
    return file


def write_glove(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    vectors = np.random.default_rng(5).standard_normal((len(VOCABULARY) + 3, 300))
    np.save(folder / "our_vab_data.npy", vectors)
    # Rows are not in the order of the words.
    rows = {word: len(VOCABULARY) + 2 - row for row, word in enumerate(VOCABULARY)}
    (folder / "our_vab_words.pkl").write_bytes(pickle.dumps(list(VOCABULARY)))
    (folder / "our_vab_idx.pkl").write_bytes(pickle.dumps(rows))
    return folder


def step(state: State, prefix: str, end: str, value: Tensor, hidden: Tensor) -> Tensor:
    """One step of a GRU: values (inputs,) and (width,) -> (width,)."""
    given = state[f"{prefix}.weight_ih_{end}"] @ value + state[f"{prefix}.bias_ih_{end}"]
    kept = state[f"{prefix}.weight_hh_{end}"] @ hidden + state[f"{prefix}.bias_hh_{end}"]
    (r1, z1, n1), (r2, z2, n2) = given.chunk(3), kept.chunk(3)
    update = torch.sigmoid(z1 + z2)
    return (1 - update) * torch.tanh(n1 + torch.sigmoid(r1 + r2) * n2) + update * hidden


def summarised(state: State, inputs: Tensor) -> Tensor:
    """One sequence (T, inputs) -> (embedding,)."""
    embedded = inputs @ state["input_emb.weight"].T + state["input_emb.bias"]
    ends = []
    for row, (end, order) in enumerate((("l0", 1), ("l0_reverse", -1))):
        hidden = state["hidden"][row, 0]
        for value in embedded.flip(0) if order < 0 else embedded:
            hidden = step(state, "gru", end, value, hidden)
        ends.append(hidden)
    out = state["output_net.0.weight"] @ torch.cat(ends) + state["output_net.0.bias"]
    out = layer_norm(out, out.shape, state["output_net.1.weight"], state["output_net.1.bias"])
    return state["output_net.3.weight"] @ leaky_relu(out, 0.2) + state["output_net.3.bias"]


def motion_embedding(states: dict[str, State], normal: Tensor) -> Tensor:
    """One motion (T, F), normalised as the evaluator does, T a multiple of 4 -> (embedding,)."""
    state, padded = states["movement_encoder"], torch.zeros(196, normal.shape[1] - 4)
    padded[: len(normal)] = normal[:, :-4]
    x = padded.T[None]
    for layer in ("main.0", "main.3"):
        x = leaky_relu(conv1d(x, state[f"{layer}.weight"], state[f"{layer}.bias"], stride=2, padding=1), 0.2)
    moved = x[0].T @ state["out_net.weight"].T + state["out_net.bias"]
    return summarised(states["motion_encoder"], moved[: len(normal) // 4])


def text_embedding(states: dict[str, State], vectors: Tensor, classes: list[int]) -> Tensor:
    """Word vectors (N, 300) and classes -> (embedding,)."""
    state = states["text_encoder"]
    speech = torch.eye(15)[classes] @ state["pos_emb.weight"].T + state["pos_emb.bias"]
    return summarised(state, vectors + speech)


def humanact12_state(inputs: int = 72, actions: int = 12) -> State:
    shapes = {
        **gru_shapes("recurrent", inputs, 128, ("l0",)),
        **gru_shapes("recurrent", 128, 128, ("l1",)),
        "linear1.weight": (30, 128),
        "linear1.bias": (30,),
        "linear2.weight": (actions, 30),
        "linear2.bias": (actions,),
    }
    return made_up(shapes, 11)


def humanact12_embedding(state: State, joints: Tensor) -> tuple[Tensor, Tensor]:
    """One motion (60, 72) -> embedding (30,) and scores (12,)."""
    one, two = torch.zeros(128), torch.zeros(128)
    for frame in joints:
        one = step(state, "recurrent", "l0", frame, one)
        two = step(state, "recurrent", "l1", one, two)
    embedding = torch.tanh(state["linear1.weight"] @ two + state["linear1.bias"])
    return embedding, state["linear2.weight"] @ embedding + state["linear2.bias"]


UESTC_WIDTHS = (8, 8, 8, 8, 12, 12, 12, 16, 16, 16)
UESTC_STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)


def uestc_state(actions: int = 40) -> State:
    shapes: dict[str, tuple[int, ...]] = {"A": (3, 24, 24), "fcn.weight": (actions, 16, 1, 1), "fcn.bias": (actions,)}
    norms = {"data_bn": 144}
    inputs = 6
    for row, (width, stride) in enumerate(zip(UESTC_WIDTHS, UESTC_STRIDES, strict=True)):
        block = f"st_gcn_networks.{row}"
        shapes[f"edge_importance.{row}"] = (3, 24, 24)
        shapes |= {f"{block}.gcn.conv.weight": (3 * width, inputs, 1, 1), f"{block}.gcn.conv.bias": (3 * width,)}
        shapes |= {f"{block}.tcn.2.weight": (width, width, 9, 1), f"{block}.tcn.2.bias": (width,)}
        norms |= {f"{block}.tcn.0": width, f"{block}.tcn.3": width}
        if row and (width != inputs or stride != 1):
            shapes |= {f"{block}.residual.0.weight": (width, inputs, 1, 1), f"{block}.residual.0.bias": (width,)}
            norms[f"{block}.residual.1"] = width
        inputs = width
    for name, width in norms.items():
        shapes |= {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean")}
    state = made_up(shapes, 13)
    for name, width in norms.items():
        state[f"{name}.running_var"] = torch.linspace(0.5, 2.0, width)
        state[f"{name}.num_batches_tracked"] = torch.tensor(100)
    return state


def uestc_embedding(state: State, sixd: Tensor) -> tuple[Tensor, Tensor]:
    """One motion (T, 24 joints, 6) -> embedding and scores."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var, weight, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return batch_norm(x, mean, var, weight, bias)

    x = normed(sixd.flatten(1).T[None], "data_bn")[0]
    x = x.T.reshape(len(sixd), 24, 6).permute(2, 0, 1)[None]
    for row, (width, stride) in enumerate(zip(UESTC_WIDTHS, UESTC_STRIDES, strict=True)):
        block = f"st_gcn_networks.{row}"
        graph = state["A"] * state[f"edge_importance.{row}"]
        mixed = conv2d(x, state[f"{block}.gcn.conv.weight"], state[f"{block}.gcn.conv.bias"])
        y = sum(mixed[:, k * width : (k + 1) * width] @ graph[k] for k in range(3))
        y = torch.relu(normed(y, f"{block}.tcn.0"))
        y = conv2d(y, state[f"{block}.tcn.2.weight"], state[f"{block}.tcn.2.bias"], (stride, 1), (4, 0))
        y = normed(y, f"{block}.tcn.3")
        if f"{block}.residual.0.weight" in state:
            beside = conv2d(x, state[f"{block}.residual.0.weight"], state[f"{block}.residual.0.bias"], (stride, 1))
            y = y + normed(beside, f"{block}.residual.1")
        elif row:
            y = y + x
        x = torch.relu(y)
    embedding = x.mean((2, 3))[0]
    return embedding, state["fcn.weight"][:, :, 0, 0] @ embedding + state["fcn.bias"]
