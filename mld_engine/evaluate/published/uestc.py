# SPDX-License-Identifier: GPL-3.0-or-later
"""UESTC's evaluator (Petrovich et al., 2021, "ACTOR"): an ST-GCN (Yan et al., 2018) that tells 40 actions.

uestc_rot6d_stgcn.tar: tensors by name. The 24 SMPL joints' 6D rotations, without the translation, pass ten
blocks of graph and time convolutions; their mean over time and joints is the embedding. The graph's
three matrices are part of the file. Parameter names are those of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from ...checkpoints.official.action_names import UESTC
from ...representations.action150 import COLUMNS
from .loading import Shapes, bad_evaluator, read_networks

FILE: Final = "uestc_rot6d_stgcn.tar"
_JOINTS: Final = COLUMNS - 1
_NUMBERS: Final = 6
_TIME_KERNEL: Final = 9
_STRIDES: Final = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)


class _GraphConvolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, matrices: int) -> None:
        super().__init__()
        self.matrices = matrices
        self.conv = nn.Conv2d(inputs, outputs * matrices, 1)

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """(B, inputs, T, V) and graph (matrices, V, V) -> (B, outputs, T, V)."""
        mixed = self.conv(x)
        split = mixed.reshape(len(x), self.matrices, -1, *mixed.shape[2:])
        return torch.einsum("bkctv,kvw->bctw", split, graph)


class _Block(nn.Module):
    """Graph convolution, time convolution, and the input beside them: as it is, convolved, or not at all."""

    def __init__(self, inputs: int, outputs: int, matrices: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.gcn = _GraphConvolution(inputs, outputs, matrices)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, (_TIME_KERNEL, 1), (stride, 1), (_TIME_KERNEL // 2, 0)),
            nn.BatchNorm2d(outputs),
        )
        self.first = first
        changes = inputs != outputs or stride != 1
        self.residual = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))
            if changes and not first
            else None
        )

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        made = self.tcn(self.gcn(x, graph))
        if not self.first:
            made = made + (x if self.residual is None else self.residual(x))
        return torch.relu(made)


class Stgcn(nn.Module):
    A: Tensor

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        matrices, joints, _ = shapes["A"]
        self.register_buffer("A", torch.empty(matrices, joints, joints))
        self.data_bn = nn.BatchNorm1d(shapes["data_bn.weight"][0])
        widths = [shapes[f"st_gcn_networks.{row}.tcn.0.weight"][0] for row in range(len(_STRIDES))]
        inputs = [shapes["data_bn.weight"][0] // joints, *widths]
        self.st_gcn_networks = nn.ModuleList(
            _Block(inputs[row], widths[row], matrices, stride, first=row == 0) for row, stride in enumerate(_STRIDES)
        )
        self.edge_importance = nn.ParameterList(torch.empty(matrices, joints, joints) for _ in _STRIDES)
        self.fcn = nn.Conv2d(widths[-1], shapes["fcn.weight"][0], 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, 150) -> embeddings (B, 256) and scores (B, 40)."""
        count, frames, _ = features.shape
        columns = features.reshape(count, frames, _NUMBERS, COLUMNS)[..., :_JOINTS]
        x = self.data_bn(columns.permute(0, 3, 2, 1).flatten(1, 2))
        x = x.reshape(count, _JOINTS, _NUMBERS, frames).permute(0, 2, 3, 1)
        for block, importance in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = block(x, self.A * importance)
        pooled = x.mean((2, 3))
        return pooled, self.fcn(pooled[..., None, None]).flatten(1)


def read_uestc(path: Path, device: torch.device) -> Stgcn:
    """Raises RequestError: missing_file, bad_checkpoint, bad_evaluator."""
    network: Stgcn
    (network,) = read_networks(path, {"": Stgcn})
    sizes = (network.A.shape[1], network.data_bn.num_features, network.fcn.out_channels)
    if sizes != (_JOINTS, _JOINTS * _NUMBERS, len(UESTC)):
        raise bad_evaluator(f"{path} reads {sizes[0]} joints of a body and tells {sizes[2]} actions, not 24 and 40")
    return network.to(device)
