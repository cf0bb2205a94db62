# SPDX-License-Identifier: GPL-3.0-or-later
"""Something costly that is loaded once: when it is first needed, or in the background before."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deferred(Generic[T]):
    """`get` loads on the first call and returns the same object ever after, from any thread.

    A load that fails is tried again by the next `get`, so that a repaired file needs no restart.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: list[T] = []

    @property
    def ready(self) -> bool:
        """Whether `get` returns at once."""
        return bool(self._loaded)

    def get(self) -> T:
        """Raises whatever loading raises."""
        with self._lock:
            if not self._loaded:
                self._loaded.append(self._load())
            return self._loaded[0]

    def start(self) -> None:
        """Load in a background thread. A failure shows when somebody calls `get`."""
        if not self.ready:
            threading.Thread(target=self._load_quietly, name="deferred-load").start()

    def _load_quietly(self) -> None:
        # The failure is not lost: `get` tries again and raises it to somebody who can tell a person.
        with contextlib.suppress(Exception):
            self.get()
