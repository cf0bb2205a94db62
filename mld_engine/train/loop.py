# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of a training stage: steps, pace, log lines, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ..errors import EngineError
from .checkpoint import StageState, load_checkpoint, save_checkpoint
from .interrupt import Interrupt
from .optimizer import Optimizer
from .options import PerformanceOptions
from .record import Say, StageRecord
from .runner import Step, StepRunner

NextStep = Callable[[int, float], tuple[Hashable, Step]]
"""(number of the step from 0, progress 0..1) -> the step to run and its key for `StepRunner`."""

_QUEUED_STEPS: Final = 8


@dataclass(frozen=True)
class Pace:
    """How far a stage is: in its time box of `seconds`, or without one in its number of `steps`."""

    steps: int
    seconds: float = 0.0

    def progress(self, step: int, spent: float) -> float:
        """0..1 and beyond, after `step` steps that took `spent` seconds."""
        return spent / self.seconds if self.seconds > 0 else step / self.steps


def seconds_left(minutes: float, spent: float, reserved: float = 0.0, least: float = 1.0) -> float:
    """Of a time box of `minutes`, after `spent` seconds and without those `reserved` for its end; 0 for no box."""
    return max(60 * minutes - spent - reserved, least) if minutes > 0 else 0.0


class StageLoop:
    """Runs a stage from its last checkpoint to its end.

    A checkpoint is written every `performance.checkpoint` seconds and at the end; without a time box
    a stage that was killed and taken up again computes, on a CPU, bit for bit what it would have.
    """

    def __init__(
        self,
        folder: Path,
        optimizer: Optimizer,
        terms: Sequence[str],
        pace: Pace,
        performance: PerformanceOptions,
        runner: StepRunner,
        say: Say,
    ) -> None:
        self._folder, self._optimizer, self._terms = folder, optimizer, terms
        self._performance, self._runner, self._say = performance, runner, say
        self._state = StageState(box=pace.seconds)
        found = load_checkpoint(folder)
        if found is not None:
            tensors, self._state = found
            optimizer.restore(tensors)
        self._pace = Pace(pace.steps, self._state.box)

    @property
    def step(self) -> int:
        """Steps done."""
        return self._state.step

    @property
    def seconds(self) -> float:
        """Seconds of training, over all processes that took part."""
        return self._state.seconds

    def run(self, next_step: NextStep) -> None:
        """Until the end.

        Raises CaptureError, EngineError (training_diverged, output_failed), and KeyboardInterrupt after a checkpoint
        where a signal asked to stop.
        """
        device = next(iter(self._optimizer.parameters.values())).device
        totals = torch.zeros(len(self._terms), device=device)
        counted, step = 0, self._state.step
        started = time.monotonic() - self._state.seconds
        saved = time.monotonic()
        with (
            StageRecord(
                self._folder / "log.csv",
                self._folder.name,
                self._terms,
                step=step,
                interval=self._performance.log,
                say=self._say,
            ) as record,
            self._runner.stream(),
            Interrupt() as interrupt,
        ):
            while (progress := self._pace.progress(step, time.monotonic() - started)) < 1:
                rate = self._optimizer.schedule(progress, step)
                key, compute = next_step(step, progress)
                totals += self._runner.run(key, compute)
                step += 1
                counted += 1
                if step % _QUEUED_STEPS == 0:
                    # Without this the process runs ahead of the device, and of the clock.
                    self._runner.wait()
                if record.due:
                    self._report(record, totals, counted, step, time.monotonic() - started, rate)
                    counted = 0
                if time.monotonic() - saved >= self._performance.checkpoint:
                    self._save(step, time.monotonic() - started)
                    saved = time.monotonic()
                if interrupt.asked:
                    self._runner.wait()
                    self._save(step, time.monotonic() - started)
                    raise KeyboardInterrupt
            self._runner.wait()
            if counted:
                self._report(record, totals, counted, step, time.monotonic() - started, 0.0)
            self._save(step, time.monotonic() - started)

    def _report(
        self, record: StageRecord, totals: Tensor, counted: int, step: int, seconds: float, rate: float
    ) -> None:
        means = (totals / counted).tolist()
        if not all(map(math.isfinite, means)):
            raise EngineError(
                "training_diverged",
                f"Stage {self._folder.name} broke down before step {step}: its loss is no finite number any more.",
                "Train again in another folder, with a smaller learning_rate.",
            )
        totals.zero_()
        record.line(step, seconds, self._pace.progress(step, seconds), rate, means)

    def _save(self, step: int, seconds: float) -> None:
        self._state = StageState(step, seconds, self._pace.seconds)
        save_checkpoint(self._folder, self._optimizer.state(), self._state)
