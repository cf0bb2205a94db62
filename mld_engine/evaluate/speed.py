# SPDX-License-Identifier: GPL-3.0-or-later
"""Average inference time per sentence (AITS) and floating-point operations of one take."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..checkpoints.pack import Pack
from ..errors import PackError
from ..pipeline import MotionPipeline

_SENTENCES: Final = 10
_SECONDS: Final = 5.0


class Speed(NamedTuple):
    """Of one take of 5 s (shorter where the pack's limit is), with its own number of steps and guidance.

    `seconds` is wall time from the request to the motion in memory, text encoding included, batch 1,
    the mean over sentences that were not seen before, after one that was not counted.
    """

    seconds: float
    gigaflops: float
    condition: str


def measure_speed(pack: Pack, device: torch.device) -> Speed:
    """By text where the pack and its text encoder are there, else by the first action label, else by nothing."""
    pipeline = MotionPipeline.from_pack(pack, device.type)
    condition = _condition(pipeline)
    _make(pipeline, condition, 0)
    started = time.perf_counter()
    for number in range(1, _SENTENCES + 1):
        _make(pipeline, condition, number)
    seconds = (time.perf_counter() - started) / _SENTENCES
    # Operations are counted where they are launched one by one: a recorded CUDA graph shows none of them.
    plain = pipeline if device.type == "cpu" else MotionPipeline.from_pack(pack, "cpu", share=pipeline)
    with FlopCounterMode(display=False) as counter:
        _make(plain, condition, 0)
    return Speed(seconds, counter.get_total_flops() / 1e9, condition)


def _make(pipeline: MotionPipeline, condition: str, number: int) -> None:
    """One take, with words that were not there before."""
    text = f"a person walks forward {number} times" if condition == "text" else None
    action = pipeline.pack.actions[0] if condition == "action" else None
    pipeline(text, action=action, seconds=min(_SECONDS, pipeline.pack.max_seconds), seed=number)
    if pipeline.device.type == "cuda":
        torch.cuda.synchronize()


def _condition(pipeline: MotionPipeline) -> str:
    if "text" in pipeline.pack.conditions:
        try:
            pipeline(text="a person stands", seconds=pipeline.pack.min_seconds, steps=1)
            return "text"
        except PackError:
            pass  # without its text encoder a pack still works from labels
    return "action" if pipeline.pack.actions else "unconditional"
