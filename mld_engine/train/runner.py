# SPDX-License-Identifier: GPL-3.0-or-later
"""Launches training steps: one by one, or as CUDA graphs, and the precision they compute in.

A step of these networks is some thousands of small operations, and launching them takes longer than
computing them. A CUDA graph launches them all at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Iterator

import torch
from torch import Tensor, nn

from ..errors import EngineError
from .options import Precision

Step = Callable[[], Tensor]
"""A whole training step, with the update; returns a detached tensor of loss terms."""


class CaptureError(EngineError):
    """A step could not be captured. The process has to be started again, because CUDA's state is lost."""


class StepRunner:
    """Runs steps on one device. On CUDA, with `graphs`, a key's first step runs as it is and is captured.

    Steps of one key must be the same operations on tensors that stay where they are. What `run`
    returns is valid until the next run.
    """

    def __init__(self, device: torch.device, graphs: bool) -> None:
        self._cuda = device.type == "cuda"
        self._use_graphs = graphs and self._cuda
        self._captured: dict[Hashable, tuple[torch.cuda.CUDAGraph, Tensor]] = {}
        self._stream = torch.cuda.Stream(device) if self._cuda else None  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle() if self._use_graphs else None

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """Everything of a training stage happens inside of this context, on a stream of its own."""
        if self._stream is None:
            yield
            return
        torch.cuda.synchronize()
        with torch.cuda.stream(self._stream):
            yield
        torch.cuda.synchronize()

    def run(self, key: Hashable, step: Step) -> Tensor:
        """One step. Raises CaptureError."""
        if not self._use_graphs:
            return step()
        if key in self._captured:
            graph, output = self._captured[key]
            graph.replay()
            return output
        # This is a step of the training like any other, and the warm-up that a capture needs.
        output = step().clone()
        self._capture(key, step)
        return output

    def forget(self) -> None:
        """Drop the captured graphs and their memory."""
        self.wait()
        self._captured.clear()

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self._stream is not None:
            self._stream.synchronize()

    def _capture(self, key: Hashable, step: Step) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                output = step()
        except Exception as error:
            # Ending the capture fails, too, and hides what went wrong first.
            reason = " ".join(str(error.__context__ or error).split())[:300]
            raise CaptureError("capture_failed", f"A training step cannot be a CUDA graph: {reason}.") from error
        self._captured[key] = graph, output


def compute_in(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[None]:
    """The context of the forward pass. Away from CUDA everything computes in float32."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    # Without the cache of converted weights, which must not outlive a graph.
    return torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)


def prepare_cuda() -> None:
    """Settings that suit these steps; harmless where there is no CUDA."""
    if torch.cuda.is_available():
        # Builds a plan for every shape, which costs more than it saves on windows of thirty lengths.
        torch.backends.cuda.enable_cudnn_sdp(False)


def keep_stream_single(networks: Iterable[nn.Module]) -> None:
    """Keep what flows from block to block in float32 under autocast, which would round it at every skip link."""
    for network in networks:
        for name, module in network.named_modules():
            if name.rpartition(".")[0].endswith("links"):
                module.register_forward_hook(lambda _module, _inputs, output: output.float())
