# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a network around tensors that are already in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..errors import PackError

Network = TypeVar("Network", bound=nn.Module)


def build(make: Callable[[], Network], tensors: Mapping[str, Tensor], source: str) -> Network:
    """`make()` with its parameters replaced by `tensors` in float32, ready to compute, without gradients.

    The network is first made without memory, so nothing is initialised only to be thrown away.
    `source` is named in errors. Raises PackError (pack_corrupt) when names or shapes differ.
    """
    with torch.device("meta"):
        network = make()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True, assign=True)
    except RuntimeError as error:
        raise PackError(
            "pack_corrupt",
            f"The weights in {source} do not fit the pack's configuration: {' '.join(str(error).split())[:300]}",
            "Copy the pack again from where you got it.",
            {"file": source},
        ) from error
    return network.eval().requires_grad_(False)
