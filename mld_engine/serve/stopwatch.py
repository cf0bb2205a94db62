# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time of one request went, told from the pipeline's own calls."""

from __future__ import annotations

import time


class Stopwatch:
    """Everything before the first step is text encoding, everything after a take's last step decoding."""

    def __init__(self) -> None:
        self._started = self._mark = time.perf_counter()
        self._text: float | None = None
        self._sampling = 0.0
        self._decoding = 0.0

    def before_step(self) -> None:
        """The pipeline is about to take a denoising step."""
        if self._text is None:
            self._text = self._lap()

    def after_step(self, step: int, total: int) -> None:
        """The pipeline took denoising step `step` (from 1) of `total`."""
        if step == total:
            self._sampling += self._lap()

    def after_take(self) -> None:
        """The pipeline handed out a take."""
        self._decoding += self._lap()

    def milliseconds(self) -> dict[str, float]:
        """{text, sampling, decoding, total}, rounded to hundredths."""
        seconds = {
            "text": self._text or 0.0,
            "sampling": self._sampling,
            "decoding": self._decoding,
            "total": time.perf_counter() - self._started,
        }
        return {name: round(1000.0 * value, 2) for name, value in seconds.items()}

    def _lap(self) -> float:
        before, self._mark = self._mark, time.perf_counter()
        return self._mark - before
