# SPDX-License-Identifier: GPL-3.0-or-later
"""Average inference time per sentence (AITS) and floating-point operations of one take."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

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


def measure_speed(pipeline: MotionPipeline) -> Speed:
    """By text where the pack and its text encoder are there, else by the first action label, else by nothing."""
    length = min(_SECONDS, pipeline.pack.max_seconds)
    condition = _condition(pipeline)

    def once(number: int) -> None:
        text = f"a person walks forward {number} times" if condition == "text" else None
        action = pipeline.pack.actions[0] if condition == "action" else None
        pipeline(text, action=action, seconds=length, seed=number)
        if pipeline.device.type == "cuda":
            torch.cuda.synchronize()

    once(0)
    started = time.perf_counter()
    for number in range(1, _SENTENCES + 1):
        once(number)
    seconds = (time.perf_counter() - started) / _SENTENCES
    with FlopCounterMode(display=False) as counter:
        once(_SENTENCES + 1)
    return Speed(seconds, counter.get_total_flops() / 1e9, condition)


def _condition(pipeline: MotionPipeline) -> str:
    if "text" in pipeline.pack.conditions:
        try:
            pipeline(text="a person stands", seconds=pipeline.pack.min_seconds, steps=1)
            return "text"
        except PackError:
            pass  # without its text encoder a pack still works from labels
    return "action" if pipeline.pack.actions else "unconditional"
