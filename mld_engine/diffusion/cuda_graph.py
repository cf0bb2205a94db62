# SPDX-License-Identifier: GPL-3.0-or-later
"""A computation recorded once on an NVIDIA GPU and launched as a whole from then on.

A denoising step is some hundred small kernels. Launching them one by one from Python takes ten times
as long as they run; a CUDA graph launches all of them at once, with the same results bit for bit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_WARM_UPS = 3
_log = logging.getLogger(__name__)


class Recorded:
    """`compute(*inputs)` for inputs of the shapes of `examples`. What it returns is valid until the next call."""

    def __init__(self, compute: Callable[..., Tensor], examples: Sequence[Tensor]) -> None:
        """Raises RuntimeError where the computation cannot be recorded."""
        self._inputs = [example.clone() for example in examples]
        # Libraries set themselves up at their first calls, which a recording must not contain.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                compute(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = compute(*self._inputs)

    def __call__(self, *inputs: Tensor) -> Tensor:
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept.copy_(given)
        self._graph.replay()
        return self._output


def recorded(compute: Callable[..., Tensor], examples: Sequence[Tensor]) -> Callable[..., Tensor]:
    """`Recorded` on CUDA; elsewhere, and where a driver refuses, `compute` itself."""
    if examples[0].device.type != "cuda":
        return compute
    try:
        return Recorded(compute, examples)
    except RuntimeError as error:
        _log.warning("CUDA graphs do not work here, steps are launched one kernel at a time: %s", error)
        torch.cuda.synchronize()
        return compute
