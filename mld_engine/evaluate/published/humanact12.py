# SPDX-License-Identifier: GPL-3.0-or-later
"""HumanAct12's evaluator (Guo et al., 2020, "Action2Motion"): a GRU that tells 12 actions by joint positions.

humanact12_gru.tar: {"model": tensors}. 24 SMPL joints, the first pelvis at the origin, pass two GRU layers
of 128; tanh of 30 numbers is the embedding. The published code starts the GRU from random numbers; here
it starts from zero, their mean, so that a motion has one embedding. Parameter names are those of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from ...checkpoints.official.action_names import HUMANACT12
from ...kinematics import forward_kinematics
from ...representations.action150 import BODY, unflatten
from ...rotations import rotate
from .loading import Shapes, bad_evaluator, read_networks

FILE: Final = "humanact12_gru.tar"
HANDS: Final = torch.tensor([[0.0840, -0.0082, -0.0149], [-0.0846, -0.0061, -0.0103]])
"""(2, 3) metres: SMPL's left and right hand from their wrists at rest. The engine's body ends at the wrists."""
_WRISTS: Final = (20, 21)
_JOINTS: Final = 24


class GruClassifier(nn.Module):
    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        inputs = shapes["recurrent.weight_ih_l0"][1]
        width = shapes["recurrent.weight_hh_l0"][1]
        layers = sum(name.startswith("recurrent.weight_hh_l") for name in shapes)
        self.recurrent = nn.GRU(inputs, width, layers)
        self.linear1 = nn.Linear(width, shapes["linear1.weight"][0])
        self.linear2 = nn.Linear(self.linear1.out_features, shapes["linear2.weight"][0])

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, 150) -> embeddings (B, 30) and scores (B, 12)."""
        joints = smpl_joints(features).flatten(-2)
        steps, _ = self.recurrent(joints.transpose(0, 1))
        embeddings = torch.tanh(self.linear1(steps[-1]))
        return embeddings, self.linear2(embeddings)


def smpl_joints(features: Tensor) -> Tensor:
    """Features (..., T, 150) -> 24 joints (..., T, 24, 3) in metres and in the data's axes, the first pelvis at 0."""
    rotations, travel = unflatten(features)
    start = travel - travel[..., :1, :]
    world, joints = forward_kinematics(rotations[..., :22, :, :], start, BODY.to(features))
    wrists = list(_WRISTS)
    hands = joints[..., wrists, :] + rotate(world[..., wrists, :, :], HANDS.to(features))
    return torch.cat([joints, hands], -2)


def read_humanact12(path: Path, device: torch.device) -> GruClassifier:
    """Raises RequestError: missing_file, bad_checkpoint, bad_evaluator."""
    network: GruClassifier
    (network,) = read_networks(path, {"model": GruClassifier})
    sizes = (network.recurrent.input_size, network.linear2.out_features)
    if sizes != (3 * _JOINTS, len(HUMANACT12)):
        raise bad_evaluator(f"{path} reads {sizes[0]} numbers a frame and tells {sizes[1]} actions, not 72 and 12")
    return network.to(device)
