# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a training stage: lines or a bar on the console, and log.csv."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

Say = Callable[[str], None]
"""Takes a line for people."""


class StageRecord:
    """Averages the loss terms between lines of the log. Use it as a context.

    log.csv has the columns step, seconds (of training), rate (learning rate), then the terms. Rows
    beyond `step`, which a killed run had written after its last checkpoint, are dropped.
    """

    def __init__(self, path: Path, stage: str, terms: Sequence[str], *, step: int, interval: float, say: Say) -> None:
        self._stage, self._terms, self._interval, self._say = stage, terms, interval, say
        rows = _rows_until(path, step)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(["step", "seconds", "rate", *terms])
        self._csv.writerows(rows)
        self._file.flush()
        self._last_step, self._last_time = step, time.monotonic()
        self._bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=1000, desc=stage, bar_format="{desc} {percentage:3.0f}%|{bar}| {postfix}", leave=True
            )

    @property
    def due(self) -> bool:
        """Whether it is time for a line."""
        return time.monotonic() - self._last_time >= self._interval

    def line(self, step: int, seconds: float, progress: float, rate: float, means: Sequence[float]) -> None:
        """`means` of the terms over the steps since the last line."""
        self._csv.writerow([step, f"{seconds:.1f}", f"{rate:.3e}", *(f"{value:.6g}" for value in means)])
        self._file.flush()
        now = time.monotonic()
        pace = (step - self._last_step) / max(now - self._last_time, 1e-9)
        self._last_step, self._last_time = step, now
        terms = " ".join(f"{name} {value:.4g}" for name, value in zip(self._terms, means, strict=True))
        text = f"step {step} {pace:.1f}/s rate {rate:.1e} {terms}"
        if self._bar is not None:
            self._bar.n = int(1000 * min(progress, 1.0))
            self._bar.set_postfix_str(text)
        else:
            self._say(f"{self._stage} {100 * min(progress, 1.0):3.0f}% {text}")

    def __enter__(self) -> StageRecord:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()
        if self._bar is not None:
            self._bar.close()


def _rows_until(path: Path, step: int) -> list[list[str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [row for row in rows if row and row[0].isdigit() and int(row[0]) <= step]
