# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a network around tensors that are already in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import PackError

Network = TypeVar("Network", bound=nn.Module)


def build(make: Callable[[], Network], tensors: Mapping[str, Tensor], source: str) -> Network:
    """`make()` with its parameters replaced by `tensors` in float32, ready to compute, without gradients.

    `source` is named in errors. Raises PackError (pack_corrupt) when names or shapes differ, or a size fits into
    no memory.
    """
    try:
        with _WithoutInitialValues():
            network = make()
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True, assign=True)
    except RuntimeError as error:
        raise PackError(
            "pack_corrupt",
            f"The weights in {source} do not fit the pack's configuration: {' '.join(str(error).split())[:300]}",
            "Copy the pack again from where you got it.",
            {"file": source},
        ) from error
    return network.eval().requires_grad_(False)


class _WithoutInitialValues(TorchFunctionMode):
    """Leaves new parameters as they are: they are replaced anyway.

    PyTorch's own way, the meta device, imports its compiler at the first random number, which costs
    more than everything else that loading a pack does.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        arguments = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return arguments["tensor"] if "tensor" in arguments else args[0]
        return func(*args, **arguments)
